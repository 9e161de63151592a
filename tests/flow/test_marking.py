"""Rows are marked ready, and the mark taken off, once per command and by nobody else's leave (scenario 33)."""

from __future__ import annotations

import sys
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from connector.settlement import Complete, DeadLetter, RedeliverAt
from mappings.backlog import Backlog
from mappings.messages import MarkNotReady, MarkReady
from sandbox.dataverse.unit_of_work import Link
from tests.flow.barriers import BeforeCommit, Together, in_background
from tests.flow.traffic import Traffic
from tests.flow.world import World, new_id

SALES, COST = 192350005, 192350000
CREATED, POSTED, CANCELED, READY = 192350001, 192350002, 192350003, 192350004
ADJUSTED, UNADJUSTABLE = 192350001, 192350002


def day_of_work(world: World, number: int = 0, kind: int = SALES) -> str:
    """One of Ada's days on P1, approved and written; the id of its sales, or of its cost."""
    entry = world.time("P1", "Ada", number)
    world.approve(entry)
    world.work_on(entry)
    (row,) = [one for one in world.books().live(str(entry.id)) if one["msdyn_transactiontypecode"] == kind]
    return str(row["msdyn_actualid"])


def actual(world: World, id: str) -> Any:
    return world.http("GET", f"msdyn_actuals({id})").json()


def write(world: World, id: str, **columns: object) -> None:
    """A clerk writes an actual by hand."""
    world.http("PATCH", f"msdyn_actuals({id})", columns)


def mark(*rows: str, model: Any = MarkReady, **more: Any) -> Any:
    given = {"command": new_id(), "requested_by": "clerk", "backlog": "time-and-material", "rows": rows}
    return model.model_validate(given | more)


def test_scenario_33_one_is_marked_and_three_say_why_not_and_the_mark_comes_off(world: World) -> None:
    open_one, cost = day_of_work(world, 0), day_of_work(world, 1, COST)
    adjusted, drafted = day_of_work(world, 2), day_of_work(world, 3)
    write(world, adjusted, msdyn_adjustmentstatus=ADJUSTED)
    write(world, drafted, msdyn_billingstatus=CREATED)
    command = mark(open_one, cost, adjusted, drafted)
    assert isinstance(world.command(command)[0], Complete)
    outcome = world.record(command)
    assert (outcome["marked"], outcome["already"], outcome["changed"]) == ([open_one], [], {})
    assert (outcome["from"], outcome["to"]) == ({}, READY)
    assert set(outcome["refused"]) == {cost, adjusted, drafted}
    assert "not an unbilled sales actual" in outcome["refused"][cost]
    assert "adjusted" in outcome["refused"][adjusted]
    assert "draft invoice" in outcome["refused"][drafted]
    assert actual(world, open_one)["msdyn_billingstatus"] == READY
    off = mark(open_one, model=MarkNotReady)
    world.command(off)
    assert world.record(off)["unmarked"] == [open_one]
    assert world.record(off)["from"] == {open_one: READY}
    assert actual(world, open_one)["msdyn_billingstatus"] is None


@pytest.mark.parametrize(
    ("columns", "may", "said"),
    [
        ({"msdyn_billingstatus": None}, True, ""),
        ({"msdyn_billingstatus": 192350000}, True, ""),
        ({"msdyn_billingstatus": CREATED}, False, "draft invoice"),
        ({"msdyn_billingstatus": POSTED}, False, "posted invoice"),
        ({"msdyn_billingstatus": CANCELED}, False, "canceled"),
        ({"msdyn_billingstatus": READY}, False, ""),
        ({"msdyn_adjustmentstatus": 192350000}, True, ""),
        ({"msdyn_adjustmentstatus": ADJUSTED}, False, "adjusted"),
        ({"msdyn_adjustmentstatus": UNADJUSTABLE}, False, "adjusted"),
        ({"msdyn_billingtype": 192350000}, True, ""),
    ],
    ids=str,
)
def test_each_status_by_its_number_says_whether_it_may_be_marked(
    world: World, columns: dict[str, object], may: bool, said: str
) -> None:
    row = day_of_work(world)
    write(world, row, **columns)
    command = mark(row)
    world.command(command)
    outcome = world.record(command)
    assert outcome["marked"] == ([row] if may else [])
    if columns.get("msdyn_billingstatus") == READY:
        assert outcome["already"] == [row]
    elif not may:
        assert said in outcome["refused"][row]
    held = READY if may else columns.get("msdyn_billingstatus")
    assert actual(world, row)["msdyn_billingstatus"] == held


def test_two_clerks_at_once_mark_a_row_once_and_one_of_them_is_told_that_it_is_ready_already(world: World) -> None:
    row = day_of_work(world)
    first, second = mark(row), mark(row)
    # Both have written their selection down and read the row before either marks it.
    together = Together(world.client, 2, commits=2)
    workers = [
        in_background(partial(world.command, one, dataverse=side))
        for one, side in zip((first, second), together.sides, strict=True)
    ]
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    outcomes = [world.record(first), world.record(second)]
    assert sorted(one["marked"] for one in outcomes) == [[], [row]]
    assert sorted(one["already"] for one in outcomes) == [[], [row]]
    assert actual(world, row)["msdyn_billingstatus"] == READY


def test_marked_by_us_and_unmarked_by_a_clerk_before_our_redelivery_stays_unmarked(world: World) -> None:
    row = day_of_work(world)
    command = mark(row)
    dying = BeforeCommit(world.client, _die, commit=3)  # selection, marking, and then before the outcome
    with pytest.raises(Killed):
        world.command(command, dataverse=dying)
    assert actual(world, row)["msdyn_billingstatus"] == READY
    write(world, row, msdyn_billingstatus=None)
    assert isinstance(world.command(command)[0], Complete)
    outcome = world.record(command)
    assert (outcome["marked"], list(outcome["changed"])) == ([], [row])
    assert "last by " in outcome["changed"][row]
    assert actual(world, row)["msdyn_billingstatus"] is None


class Killed(BaseException):
    """The process is gone."""


def _die() -> None:
    raise Killed


def test_a_lost_reply_is_looked_up_and_blames_nobody(world: World) -> None:
    row = day_of_work(world)
    command = mark(row)
    (end,) = world.command(command, dataverse=BeforeCommit(world.client, world.lose_the_next_answer, commit=2))
    assert world.lost_answers == 1
    assert isinstance(end, RedeliverAt | Complete)
    world.command(command)
    outcome = world.record(command)
    assert (outcome["marked"], outcome["already"], outcome["changed"]) == ([row], [], {})


def test_a_command_delivered_three_times_is_obeyed_once(world: World) -> None:
    row = day_of_work(world)
    command = mark(row)
    for _ in range(3):
        assert isinstance(world.command(command)[0], Complete)
        version = actual(world, row)["@odata.etag"]
    assert world.record(command)["marked"] == [row]
    write(world, row, msdyn_billingstatus=None)
    world.command(command)
    assert actual(world, row)["msdyn_billingstatus"] is None
    assert version


def test_a_dry_run_writes_neither_rows_nor_a_record(world: World) -> None:
    row = day_of_work(world)
    command = mark(row, dry_run=True)
    assert isinstance(world.command(command)[0], Complete)
    assert actual(world, row)["msdyn_billingstatus"] is None
    assert world.http("GET", "psac_commands?$filter=psac_kind eq 'command'").json()["value"] == []


def test_a_filter_is_resolved_once(world: World) -> None:
    first = day_of_work(world, 0)
    contract = str(world.company.contracts["C1"])
    command = mark(where={"contracts": [contract], "classes": ["time"]}, rows=())
    world.command(command)
    later = day_of_work(world, 1)
    world.command(command)
    assert world.record(command)["marked"] == [first]
    assert actual(world, later)["msdyn_billingstatus"] is None


def test_a_filter_that_a_backlog_has_no_column_for_is_put_aside_by_name(world: World) -> None:
    products = mark(rows=(), where={"contracts": [str(new_id())]}, backlog="products")
    wrong = products.model_copy(update={"where": products.where.model_copy(update={"projects": (new_id(),)})})
    (end,) = world.command(wrong)
    assert isinstance(end, DeadLetter)
    assert "projects" in end.sentence


@pytest.mark.timeout(300)
def test_ten_thousand_rows_take_few_requests(
    world: World, traffic: Traffic, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = many(world, 10_000)
    before = (traffic.sent, traffic.patches)
    for begin in range(0, len(ids), 5000):
        command = mark(*ids[begin : begin + 5000], confirmed=True)
        assert isinstance(world.command(command)[0], Complete)
        assert len(world.record(command)["marked"]) == 5000
    sent, written = traffic.sent - before[0], traffic.patches - before[1]
    with capsys.disabled():
        sys.stdout.write(f"\n10,000 rows marked: {sent} requests, {written} conditional writes\n")
    assert written == 10_000 + 2 * 2  # and each command's record, written twice
    assert sent < 200


def many(world: World, count: int) -> list[str]:
    """So many open sales of a contract, of a hundred each, put there by the product."""
    template = actual(world, day_of_work(world))
    links = {
        "msdyn_accountcustomer": Link("account", UUID(template["_msdyn_accountcustomer_value"])),
        "msdyn_salescontract": Link("salesorder", UUID(template["_msdyn_salescontract_value"])),
        "transactioncurrencyid": Link("transactioncurrency", UUID(template["_transactioncurrencyid_value"])),
    }
    start = world.now()
    with world.sandbox.web.transaction() as uow:
        return [
            str(
                uow.create(
                    "msdyn_actual",
                    {
                        "msdyn_transactiontypecode": SALES,
                        "msdyn_transactionclassification": 192350000,
                        "msdyn_billingtype": 192350001,
                        "msdyn_amount": Decimal(100),
                        "msdyn_documentdate": start,
                        "msdyn_startdatetime": start,
                        "msdyn_enddatetime": start,
                        **links,
                    },
                )
            )
            for _ in range(count)
        ]


def test_every_backlog_is_marked_and_unmarked_in_its_own_coding(world: World) -> None:
    contracts = [str(id) for id in world.company.contracts.values()]
    for backlog in (Backlog.PRODUCTS, Backlog.MILESTONES):
        on, off = (
            mark(rows=(), contracts=contracts, backlog=backlog, model=model, confirmed=True)
            for model in (MarkReady, MarkNotReady)
        )
        world.command(on)
        marked = world.record(on)["marked"]
        assert marked
        assert world.record(on)["to"] == (192350001 if backlog is Backlog.MILESTONES else READY)
        world.command(off)
        assert sorted(world.record(off)["unmarked"]) == sorted(marked)
        assert world.record(off)["to"] == (192350000 if backlog is Backlog.MILESTONES else None)
