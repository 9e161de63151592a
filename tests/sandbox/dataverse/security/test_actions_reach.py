"""An action writes no rows out of its caller's reach, of the tables it needs a privilege on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from sandbox.clock import Clock
from sandbox.company import load
from sandbox.dataverse.product import ACTIONS
from sandbox.dataverse.security.privileges import assign, make_role
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Link
from tests.sandbox.dataverse.conftest import Api, Loop

USER, ALL = 1, 8
RECALL = "msdyn_TimeEntriesRecall"


@pytest.fixture
def server(loop: Loop) -> Iterator[DataverseServer]:
    server = DataverseServer(Clock(), actions=ACTIONS)
    loop.run(server.start())
    yield server
    loop.end(server.stop())


@pytest.fixture
def entries(server: DataverseServer) -> tuple[UUID, UUID]:
    """A submitted entry of the clerk, who has a role of their own, and one of somebody else."""
    company = load(server)
    mine, other, *_ = (entry.id for entry in company.entries.values() if entry.table == "msdyn_timeentry")
    with server.transaction() as uow:
        uow.update("msdyn_timeentry", mine, {"ownerid": Link("systemuser", USERS["clerk"])})
        uow.update("msdyn_timeentry", other, {"ownerid": Link("systemuser", USERS["approver"])})
    return mine, other


def allow(server: DataverseServer, depth: int) -> None:
    with server.transaction() as uow:
        role = make_role(uow, "clerks", {"msdyn_timeentry": {"Read": ALL, "Write": depth}})
        assign(uow, USERS["clerk"], role)


def recall(api: Api, entry: UUID) -> Any:
    return api("POST", RECALL, json={"TimeEntryIds": str(entry)})


def status(api: Api, entry: UUID) -> int:
    found = api.get(f"msdyn_timeentries({entry})?$select=msdyn_entrystatus")["msdyn_entrystatus"]
    assert isinstance(found, int)
    return found


def test_somebody_elses_entry_is_out_of_reach_for_the_action_as_it_is_for_an_update(
    server: DataverseServer, entries: tuple[UUID, UUID], as_user: Callable[[str], Api]
) -> None:
    mine, other = entries
    allow(server, USER)
    clerk = as_user("clerk")
    before = status(clerk, other)
    refused = recall(clerk, other)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "0x80040220")
    assert "AccessRights: WriteAccess" in refused.json()["error"]["message"]
    assert status(clerk, other) == before
    assert recall(clerk, mine).status_code == 204
    assert status(clerk, mine) != before


def test_a_deeper_privilege_or_the_switch_lets_the_action_reach_it(
    server: DataverseServer, entries: tuple[UUID, UUID], as_user: Callable[[str], Api]
) -> None:
    mine, other = entries
    allow(server, ALL)
    assert recall(as_user("clerk"), other).status_code == 204
    allow(server, USER)
    server.switches.actions_reach_rows = False
    assert recall(as_user("clerk"), mine).status_code == 204


def test_without_the_privilege_the_action_is_refused_whole(
    server: DataverseServer, entries: tuple[UUID, UUID], as_user: Callable[[str], Api]
) -> None:
    with server.transaction() as uow:
        assign(uow, USERS["clerk"], make_role(uow, "readers", {"msdyn_timeentry": {"Read": ALL}}))
    told = recall(as_user("clerk"), entries[0])
    assert told.status_code == 403
    assert "prvWritemsdyn_timeentry" in told.json()["error"]["message"]
