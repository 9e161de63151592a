"""From a raw HTTP request to its answer, with the faults planned for it. Runs on worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from sandbox.dataverse.http.batch import Batch
from sandbox.dataverse.http.exchange import API, Answer, Request, refused, split_url
from sandbox.dataverse.http.gate import Gate, Unauthorized
from sandbox.dataverse.http.meter import Meter
from sandbox.dataverse.http.service import Service
from sandbox.dataverse.limits.protection import Protection, Throttled, Visit
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.refusals import no_resource, wrong_method
from sandbox.dataverse.switches import Switches
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Refused
from sandbox.faults import CutInBatch, Faults
from sandbox.faults_http import ROOT, Control


class Cut(Exception):
    """The connection is to be cut, after so many bytes of the answer's body (``None``: before any)."""

    def __init__(self, answer: Answer | None = None, sent: int | None = None) -> None:
        super().__init__()
        self.answer = answer
        self.sent = sent


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
        self._control = Control(faults, organisation.clock, switches)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, gone: Future[None] | None = None
    ) -> Answer:
        """The answer to a request (``url``: path with query, percent-encoded). Raises ``Cut`` when it is to be lost.

        ``gone`` is done once the caller has hung up.
        """
        path = url.partition("?")[0]
        if path.startswith(ROOT):
            return self._sandbox(method, path, headers, body)
        request_id = uuid4()
        gone = Future() if gone is None else gone
        self._faults.wait(method, path, body, gone, after_commit=False)
        answer = self._answer(method, url, path, headers, body, request_id)
        self._faults.wait(method, path, body, gone, after_commit=True)
        answer.headers |= {"x-ms-service-request-id": str(request_id), "REQ_ID": str(request_id)}
        answer.headers["x-ms-dop-hint"] = str(self._switches.degree_of_parallelism)
        if "x-ms-client-request-id" in headers:
            answer.headers["x-ms-client-request-id"] = headers["x-ms-client-request-id"]
        lost = self._faults.lost(method, path, body)
        if lost is not None:
            raise Cut(answer, lost.sent)
        return answer

    def _answer(
        self, method: str, url: str, path: str, headers: Mapping[str, str], body: bytes, request_id: UUID
    ) -> Answer:
        fault = self._faults.refusal(method, path, body)
        if fault is not None:
            return refused(Refused(fault.message, fault.code, fault.status), fault.headers)
        host = headers.get("host", "localhost")
        try:
            caller = self._gate.caller(headers, expired=self._faults.expired(method, path, body))
            with self._protection.visit(caller, headers) as visit:
                answer = self._admitted(method, url, path, headers, body, request_id, caller, host, visit)
            answer.headers |= visit.headers
        except Unauthorized as unknown:
            return unknown.answer(host)
        except Throttled as throttled:
            return refused(throttled, throttled.headers)
        return answer

    def _admitted(
        self,
        method: str,
        url: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        request_id: UUID,
        caller: UUID,
        host: str,
        visit: Visit,
    ) -> Answer:
        meter = Meter(self._service, self._protection.settings, visit)
        try:
            match = API.match(path)
            if match is None:
                raise no_resource(f"http://{host}{path}")
            base = f"http://{host}{match.group().removesuffix('/')}"
            acted_for = self._gate.acting_for(caller, headers)
            resource, query = split_url(url)
            user = acted_for or caller
            request = Request(method, resource, query, headers, body, base, user, request_id, caller=caller)
            return self._carry_out(request, meter, self._faults.cut(method, path, body))
        except Refused as refusal:
            return refused(refusal)

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

    def _sandbox(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What is asked of the sandbox itself, which is no part of Dataverse."""
        try:
            self._gate.administrator(headers)
        except Unauthorized as unknown:
            return unknown.answer(headers.get("host", "localhost"))
        status, value = self._control.answer(method, path, body)
        return Answer(status, json=value)


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
