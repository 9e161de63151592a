"""From a raw HTTP request to its answer, with the faults planned for it. Runs on worker threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Final
from uuid import UUID, uuid4

from sandbox.control_http import ROOT, Control
from sandbox.dataverse.http.batch import Batch
from sandbox.dataverse.http.exchange import API, LONGEST_GET, Answer, Request, refused, split_url
from sandbox.dataverse.http.gate import Gate, Unauthorized
from sandbox.dataverse.http.meter import Meter
from sandbox.dataverse.http.service import Service
from sandbox.dataverse.limits.protection import Protection, Throttled, Visit
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.refusals import no_resource, too_long, wrong_method
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Refused
from sandbox.faults import CutInBatch, Faults
from sandbox.health import HEALTH

DISK: Final = ("SQLITE_FULL", "SQLITE_IOERR")
"""How SQLite names that the disk is full, or fails."""


class Cut(Exception):
    """The connection is to be cut, after so many bytes of the answer's body (``None``: before any)."""

    def __init__(self, answer: Answer | None = None, sent: int | None = None) -> None:
        super().__init__()
        self.answer = answer
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    gone: Future[None]
    id: UUID = field(default_factory=uuid4)

    @property
    def path(self) -> str:
        """The URL's path, still percent-encoded."""
        return self.url.partition("?")[0]

    @property
    def root(self) -> str:
        """Scheme and host, as the caller addressed them."""
        return f"{self.headers.get('x-forwarded-proto', 'http')}://{self.headers.get('host', 'localhost')}"

    @property
    def essence(self) -> tuple[str, str, bytes]:
        """What faults are planned by: method, path, body."""
        return self.method, self.path, self.body


class WebApi:
    """The Web API of one organisation."""

    def __init__(
        self,
        organisation: Organisation,
        faults: Faults,
        tokens: Mapping[str, str],
        actions: Sequence[ActionBinding],
        switches: Switches,
    ) -> None:
        self._organisation = organisation
        self._faults = faults
        self._switches = switches
        self._gate = Gate(organisation, tokens)
        self._protection = Protection(organisation.clock, switches.protection)
        self._service = Service(actions, switches)
        self.control = Control(faults, organisation.clock, switches)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, gone: Future[None] | None = None
    ) -> Answer:
        """The answer to a request (``url``: path with query, percent-encoded). Raises ``Cut`` when it is to be lost.

        ``gone`` is done once the caller has hung up.
        """
        call = Call(method, url, headers, body, Future() if gone is None else gone)
        if call.path == HEALTH and method in ("GET", "HEAD"):
            status, value = self.control.health()
            return Answer(status, json=value)
        try:
            answer = self._sandbox(call) if call.path.startswith(ROOT) else self._answer(call)
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(DISK):
                raise
            answer = refused(Refused(f"The sandbox can't write its data: {error}.", "0x80044150", 500))
        answer.headers["Date"] = format_datetime(self._organisation.clock.now(), usegmt=True)
        if call.path.startswith(ROOT):
            return answer
        answer.headers |= {"x-ms-service-request-id": str(call.id), "REQ_ID": str(call.id)}
        answer.headers["x-ms-dop-hint"] = str(self._switches.degree_of_parallelism)
        if "x-ms-client-request-id" in headers:
            answer.headers["x-ms-client-request-id"] = headers["x-ms-client-request-id"]
        lost = self._faults.lost(*call.essence)
        if lost is not None:
            raise Cut(answer, lost.sent)
        return answer

    def _answer(self, call: Call) -> Answer:
        try:
            caller = self._gate.caller(call.headers, expired=self._faults.expired(*call.essence))
            with self._protection.visit(caller, call.headers) as visit:
                self._faults.wait(*call.essence, call.gone, after_commit=False)
                answer = self._admitted(call, caller, visit)
                self._faults.wait(*call.essence, call.gone, after_commit=True)
            answer.headers |= visit.headers
        except Unauthorized as unknown:
            return unknown.answer(call.root)
        except Throttled as throttled:
            return refused(throttled, throttled.headers)
        return answer

    def _admitted(self, call: Call, caller: UUID, visit: Visit) -> Answer:
        fault = self._faults.refusal(*call.essence)
        if fault is not None:
            return refused(Refused(fault.message, fault.code, fault.status), fault.headers, call.headers)
        meter = Meter(self._service, self._protection.settings, visit)
        try:
            match = API.match(call.path)
            if match is None:
                raise no_resource(f"{call.root}{call.path}")
            if call.method == "GET" and len(call.root + call.url) > LONGEST_GET:
                raise too_long(LONGEST_GET)
            base = f"{call.root}{match.group().removesuffix('/')}"
            user = self._gate.acting_for(caller, call.headers) or caller
            resource, query = split_url(call.url)
            request = Request(call.method, resource, query, call.headers, call.body, base, user, call.id, caller=caller)
            return self._carry_out(request, meter, self._faults.cut(*call.essence))
        except Refused as refusal:
            return refused(refusal, asked=call.headers)

    def _carry_out(self, request: Request, meter: Meter, cut: CutInBatch | None) -> Answer:
        if request.path == "$batch":
            if request.method != "POST":
                raise wrong_method(request.method)
            ends = None if cut is None else (cut.after, Cut())
            return Batch(meter.operate, self._faults, self._begin, ends).run(request)
        with self._begin(request) as uow:
            return meter.operate(uow, request)

    def _begin(self, request: Request) -> AbstractContextManager[Transaction]:
        return self._organisation.transaction(
            request.user,
            request_id=uuid4() if request.path == "$batch" else request.request_id,
            correlation_id=_id(request.headers.get("x-ms-correlation-id")),
            caller=request.caller,
        )

    def _sandbox(self, call: Call) -> Answer:
        """What is asked of the sandbox itself, which is no part of Dataverse."""
        try:
            self._gate.operator(call.headers)
        except Unauthorized as unknown:
            return unknown.answer(call.root)
        status, value = self.control.answer(call.method, call.path, call.body)
        return Answer(status, json=value)


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
