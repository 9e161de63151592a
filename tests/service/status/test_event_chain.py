"""The product's own chain: faults of endpoint, steps, jobs and approval sets, each produced once and recognised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from handlers import watermarks
from handlers.watermarks import Kept
from mappings.watermark import Watermark
from sandbox.dataverse.security.privileges import ADMINISTRATOR, assign, make_role
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link
from sandbox.world import Sandbox
from service.app import App
from service.checks.needed import NEEDED
from service.closing.everything import closing
from service.closing.month import Month
from service.reconciling import MARK
from service.status.part import State
from tests.flow.due_world import DueWorld
from tests.service.status.conftest import parts
from tests.service.status.test_faults import approved

DAY = timedelta(days=1)
OK, ATTENTION = State.OK, State.ATTENTION
BASIC, GLOBAL = 1, 8


def test_a_step_that_is_disabled_is_named(world: DueWorld, app: App) -> None:
    (step,) = world.http("GET", "sdkmessageprocessingsteps?$filter=contains(name,'msdyn_expense')").json()["value"]
    world.http("PATCH", f"sdkmessageprocessingsteps({step['sdkmessageprocessingstepid']})", {"statecode": 1})
    found = parts(app)["steps"]
    assert (found.state, found.sentence) == (ATTENTION, "Nothing is posted of msdyn_expense.")
    assert [one.name for one in found.rows] == [step["name"]]


@pytest.mark.parametrize(
    ("path", "changed", "tables", "why"),
    [
        (
            "sdkmessageprocessingsteps?$filter=contains(name,'msdyn_timeentry')",
            {"filteringattributes": "msdyn_description"},
            "msdyn_timeentry",
            "It posts at stage 40, mode 1, on changes of msdyn_description.",
        ),
        (
            "sdkmessageprocessingsteps?$filter=contains(name,'msdyn_expense')",
            {"filteringattributes": "msdyn_description, msdyn_ExpenseStatus"},
            "",
            "",
        ),
        (
            "serviceendpoints",
            {"messageformat": 1},
            "msdyn_timeentry and msdyn_expense and msdyn_projectapproval",
            "Its endpoint posts in a form that is not read here.",
        ),
    ],
)
def test_what_posts_not_all_or_what_nobody_reads_is_told(
    world: DueWorld, app: App, path: str, changed: dict[str, object], tables: str, why: str
) -> None:
    (row,) = world.http("GET", path).json()["value"]
    table = path.partition("?")[0]
    id = row[f"{table.removesuffix('s')}id"]
    world.http("PATCH", f"{table}({id})", changed)
    found = parts(app)["steps"]
    if not tables:
        assert found.state is OK
        return
    assert found.state is ATTENTION
    assert found.sentence == f"Not every change of {tables} is posted, or not so that it can be read."
    assert {one.why for one in found.rows} == {why}


def test_without_a_service_endpoint_nothing_is_posted_and_that_is_said(world: DueWorld, app: App) -> None:
    (endpoint,) = world.http("GET", "serviceendpoints").json()["value"]
    world.http("PATCH", f"serviceendpoints({endpoint['serviceendpointid']})", {"path": "elsewhere"})
    found = parts(app)["steps"]
    assert (found.state, found.next) == (ATTENTION, "psa-connector register")
    assert "No service endpoint posts to queue approvals" in found.sentence


def test_steps_that_post_to_another_namespace_are_not_heard_here(world: DueWorld, app: App) -> None:
    (endpoint,) = world.http("GET", "serviceendpoints").json()["value"]
    address = {"namespaceaddress": "sb://production.servicebus.windows.net/"}
    world.http("PATCH", f"serviceendpoints({endpoint['serviceendpointid']})", address)
    found = parts(app)["steps"]
    assert (found.state, "posts to it at production.servicebus.windows.net;" in found.sentence) == (ATTENTION, True)


def test_events_that_were_not_posted_are_told_until_reconcile_has_looked(world: DueWorld, app: App) -> None:
    (endpoint,) = world.http("GET", "serviceendpoints").json()["value"]
    address = {"namespaceaddress": "garbage"}
    world.http("PATCH", f"serviceendpoints({endpoint['serviceendpointid']})", address)
    approved(world)
    world.until(lambda: parts(app)["system-jobs"].state is ATTENTION)
    found = parts(app)["system-jobs"]
    assert found.figures == {"failed": found.count, "waiting": 0}
    assert found.next == "psa-connector reconcile --repair"
    assert "is no address" in found.rows[0].why
    world.wait(1)
    mark = Watermark(world.now(), {}, ())
    assert watermarks.move(MARK, Kept(None, None), mark, "test", world.signed_in("administrator"))
    assert parts(app)["system-jobs"].count == 0


def job(world: DueWorld, statecode: int, statuscode: int) -> None:
    (step, *_) = world.http("GET", "sdkmessageprocessingsteps").json()["value"]
    with world.sandbox.web.transaction("administrator") as work:
        values = {"name": step["name"], "operationtype": 1, "statecode": statecode, "statuscode": statuscode}
        ties = {
            "owningextensionid": Link("sdkmessageprocessingstep", UUID(step["sdkmessageprocessingstepid"])),
            "ownerid": Link("systemuser", USERS["administrator"]),
        }
        work.create("asyncoperation", values | ties)


def test_an_event_whose_job_somebody_canceled_is_lost(world: DueWorld, app: App) -> None:
    job(world, 3, 32)
    found = parts(app)["system-jobs"]
    assert (found.state, found.figures, found.next) == (
        ATTENTION,
        {"failed": 1, "waiting": 0},
        "psa-connector reconcile --repair",
    )


def test_events_that_wait_for_long_are_told(world: DueWorld, app: App) -> None:
    job(world, 1, 10)
    assert parts(app)["system-jobs"].state is OK
    world.wait(20 / 1440)
    found = parts(app)["system-jobs"]
    assert (found.state, found.figures) == (ATTENTION, {"failed": 0, "waiting": 1})


def test_an_approval_set_that_failed_is_told_until_its_approvals_are_decided(world: DueWorld, app: App) -> None:
    world.sandbox.switches.approval_sets_after = timedelta(minutes=1)
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    assert entry.approval is not None
    world.sandbox.switches.failing[entry.approval] = "A deadlock."
    world.approve(entry)
    world.wait(2 / 1440)
    world.until(lambda: parts(app)["approval-sets"].figures["undecided"] == 1)
    assert parts(app)["approval-sets"].state is ATTENTION
    world.sandbox.switches.failing.clear()
    world.sandbox.switches.approval_sets_after = timedelta()
    world.approve(entry)
    assert parts(app)["approval-sets"].state is OK


def test_an_approval_set_that_nothing_goes_on_with_is_told(world: DueWorld, app: App) -> None:
    world.sandbox.switches.approval_sets_after = DAY
    approved(world)
    assert parts(app)["approval-sets"].state is OK
    world.wait(31 / 1440)
    found = parts(app)["approval-sets"]
    assert (found.state, found.figures) == (ATTENTION, {"undecided": 0, "stuck": 1, "pending": 0})
    assert "Recurrently Schedule" in found.next


@contextmanager
def role(sandbox: Sandbox, changed: Callable[[dict[str, dict[str, int]]], object]) -> Iterator[None]:
    """The rights of the service, with something changed."""
    rights = {table: dict.fromkeys(need.rights, GLOBAL) for table, need in NEEDED.items() if need.rights}
    changed(rights)
    with sandbox.web.organisation.transaction(USERS["administrator"]) as uow:
        assign(uow, USERS["service"], make_role(uow, "changed", rights))
    try:
        yield
    finally:
        with sandbox.web.organisation.transaction(USERS["administrator"]) as uow:
            assign(uow, USERS["service"], ADMINISTRATOR)


def test_who_sees_own_rows_only_is_told_that_counts_say_nothing(world: DueWorld, sandbox: Sandbox, app: App) -> None:
    approved(world)
    world.wait(1)

    def own_rows_only(rights: dict[str, dict[str, int]]) -> None:
        rights["msdyn_actual"]["Read"] = rights["msdyn_projectapproval"]["Read"] = BASIC

    with role(sandbox, own_rows_only):
        found = parts(app)
        assert found["approved-without-actuals"].count == 0
        assert (found["rights"].state, found["rights"].count) == (ATTENTION, 2)
        assert "every row of msdyn_actual, msdyn_projectapproval" in found["rights"].sentence
        app.check()
        closed = closing(app, Month.of(2026, 4), str, with_queues=False)
        assert {part.key: part.state for part in closed.parts}["rights"] is ATTENTION


def test_a_part_that_may_not_be_seen_hides_no_other(world: DueWorld, sandbox: Sandbox, app: App) -> None:
    def blind(rights: dict[str, dict[str, int]]) -> None:
        for table in ("serviceendpoint", "sdkmessageprocessingstep", "asyncoperation"):
            rights.pop(table, None)
        rights["msdyn_contractlinescheduleofvalue"].pop("Read")

    with role(sandbox, blind):
        found = parts(app)
    assert {found[key].state for key in ("steps", "system-jobs")} == {State.NOT_SEEN}
    # Without this right the service itself would not work: that needs a person.
    assert (found["ready-not-invoiced"].state, found["ready-not-invoiced"].next) == (ATTENTION, "<missing-privilege>")
    assert found["zero-price"].state is found["in-doubt"].state is OK
