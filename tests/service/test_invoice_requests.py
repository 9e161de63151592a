"""What calling for an invoice looks like on the wire, in the fence and recorded first, against mocked HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import responses
from requests import PreparedRequest

from connector.dataverse.changes import ChangeSet, Committed
from handlers.fence import fence
from handlers.invoicing import whole_contract
from handlers.recorded import InvoiceCalls, Mode
from mappings import keys
from mappings.messages import CreateInvoices
from mappings.row import Row
from mappings.tables import COMMAND, Ref
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.world import World

CONTRACT, GIVEN = UUID(int=5, version=4), UUID(int=6, version=4)
ATTEMPT, CLAIM, LEASE = keys.attempt_id(CONTRACT, GIVEN), keys.claim_id(GIVEN), keys.lease_id(CONTRACT)
ACTION = f"/salesorders({CONTRACT})/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract?tag=psa-connector"
PERSON = UUID(int=9, version=4)
WRITTEN = '"modifiedon":"2026-02-16T12:00:00Z"'
CALLING = f'"psac_state":"calling",{WRITTEN}'


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A client that has learned the tables it writes to."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        world.client.metadata.learn({"salesorder", COMMAND})
        yield world


def change_set() -> ChangeSet:
    command = CreateInvoices(command=GIVEN, requested_by="clerk", contract=CONTRACT)
    lease = Row(Ref(COMMAND, LEASE), 'W/"7"', {"psac_mark": 3, "createdon": datetime(2026, 1, 1, tzinfo=UTC)})
    return fence(command, {"rows": [], "total": "0"}, lease, PERSON, whole_contract(CONTRACT))


def batch(*parts: str) -> dict[str, str]:
    body = "".join(f"--b\r\n{part}" for part in parts)
    return {"body": f"{body}--b--\r\n", "content_type": "multipart/mixed; boundary=b"}


def done(times: int) -> str:
    one = "Content-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n"
    inner = "".join(f"--c\r\n{one}" for _ in range(times))
    return f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{inner}--c--\r\n" if times > 1 else one


def told(request: object) -> list[str]:
    """Method, path and conditions of what a batch asks for."""
    text = request.decode() if isinstance(request, bytes) else str(request)
    found = re.findall(r"(?m)^(?:(?P<line>(?:PATCH|POST) \S+) HTTP/1\.1|(?P<when>If-[^\r\n]+))\r?$", text)
    return [line.replace("/api/data/v9.2", "") or when for line, when in found]


def test_the_fence_is_one_change_set_sent_for_the_person_who_asks(world: World) -> None:
    with responses.RequestsMock() as http:
        http.post(f"{world.sandbox.dataverse}/api/data/v9.2/$batch", **batch(done(4)))
        assert InvoiceCalls(world.client, lambda: Mode.FENCE).commit([change_set()]) == [Committed((None,) * 4)]
        (call,) = http.calls
    assert told(call.request.body) == [
        f"PATCH /psac_commands({ATTEMPT})?tag=psa-connector",
        "If-None-Match: *",
        f"PATCH /psac_commands({CLAIM})?tag=psa-connector",
        "If-None-Match: *",
        f"PATCH /psac_commands({LEASE})?tag=psa-connector",
        'If-Match: W/"7"',
        f"POST {ACTION}",
    ]
    assert b'"psac_state":"called"' in call.request.body  # type: ignore[operator]
    assert call.request.headers["CallerObjectId"] == str(PERSON)


def test_recorded_first_it_is_a_change_set_then_the_call_alone_then_what_is_known_of_it(world: World) -> None:
    api = f"{world.sandbox.dataverse}/api/data/v9.2"
    token: list[str] = []

    def attempt(request: object) -> tuple[int, dict[str, str], str]:
        outcome = f'{{\\"record\\":\\"{token[0]}\\"}}'
        row = f'{{"@odata.etag":"W/\\"8\\"","psac_commandid":"{ATTEMPT}","psac_outcome":"{outcome}",{CALLING}}}'
        return 200, {"Content-Type": "application/json"}, f'{{"value":[{row}]}}'

    def first(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        token.extend(re.findall(r'\\"record\\":\\"([0-9a-f-]+)', str(request.body, "utf-8")))  # type: ignore[arg-type]
        answer = batch(done(3))
        return 200, {"Content-Type": answer["content_type"]}, answer["body"]

    with responses.RequestsMock() as http:
        http.add_callback("POST", f"{api}/$batch", first)
        http.post(f"{api}/$batch", **batch(done(1)))
        http.add_callback("GET", f"{api}/psac_commands", attempt)
        one_of_a_set = done(2).replace("--c\r\n" + done(1), "", 1)
        http.post(f"{api}/$batch", **batch(one_of_a_set))
        assert InvoiceCalls(world.client, lambda: Mode.RECORDED).commit([change_set()]) == [Committed((None,) * 4)]
        record, call, look, turned = (one.request for one in http.calls)
    assert told(record.body) == [
        f"PATCH /psac_commands({ATTEMPT})?tag=psa-connector",
        "If-None-Match: *",
        f"PATCH /psac_commands({CLAIM})?tag=psa-connector",
        "If-None-Match: *",
        f"PATCH /psac_commands({LEASE})?tag=psa-connector",
        'If-Match: W/"7"',
    ]
    assert b'"psac_state":"calling"' in record.body  # type: ignore[operator]
    assert told(call.body) == [f"POST {ACTION}"]
    assert b"changeset" not in call.body  # type: ignore[operator]
    assert [one.headers.get("CallerObjectId") for one in (record, call, turned)] == [str(PERSON), str(PERSON), None]
    assert f"psac_commandid eq {ATTEMPT}" in str(look.url).replace("%20", " ")
    assert told(turned.body) == [f"PATCH /psac_commands({ATTEMPT})?tag=psa-connector", 'If-Match: W/"8"']
    assert b'"psac_state":"called"' in turned.body  # type: ignore[operator]
    assert rb"\"called_at\":\"2026-02-16T12:00:00+00:00\"" in turned.body  # type: ignore[operator]
