"""Whatever goes wrong in a change set, wherever and whyever: all of it is there afterwards, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.dataverse.security.privileges import ADMINISTRATOR, assign, make_role
from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from sandbox.faults import Faults
    from tests.sandbox.dataverse.conftest import Api, Ear

PART = "Content-Type: application/http\n\n"
MARK = '"telephone1":"7"'
OPERATIONS: list[Callable[[UUID], str]] = [
    lambda _: f'POST accounts HTTP/1.1\n\n{{"name":"new",{MARK}}}\n',
    lambda old: f'PATCH accounts({old}) HTTP/1.1\n\n{{"name":"changed",{MARK}}}\n',
    lambda old: f'POST accounts({old})/Microsoft.Dynamics.CRM.new_Rename HTTP/1.1\n\n{{"Name":"renamed",{MARK}}}\n',
    lambda old: (
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple HTTP/1.1\n\n"
        f'{{"Targets":[{{"@odata.type":"Microsoft.Dynamics.CRM.account","name":"m",{MARK}}}]}}\n'
    ),
]
FAILURES: dict[str, Callable[[Faults, int], Any]] = {
    "cut": lambda faults, at: faults.cut_in_batch(after=at),
    "deadlock": lambda faults, at: faults.deadlock(containing=f'"mark{at}"', path="accounts"),
    "time-out": lambda faults, at: faults.sql_timeout(containing=f'"mark{at}"', path="accounts"),
    "throttled": lambda faults, at: faults.refuse(status=429, containing=f'"mark{at}"', path="accounts"),
    "gateway": lambda faults, at: faults.storm(502, times=1),
    "token": lambda faults, at: faults.expire_token(),
}


def everything(server: DataverseServer) -> list[Any]:
    with server.transaction() as uow:
        return uow.find("account") + uow.find("contact")


def change_set(old: UUID, chosen: list[Callable[[UUID], str]]) -> str:
    parts = [
        make(old).replace(
            MARK, f'{MARK},"address1_city":"mark{number}"' if "Rename" not in make(old) else f'"M":"mark{number}"'
        )
        for number, make in enumerate(chosen)
    ]
    inner = "".join(f"--c\n{PART}{part}" for part in parts)
    return f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{inner}--c--\n--b--\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=6),
    failure=st.sampled_from(sorted(FAILURES)),
    data=st.data(),
)
def test_a_change_set_that_is_broken_off_leaves_nothing(
    server: DataverseServer, api: Api, ear: Ear, chosen: list[Callable[[UUID], str]], failure: str, data: st.DataObject
) -> None:
    old = api.create("accounts", {"name": "old"})
    before = everything(server)
    ear.heard.clear()
    at = data.draw(st.integers(0, len(chosen) - 1))
    fault = FAILURES[failure](server.faults, at)
    try:
        assert api.batch(change_set(old, chosen)).status_code >= 400
    except requests.ConnectionError:
        assert failure == "cut"
    assert fault.struck == 1
    assert everything(server) == before
    assert ear.heard == []
    server.faults.release_all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=6), sent=st.sampled_from([None, 0, 50]))
def test_a_change_set_whose_answer_is_lost_is_there_as_a_whole(
    server: DataverseServer, api: Api, ear: Ear, chosen: list[Callable[[UUID], str]], sent: int | None
) -> None:
    old = api.create("accounts", {"name": "old"})
    ear.heard.clear()
    server.faults.lose_reply(path="batch$", sent=sent)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.batch(change_set(old, chosen))
    assert [len(heard) for heard in ear.heard] == [len(chosen)]


def test_a_privilege_missing_for_the_last_operation_undoes_the_others(server: DataverseServer, api: Api) -> None:
    old = api.create("accounts", {"name": "old"})
    with server.transaction() as uow:
        assign(uow, USERS["service"], make_role(uow, "maker", {"account": {"Create": 8, "Read": 8}}))
    answer = api.batch(change_set(old, OPERATIONS[:2]))
    assert answer.status_code == 400
    assert b"HTTP/1.1 403 Forbidden" in answer.content
    with server.transaction() as uow:
        assign(uow, USERS["service"], ADMINISTRATOR)
    assert [row["name"] for row in api.get("accounts?$select=name")["value"]] == ["old"]
