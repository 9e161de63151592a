"""System jobs as an administrator finds them: rows of ``asyncoperation``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from sandbox.dataverse.event_posts import Senders, SystemJob
from tests.sandbox.dataverse.events.world import STATUS, TIME, World, approve, register

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


def jobs(admin: Api, step: UUID) -> list[dict[str, Any]]:
    found = admin.get(f"asyncoperations?$filter=_owningextensionid_value eq {step}&$orderby=createdon")["value"]
    assert isinstance(found, list)
    return found


def standing(job: dict[str, Any]) -> tuple[int, int]:
    return job["statecode"], job["statuscode"]


def test_a_failed_post_is_found_among_the_failed_system_jobs_of_its_step(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS, namespaceaddress="garbage")
    entry = approve(admin, world)
    assert world.poster.idle(10)
    (job,) = admin.get(f"asyncoperations?$filter=statuscode eq 31 and _owningextensionid_value eq {step}")["value"]
    assert standing(job) == (3, 31)
    assert "is no address" in job["message"]
    assert job["completedon"] is not None
    assert (job["name"], job["messagename"], job["operationtype"]) == (f"psa-connector: Update of {TIME}", "Update", 1)
    assert job["_regardingobjectid_value"] == entry


def test_a_job_that_failed_while_it_was_posted_says_so_too(
    world: World, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def fail(_: Senders, job: SystemJob) -> None:
        seen.extend(standing(row) for row in jobs(admin, job.step))
        raise RuntimeError("unheard of")

    monkeypatch.setattr(Senders, "send", fail)
    step = register(world, admin, TIME, STATUS)
    approve(admin, world)
    assert world.poster.idle(10)
    (job,) = jobs(admin, step)
    assert (*seen, standing(job)) == ((2, 20), (3, 31))
    assert job["message"] == "The service endpoint cannot be posted to: unheard of"


def test_a_job_that_succeeded_leaves_a_row_only_where_its_step_keeps_it(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS)
    approve(admin, world)
    world.receive(1)
    assert world.poster.idle(10)
    assert jobs(admin, step) == []
    assert admin("PATCH", f"sdkmessageprocessingsteps({step})", json={"asyncautodelete": False}).status_code == 204
    approve(admin, world)
    (context,) = world.bodies(1)
    assert world.poster.idle(10)
    (job,) = jobs(admin, step)
    assert (standing(job), job["message"], job["retrycount"]) == ((3, 30), None, 0)
    assert job["asyncoperationid"] == context["OperationId"]
    assert job["correlationid"] == context["CorrelationId"]


def test_a_synchronous_step_makes_no_system_job(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS, mode=0)
    assert admin("PATCH", f"sdkmessageprocessingsteps({step})", json={"asyncautodelete": False}).status_code == 204
    approve(admin, world)
    world.receive(1)
    assert world.poster.idle(10)
    assert jobs(admin, step) == []


def test_while_the_bus_is_away_the_first_job_waits_and_the_next_is_ready(lonely: World, admin: Api) -> None:
    step = register(lonely, admin, TIME, STATUS)
    lonely.bus_goes_away()
    approve(admin, lonely)
    lonely.unfinished_job(step)
    approve(admin, lonely)
    first, second = sorted(jobs(admin, step), key=lambda job: -int(job["retrycount"]))
    assert (standing(first), standing(second)) == ((1, 10), (0, 0))
    assert first["message"]
    assert first["postponeuntil"] is not None
    lonely.bus_comes_back()
    lonely.clock.advance(timedelta(minutes=5))
    lonely.receive(2)
    assert lonely.poster.idle(10)
    assert jobs(admin, step) == []


def test_system_jobs_make_no_events_of_their_own(world: World, admin: Api) -> None:
    heard: list[str] = []

    class Ear:
        def on_committed(self, writes: Any) -> None:
            heard.extend(write.table for write in writes)

    register(world, admin, TIME, STATUS, namespaceaddress="garbage")
    world.dataverse.organisation.listeners.append(Ear())
    approve(admin, world)
    assert world.poster.idle(10)
    world.dataverse.organisation.listeners.pop()
    assert TIME in heard
    assert "asyncoperation" not in heard


def test_a_job_goes_with_its_step_and_with_its_row(world: World, admin: Api) -> None:
    step = register(world, admin, "account", None, "Create", namespaceaddress="garbage")
    kept, gone = (admin.create("accounts", {"name": "Fourth Coffee"}) for _ in range(2))
    assert world.poster.idle(10)
    assert {job["_regardingobjectid_value"] for job in jobs(admin, step)} == {str(kept), str(gone)}
    assert admin("DELETE", f"accounts({gone})").status_code == 204
    assert [job["_regardingobjectid_value"] for job in jobs(admin, step)] == [str(kept)]
    assert admin("DELETE", f"sdkmessageprocessingsteps({step})").status_code == 204
    assert jobs(admin, step) == []


@pytest.mark.parametrize("way", ["canceled", "deleted"])
def test_a_job_that_waits_can_be_called_off_and_those_behind_it_are_posted(lonely: World, admin: Api, way: str) -> None:
    step = register(lonely, admin, TIME, STATUS)
    lonely.bus_goes_away()
    first = approve(admin, lonely)
    job = lonely.unfinished_job(step)
    second = approve(admin, lonely)
    path = f"asyncoperations({job.id})"
    if way == "deleted":
        assert admin("DELETE", path).status_code == 204
    else:
        assert admin("PATCH", path, json={"statecode": 3, "statuscode": 32}).status_code == 204
    lonely.bus_comes_back()
    lonely.clock.advance(timedelta(minutes=1))
    (context,) = lonely.bodies(1)
    assert context["PrimaryEntityId"] == second != first
    assert lonely.poster.idle(10)
    left = admin.get("asyncoperations?$select=statuscode")["value"]
    assert [row["statuscode"] for row in left] == ([] if way == "deleted" else [32])
