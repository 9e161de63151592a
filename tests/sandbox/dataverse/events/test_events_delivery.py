"""Which commits are posted, in what order, and what happens while the bus is away."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.event_posts import FAILED, WAITING, Senders, SystemJob
from sandbox.dataverse.product.approval import approve as approve_row
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, UnitOfWork, Written
from tests.sandbox.dataverse.events.world import (
    STATUS,
    TIME,
    World,
    approve,
    register,
    target,
)

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


def approve_then_fail(work: UnitOfWork, approval: UUID) -> None:
    """Approve, and in the same transaction try to approve once more."""
    approve_row(Switches(), work, approval)
    approve_row(Switches(), work, approval)


def test_a_disabled_step_hears_nothing(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS)
    state = {"statecode": 1, "statuscode": 2}
    assert admin("PATCH", f"sdkmessageprocessingsteps({step})", json=state).status_code == 204
    approve(admin, world)
    assert world.nothing_more()


def test_what_was_rolled_back_is_not_posted(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    approve(admin, world)
    second = world.entry()
    with pytest.raises(Refused, match="isn't waiting"), world.dataverse.transaction() as work:
        approve_then_fail(work, second.approval)
    assert len(world.bodies(1)) == 1
    assert world.nothing_more()


def test_posts_of_one_step_arrive_in_the_order_of_their_commits(world: World, admin: Api) -> None:
    register(world, admin, "msdyn_timeentry", "msdyn_duration")
    entry = world.entry().id
    for minutes in range(1, 41):
        with world.dataverse.transaction() as work:
            work.update("msdyn_timeentry", entry, {"msdyn_duration": minutes})
    assert [target(context)["msdyn_duration"] for context in world.bodies(40)] == list(range(1, 41))


def test_listeners_hear_of_commits_in_their_order_whoever_commits(world: World) -> None:
    heard: list[Cell] = []

    class Order:
        def on_committed(self, writes: list[Written]) -> None:
            heard.extend((write.after or {}).get("versionnumber") for write in writes)

    world.dataverse.organisation.listeners.append(Order())  # type: ignore[arg-type]
    account = Link("account", UUID(int=1))

    def work_for_a_while() -> None:
        for number in range(25):
            with world.dataverse.transaction() as work:
                work.create("account", {"name": f"{account.table} {number}"})

    threads = [threading.Thread(target=work_for_a_while) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 100
    assert heard == sorted(heard, key=lambda version: version if isinstance(version, int) else 0)


def test_while_the_bus_is_away_posts_wait_longer_each_time_and_then_arrive_in_order(lonely: World, admin: Api) -> None:
    step = register(lonely, admin, TIME, STATUS)
    lonely.bus_goes_away()
    expected = [approve(admin, lonely), approve(admin, lonely)]
    first = lonely.unfinished_job(step)
    assert first.state == WAITING
    assert first.message
    assert first.due > lonely.clock.now()
    lonely.bus_comes_back()
    lonely.clock.advance(timedelta(minutes=5))
    assert [context["PrimaryEntityId"] for context in lonely.bodies(2)] == expected
    assert lonely.poster.idle(10)
    assert lonely.poster.unfinished == []


def test_a_bus_that_stays_away_fails_the_job_in_the_end(lonely: World, admin: Api) -> None:
    step = register(lonely, admin, TIME, STATUS)
    lonely.bus_goes_away()
    approve(admin, lonely)
    for _ in range(1000):
        lonely.clock.advance(timedelta(hours=1))
        if lonely.poster.idle(0.02):
            break
    assert lonely.unfinished_job(step).state == FAILED
    lonely.bus_comes_back()


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [({"messageformat": 1}, "use JSON"), ({"contract": 8}, "use a queue"), ({"authtype": 4}, "use a SAS key")],
)
def test_an_endpoint_the_sandbox_cannot_serve_is_refused_with_a_reason(
    world: World, admin: Api, endpoint: dict[str, object], reason: str
) -> None:
    step = register(world, admin, TIME, STATUS, "Update", 1, **endpoint)
    approve(admin, world)
    job = world.unfinished_job(step)
    assert job.state == FAILED
    assert reason in (job.message or "")


def test_a_wrong_key_keeps_the_post_waiting(lonely: World, admin: Api) -> None:
    step = register(lonely, admin, TIME, STATUS, saskey="another-key")
    approve(admin, lonely)
    assert lonely.unfinished_job(step).state == WAITING


@pytest.mark.parametrize("address", ["garbage", "sb://[::1", "sb://127.0.0.1:none/", "sb://x;Endpoint=y"])
def test_an_endpoint_that_makes_no_sense_fails_its_jobs_and_nothing_else(
    world: World, admin: Api, address: str
) -> None:
    senseless = register(world, admin, TIME, STATUS, namespaceaddress=address)
    register(world, admin, TIME, STATUS)
    expected = [approve(admin, world), approve(admin, world)]
    assert [context["PrimaryEntityId"] for context in world.bodies(2)] == expected
    job = world.unfinished_job(senseless)
    assert job.state == FAILED
    assert f"{address!r} is no address" in (job.message or "")


def test_whatever_the_sdk_raises_fails_the_job_and_the_next_one_is_posted(
    world: World, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Senders.send
    troubles: list[Exception] = [RuntimeError("unheard of")]

    def fail_once(senders: Senders, job: SystemJob) -> None:
        if troubles:
            raise troubles.pop()
        send(senders, job)

    monkeypatch.setattr(Senders, "send", fail_once)
    step = register(world, admin, TIME, STATUS)
    approve(admin, world)
    second = approve(admin, world)
    assert [context["PrimaryEntityId"] for context in world.bodies(1)] == [second]
    assert world.unfinished_job(step).message == "The service endpoint cannot be posted to: unheard of"
