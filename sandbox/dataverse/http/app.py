"""From a raw HTTP request to its answer, with the faults planned for it. Runs on worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from sandbox.dataverse.http.batch import Batch
from sandbox.dataverse.http.exchange import API, Answer, Request, refused, split_url
from sandbox.dataverse.http.gate import Unauthorized, acting_for, caller
from sandbox.dataverse.http.service import Service
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.refusals import no_resource, wrong_method
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding, Refused
from sandbox.faults import Faults

DEGREE_OF_PARALLELISM = "4"


class WebApi:
    """The Web API of one organisation."""

    def __init__(
        self,
        organisation: Organisation,
        faults: Faults,
        tokens: Mapping[str, str],
        actions: Sequence[ActionBinding],
        *,
        actions_in_change_sets: bool,
    ) -> None:
        self._organisation = organisation
        self._faults = faults
        self._tokens = tokens
        self.service = Service(actions, actions_in_change_sets=actions_in_change_sets)
        self._batch = Batch(self.service, faults, self._begin)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer to a request (``url``: path with query, percent-encoded), or ``None`` when it is to be lost."""
        path = url.partition("?")[0]
        request_id = uuid4()
        self._faults.wait(method, path, body, after_commit=False)
        answer = self._answer(method, url, path, headers, body, request_id)
        self._faults.wait(method, path, body, after_commit=True)
        if self._faults.lost(method, path, body):
            return None
        answer.headers |= {"x-ms-service-request-id": str(request_id), "REQ_ID": str(request_id)}
        answer.headers["x-ms-dop-hint"] = DEGREE_OF_PARALLELISM
        if "x-ms-client-request-id" in headers:
            answer.headers["x-ms-client-request-id"] = headers["x-ms-client-request-id"]
        return answer

    def _answer(
        self, method: str, url: str, path: str, headers: Mapping[str, str], body: bytes, request_id: UUID
    ) -> Answer:
        fault = self._faults.refusal(method, path, body)
        if fault is not None:
            return refused(Refused(fault.message, fault.code, fault.status), fault.headers)
        host = headers.get("host", "localhost")
        try:
            user = caller(self._tokens, headers)
            match = API.match(path)
            if match is None:
                raise no_resource(f"http://{host}{path}")
            base = f"http://{host}{match.group().removesuffix('/')}"
            user = acting_for(self._organisation, headers) or user
            resource, query = split_url(url)
            request = Request(method, resource, query, headers, body, base, user, request_id)
            return self._carry_out(request)
        except Unauthorized:
            challenge = f'Bearer authorization_uri="http://{host}/oauth2/authorize", resource_id="http://{host}/"'
            return Answer(401, {"WWW-Authenticate": challenge}, text="HTTP Error 401 - Unauthorized: Access is denied")
        except Refused as refusal:
            return refused(refusal)

    def _carry_out(self, request: Request) -> Answer:
        if request.path == "$batch":
            if request.method != "POST":
                raise wrong_method(request.method)
            return self._batch.run(request)
        with self._begin(request) as uow:
            return self.service.operate(uow, request)

    def _begin(self, request: Request) -> AbstractContextManager[Transaction]:
        return self._organisation.transaction(
            request.user,
            request_id=uuid4() if request.path == "$batch" else request.request_id,
            correlation_id=_id(request.headers.get("x-ms-correlation-id")),
        )


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
