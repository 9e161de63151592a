"""``$batch``: order, boundaries, change sets that stand or fall as one, and what a batch may not hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api, Ear

SINGLE = "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\n"
GO_ON = {"Prefer": "odata.continue-on-error"}


def request(method: str, url: str, body: str = "", **headers: str) -> str:
    lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"{method} {url} HTTP/1.1\nContent-Type: application/json\n{lines}\n{body}\n"


def change_set(*requests_: str, name: str = "c") -> str:
    parts = "".join(
        f"--{name}\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: {number}\n\n{text}"
        for number, text in enumerate(requests_, 1)
    )
    return f"--b\nContent-Type: multipart/mixed; boundary={name}\n\n{parts}--{name}--\n"


def statuses(answer: requests.Response) -> list[Any]:
    """The shape of the answer: a status per operation, a list of them per change set."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    return [read(part) for part in parts_of(head + answer.content)]


def parts_of(content: bytes) -> list[Any]:
    message = message_from_bytes(content, policy=HTTP)
    assert message.is_multipart()
    return list(message.iter_parts())


def read(part: Any) -> Any:
    if part.is_multipart():
        return [read(inner) for inner in part.iter_parts()]
    assert part.get_content_type() == "application/http"
    match = re.match(rb"HTTP/1\.1 (\d{3}) [\w ]+\r?\n", part.get_payload(decode=True))
    assert match is not None
    return int(match.group(1))


def test_answers_come_in_the_order_of_the_requests(api: Api) -> None:
    id = uuid4()
    answer = api.batch(
        SINGLE
        + request("GET", "/api/data/v9.2/WhoAmI")
        + change_set(
            request("POST", "accounts", f'{{"accountid":"{id}","name":"A"}}'), request("POST", "contacts", "{}")
        )
        + SINGLE
        + request("GET", f"{api.root}/accounts({id})?$select=name")
        + "--b--\n"
    )
    assert answer.status_code == 200
    assert re.match(r"multipart/mixed; boundary=batchresponse_[0-9a-f-]{36}$", answer.headers["Content-Type"])
    assert statuses(answer) == [200, [204, 204], 200]
    assert re.search(rb"boundary=changesetresponse_[0-9a-f-]{36}\r\n", answer.content)
    assert re.findall(rb"Content-ID: (\d)\r\n", answer.content) == [b"1", b"2"]
    assert f"OData-EntityId: {api.root}/accounts({id})\r\n".encode() in answer.content
    assert b'"name":"A"' in answer.content


def test_a_failed_change_set_leaves_nothing_and_answers_once(api: Api, ear: Ear) -> None:
    ear.heard.clear()
    answer = api.batch(
        change_set(request("POST", "accounts", '{"name":"A"}'), request("POST", "accounts", '{"nonsense":1}'))
        + "--b--\n"
    )
    assert answer.status_code == 400
    assert statuses(answer) == [[400]]
    assert b'{"error":{"code":"0x80048d19"' in answer.content
    assert api.get("accounts")["value"] == []
    assert ear.heard == []


def test_without_continue_on_error_the_batch_stops_at_the_first_error(api: Api) -> None:
    body = (
        SINGLE
        + request("POST", "accounts", '{"name":"A"}')
        + SINGLE
        + request("GET", "nothings")
        + SINGLE
        + request("POST", "accounts", '{"name":"B"}')
        + "--b--\n"
    )
    answer = api.batch(body)
    assert (answer.status_code, statuses(answer)) == (400, [204, 404])
    assert [row["name"] for row in api.get("accounts?$select=name")["value"]] == ["A"]
    answer = api.batch(body, **GO_ON)
    assert (answer.status_code, statuses(answer)) == (200, [204, 404, 204])


def test_change_sets_stand_or_fall_alone_when_the_batch_goes_on(api: Api) -> None:
    taken = api.create("accounts", {"name": "taken"})
    answer = api.batch(
        change_set(
            request("POST", "accounts", '{"name":"A"}'),
            request("PATCH", f"accounts({taken})", '{"name":"x"}', If_None_Match="*"),
        )
        + change_set(request("POST", "accounts", '{"name":"B"}'))
        + "--b--\n",
        **GO_ON,
    )
    assert statuses(answer) == [[412], [204]]
    assert b"0x80040237" in answer.content
    assert [row["name"] for row in api.get("accounts?$select=name")["value"]] == ["taken", "B"]


def test_content_ids_name_rows_made_earlier_in_the_change_set(api: Api) -> None:
    answer = api.batch(
        change_set(
            request("POST", "accounts", '{"name":"A"}'),
            request("POST", "salesorders", '{"name":"C","customerid_account@odata.bind":"$1"}'),
            request("PATCH", "$1", '{"telephone1":"7"}'),
            request("POST", "$1/Microsoft.Dynamics.CRM.new_Rename", '{"Name":"renamed"}'),
        )
        + "--b--\n"
    )
    assert statuses(answer) == [[204, 204, 204, 200]]
    (account,) = api.get("accounts?$select=name,telephone1")["value"]
    assert (account["name"], account["telephone1"]) == ("renamed", "7")
    (order,) = api.get("salesorders?$select=_customerid_value")["value"]
    assert order["_customerid_value"] == account["accountid"]


def test_an_unknown_content_id_is_refused_in_dataverses_words(api: Api) -> None:
    answer = api.batch(change_set(request("PATCH", "$7", '{"telephone1":"7"}')) + "--b--\n")
    assert (answer.status_code, statuses(answer)) == (400, [[400]])
    assert b"Content-ID Reference: '$7' does not exist in the batch context." in answer.content


def test_a_content_id_does_not_outlive_its_change_set(api: Api) -> None:
    answer = api.batch(
        change_set(request("POST", "accounts", '{"name":"A"}'))
        + change_set(request("PATCH", "$1", '{"telephone1":"7"}'))
        + "--b--\n"
    )
    assert statuses(answer) == [[204], [400]]


def test_an_action_inside_a_change_set_is_rolled_back_with_it(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    action = f"accounts({id})/Microsoft.Dynamics.CRM.new_Rename"
    answer = api.batch(
        change_set(request("POST", action, '{"Name":"B"}'), request("POST", action, '{"Name":"forbidden"}')) + "--b--\n"
    )
    assert statuses(answer) == [[400]]
    assert b"That name is not allowed." in answer.content
    assert api.get(f"accounts({id})?$select=name")["name"] == "A"


def test_an_environment_may_refuse_actions_inside_change_sets(
    as_user: Callable[[str], Api], server: DataverseServer
) -> None:
    api = as_user("service")
    id = api.create("accounts", {"name": "A"})
    action = request("POST", f"accounts({id})/Microsoft.Dynamics.CRM.new_Rename", '{"Name":"B"}')
    server.switches.actions_in_change_sets = False
    assert statuses(api.batch(change_set(action) + "--b--\n")) == [[400]]
    assert statuses(api.batch(SINGLE + action + "--b--\n")) == [200]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (change_set(request("GET", "accounts")) + "--b--\n", "An invalid HTTP method 'GET'"),
        (SINGLE + request("POST", "$batch") + "--b--\n", "a batch inside a batch"),
        (SINGLE + request("GET", "WhoAmI"), "the closing boundary is missing"),
        ("--other\n\nx\n--other--\n", "boundary does not occur"),
        (SINGLE + "nonsense\n--b--\n", "is no request line"),
        (change_set(request("POST", "accounts", "{}") * 1)[:-1] + "\n", "closing boundary"),
        ((SINGLE + request("GET", "WhoAmI")) * 1001 + "--b--\n", "A maximum number of '1000'"),
        (change_set(*[request("DELETE", "accounts(x)")] * 1001) + "--b--\n", "allowed in a change set"),
        (
            change_set(*[request("DELETE", "accounts(x)")] * 2).replace("Content-ID: 2", "Content-ID: 1") + "--b--\n",
            "content ID '1' was found more than once",
        ),
        (SINGLE.replace("binary", "8bit") + request("GET", "WhoAmI") + "--b--\n", "'Content-Transfer-Encoding'"),
        (SINGLE.replace("application/http", "text/plain") + request("GET", "WhoAmI") + "--b--\n", "'Content-Type'"),
        ("--b\n\n" + request("GET", "WhoAmI") + "--b--\n", "'Content-Type'"),
    ],
)
def test_a_batch_made_up_wrongly_is_refused_as_a_whole(api: Api, body: str, words: str) -> None:
    answer = api.batch(body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_lines_must_end_in_crlf(api: Api) -> None:
    body = (SINGLE + request("GET", "WhoAmI") + "--b--\n").encode()
    answer = api("POST", "$batch", data=body, Content_Type="multipart/mixed; boundary=b")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80048d19")


def test_each_operation_carries_its_own_tag(api: Api, ear: Ear) -> None:
    ear.heard.clear()
    api.batch(
        change_set(request("POST", "accounts?tag=one", '{"name":"A"}'), request("POST", "accounts", '{"name":"B"}'))
        + "--b--\n"
    )
    ((first, second),) = ear.heard
    assert (first.shared_variables, second.shared_variables) == ({"tag": "one"}, {})
    assert first.request_id == second.request_id


def test_if_match_inside_a_change_set_is_obeyed(api: Api) -> None:
    id = api.create("accounts", {"name": "A"})
    etag = api.get(f"accounts({id})")["@odata.etag"]
    patch = request("PATCH", f"accounts({id})", '{"name":"B"}', If_Match=etag)
    assert statuses(api.batch(change_set(patch, patch) + "--b--\n")) == [[412]]
    assert api.get(f"accounts({id})?$select=name")["name"] == "A"
    assert statuses(api.batch(change_set(patch) + "--b--\n")) == [[204]]


def everything(server: DataverseServer) -> dict[str, list[Any]]:
    with server.transaction() as uow:
        return {table: uow.find(table) for table in ("account", "contact", "salesorder", "systemuser")}


GOOD: list[Callable[[UUID], str]] = [
    lambda _: request("POST", "accounts", '{"name":"new"}'),
    lambda _: request("PATCH", f"contacts({uuid4()})", '{"lastname":"new"}', If_None_Match="*"),
    lambda old: request("PATCH", f"accounts({old})", '{"name":"changed","revenue":5}'),
    lambda old: request("POST", "salesorders", f'{{"customerid_account@odata.bind":"/accounts({old})"}}'),
    lambda old: request("POST", f"accounts({old})/Microsoft.Dynamics.CRM.new_Rename", '{"Name":"renamed"}'),
    lambda _: request("POST", "new_Touch"),
]
BAD: list[Callable[[UUID], str]] = [
    lambda _: request("POST", "accounts", '{"Name":1}'),
    lambda old: request("PATCH", f"accounts({old})", '{"name":"x"}', If_None_Match="*"),
    lambda old: request("PATCH", f"accounts({old})", '{"name":"x"}', If_Match='W/"1"'),
    lambda _: request("PATCH", f"accounts({uuid4()})", '{"name":"x"}', If_Match="*"),
    lambda _: request("DELETE", f"accounts({uuid4()})"),
    lambda _: request("POST", "salesorders", f'{{"customerid_account@odata.bind":"/accounts({uuid4()})"}}'),
    lambda old: request("POST", f"accounts({old})/Microsoft.Dynamics.CRM.new_Rename", '{"Name":"forbidden"}'),
    lambda _: request("POST", "accounts", '{"statecode":7}'),
    lambda _: request("POST", "nothings", "{}"),
    lambda _: request("PATCH", "$99", "{}"),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.sampled_from(GOOD), max_size=5),
    bad=st.sampled_from(BAD),
    after=st.lists(st.sampled_from(GOOD), max_size=5),
)
def test_a_failure_at_any_place_leaves_a_change_set_without_a_trace(
    server: DataverseServer,
    api: Api,
    ear: Ear,
    before: list[Callable[[UUID], str]],
    bad: Callable[[UUID], str],
    after: list[Callable[[UUID], str]],
) -> None:
    old = api.create("accounts", {"name": "old"})
    state = everything(server)
    ear.heard.clear()
    answer = api.batch(change_set(*(make(old) for make in [*before, bad, *after])) + "--b--\n")
    assert answer.status_code == 400
    ((status,),) = statuses(answer)
    assert status >= 400
    assert re.findall(rb"Content-ID: (\d+)\r\n", answer.content) == [str(len(before) + 1).encode()]
    assert everything(server) == state
    assert ear.heard == []
