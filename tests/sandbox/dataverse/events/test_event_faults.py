"""Events that come late, twice, in another order, never, or although nothing was committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.dataverse.unit_of_work import Refused
from tests.sandbox.dataverse.events.world import STATUS, TIME, World, approve, body, register

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

HOUR = timedelta(hours=1)


def ids(contexts: list[dict[str, Any]]) -> list[str]:
    return [context["PrimaryEntityId"] for context in contexts]


def test_a_repeated_post_has_the_same_operation_and_a_message_id_of_its_own(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    fault = world.poster.faults.repost(after=HOUR)
    entry = approve(admin, world)
    (first,) = world.receive(1)
    assert fault.struck == 0
    world.clock.advance(HOUR)
    (second,) = world.receive(1)
    assert world.poster.idle(10)
    assert first.message_id != second.message_id
    assert body(first) == body(second)
    assert (body(first)["PrimaryEntityId"], fault.struck) == (entry, 1)
    approve(admin, world)
    world.receive(1)
    assert world.nothing_more()


def test_a_delayed_post_comes_later_and_those_of_its_step_behind_it(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    fault = world.poster.faults.delay(HOUR, table=TIME)
    expected = [approve(admin, world), approve(admin, world)]
    assert not world.poster.idle(0.1)
    assert world.bus.counts("approvals").active == 0
    world.clock.advance(HOUR)
    assert ids(world.bodies(2)) == expected
    assert fault.struck == 1


def test_a_post_is_overtaken_by_the_next_of_its_step(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    fault = world.poster.faults.overtake(within=HOUR)
    first = approve(admin, world)
    assert not world.poster.idle(0.1)
    second = approve(admin, world)
    assert ids(world.bodies(2)) == [second, first]
    assert (fault.struck, world.nothing_more()) == (1, True)


def test_a_post_that_nobody_overtakes_goes_after_a_while_and_is_no_strike(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    fault = world.poster.faults.overtake(within=HOUR)
    entry = approve(admin, world)
    world.clock.advance(HOUR)
    assert (ids(world.bodies(1)), fault.struck) == ([entry], 0)
    later = approve(admin, world)
    assert (ids(world.bodies(1)), fault.struck) == ([later], 0)


def test_a_lost_post_never_comes_and_leaves_no_system_job(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS)
    kept = admin("PATCH", f"sdkmessageprocessingsteps({step})", json={"asyncautodelete": False})
    assert kept.status_code == 204
    lost, heard = world.entry(), world.entry()
    fault = world.poster.faults.lose(record=lost.id)
    for entry in (lost, heard):
        approval = f"msdyn_projectapprovals({entry.approval})/Microsoft.Dynamics.CRM.msdyn_ApprovalStatusApprove"
        assert admin("POST", approval, json={}).status_code == 204
    (context,) = world.bodies(1)
    assert context["PrimaryEntityId"] == str(heard.id)
    assert world.nothing_more()
    rows = admin.get(f"asyncoperations?$filter=_owningextensionid_value eq {step}")["value"]
    assert [row["_regardingobjectid_value"] for row in rows] == [str(heard.id)]
    assert fault.struck == 1


def test_a_synchronous_post_is_out_before_the_commit_and_stays_out_when_it_is_rolled_back(
    world: World, admin: Api
) -> None:
    account = admin.create("accounts", {"name": "before"})
    register(world, admin, "account", "name", mode=0)
    contexts: list[dict[str, Any]] = []

    def hear_and_fail() -> None:
        with world.dataverse.transaction() as work:
            work.update("account", account, {"name": "never committed"})
            contexts.extend(world.bodies(1))
            raise Refused("no")

    with pytest.raises(Refused, match="no"):
        hear_and_fail()
    (context,) = contexts
    assert (context["Mode"], context["IsInTransaction"]) == (0, True)
    assert context["PrimaryEntityId"] == str(account)
    assert admin.get(f"accounts({account})")["name"] == "before"
    assert world.nothing_more()


def test_a_transaction_can_be_made_to_fail_after_its_synchronous_post(world: World, admin: Api) -> None:
    account = admin.create("accounts", {"name": "before"})
    register(world, admin, "account", "name", mode=0)
    fault = world.poster.faults.roll_back(table="account")
    told = admin.refused("PATCH", f"accounts({account})", {"name": "after"})
    assert told[:2] == (500, "0x80044150")
    assert ids(world.bodies(1)) == [str(account)]
    assert (admin.get(f"accounts({account})")["name"], fault.struck) == ("before", 1)
    assert admin("PATCH", f"accounts({account})", json={"name": "after"}).status_code == 204
    world.receive(1)


def test_a_synchronous_post_that_fails_refuses_the_write(lonely: World, admin: Api) -> None:
    account = admin.create("accounts", {"name": "before"})
    register(lonely, admin, "account", "name", mode=0)
    lonely.bus_goes_away()
    status, _, message = admin.refused("PATCH", f"accounts({account})", {"name": "after"})
    lonely.bus_comes_back()
    assert status == 400
    assert "cannot post to its service endpoint" in message
    assert admin.get(f"accounts({account})")["name"] == "before"
    assert admin("PATCH", f"accounts({account})", json={"name": "after"}).status_code == 204
    assert len(lonely.bodies(1)) == 1


@pytest.mark.parametrize("plan", ["delay", "repost", "overtake", "lose"])
def test_what_is_forgotten_strikes_no_more(world: World, admin: Api, plan: str) -> None:
    register(world, admin, TIME, STATUS)
    planning: Callable[..., Any] = getattr(world.poster.faults, plan)
    fault = planning(HOUR) if plan == "delay" else planning()
    world.poster.faults.forget()
    approve(admin, world)
    world.receive(1)
    assert (fault.struck, world.nothing_more()) == (0, True)


def test_a_message_too_large_even_without_its_bulk_is_never_posted_and_its_job_fails(
    world: World, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.dataverse.event_messages.LARGEST_BODY", 500)
    step = register(world, admin, TIME, STATUS)
    approve(admin, world)
    assert world.nothing_more()
    (job,) = admin.get(f"asyncoperations?$filter=_owningextensionid_value eq {step}")["value"]
    assert (job["statecode"], job["statuscode"]) == (3, 31)
    assert "even without parameters and images" in job["message"]
