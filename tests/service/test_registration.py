"""Registering in the sandbox's Dataverse, over its Web API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import Misconfigured
from sandbox.world import Sandbox
from service.local_world import event_queue, signed_in
from service.registration import Result, register, register_command_table


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


@pytest.fixture
def administrator(world: Sandbox) -> Iterator[DataverseClient]:
    with signed_in(world, "administrator") as client:
        yield client


def versions(client: DataverseClient) -> dict[str, str]:
    tables = ("serviceendpoint", "sdkmessageprocessingstep")
    return {str(row.row): row.etag for rows in client.query([Query(table, ()) for table in tables]) for row in rows}


def test_a_second_run_changes_nothing_and_says_so(world: Sandbox, administrator: DataverseClient) -> None:
    register(administrator, event_queue(world))
    before = versions(administrator)
    again = register(administrator, event_queue(world))
    assert {one.result for one in again} == {Result.THERE}
    assert versions(administrator) == before
    assert len(before) == 4, "one endpoint and three steps, whatever the order of these tests"


def test_a_renewed_key_is_handed_over(world: Sandbox, administrator: DataverseClient) -> None:
    register(administrator, event_queue(world))
    again = register(administrator, event_queue(world), renew_key=True)
    assert [one.result for one in again][:2] == [Result.THERE, Result.CHANGED]


def test_a_step_that_was_switched_off_is_reported_and_left_alone(
    world: Sandbox, administrator: DataverseClient
) -> None:
    register(administrator, event_queue(world))
    (steps,) = administrator.query([Query("sdkmessageprocessingstep", ("name",))])
    (step,) = [row.row.id for row in steps if row["name"] == "PSA Connector: Update of msdyn_expense"]
    administrator.send("PATCH", f"sdkmessageprocessingsteps({step})", {"statecode": 1, "statuscode": 2})
    try:
        again = register(administrator, event_queue(world))
        assert [one.result for one in again if one.name == "msdyn_expense"] == [Result.OFF]
    finally:
        administrator.send("PATCH", f"sdkmessageprocessingsteps({step})", {"statecode": 0, "statuscode": 1})


def test_before_registering_the_command_table_is_missing_by_name() -> None:
    with Sandbox(company=False) as world, signed_in(world, "administrator") as client:
        with pytest.raises(Misconfigured, match="psac_command"):
            client.query([Query("psac_command", ())])
        assert register_command_table(client).result is Result.MADE
        assert client.query([Query("psac_command", ("psac_selection", "psac_mark"))]) == [[]]
