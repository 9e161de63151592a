"""The mark is taken off by the same rules, above a ceiling only with a word, and a dry run writes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Conflict
from handlers.fixed_point import FixedPoint, Outcome
from handlers.marking_record import command_in, outcome_in
from handlers.readiness import ReadinessHandler
from handlers.rows import row as read
from mappings import keys
from mappings.backlog import Backlog
from mappings.ceiling import Ceiling
from mappings.messages import MarkNotReady, MarkReady
from tests.handlers.fake_dataverse import touches
from tests.handlers.judging import refused
from tests.handlers.test_readiness import ACTUAL, COMMAND, command, of_contract, sales, status, told
from tests.handlers.world import CONTRACT, MANAGER, READY, USD, ZONE, World

MILESTONE = "msdyn_contractlinescheduleofvalue"


def not_ready(*rows: UUID, backlog: Backlog = Backlog.TIME_AND_MATERIAL, **more: Any) -> MarkNotReady:
    """Take the mark off these rows."""
    given = {"command": COMMAND, "requested_by": "ada@fabrikam.com", "backlog": backlog, "rows": rows}
    return MarkNotReady.model_validate(given | more)


def test_only_ready_rows_lose_the_mark_and_their_status_is_emptied(world: World) -> None:
    ready, open_one = sales(world, msdyn_billingstatus=READY), sales(world)
    drafted, canceled = sales(world, msdyn_billingstatus=192350001), sales(world, msdyn_billingstatus=192350003)
    outcome = told(world, not_ready(ready, open_one, drafted, canceled))
    assert outcome["unmarked"] == [str(ready)]
    assert outcome["already"] == [str(open_one)]
    assert "draft invoice" in outcome["refused"][str(drafted)]
    assert "canceled" in outcome["refused"][str(canceled)]
    assert (outcome["from"], outcome["to"]) == ({str(ready): READY}, None)
    assert [status(world, id) for id in (ready, open_one, drafted)] == [None, None, 192350001]


def test_whatever_is_ready_on_a_contract_loses_the_mark(world: World) -> None:
    ready = sales(world, msdyn_billingstatus=READY)
    sales(world)
    outcome = told(world, not_ready(contracts=(CONTRACT.id,)))
    assert (outcome["unmarked"], outcome["already"], outcome["refused"]) == ([str(ready)], [], {})


def test_a_milestone_goes_back_to_not_ready(world: World) -> None:
    milestone = world.fresh(MILESTONE)
    world.dataverse.put(milestone, msdyn_contract=CONTRACT, msdyn_invoicestatus=192350001, msdyn_amount=Decimal(5000))
    outcome = told(world, not_ready(milestone.id, backlog=Backlog.MILESTONES))
    assert (outcome["unmarked"], outcome["to"]) == ([str(milestone.id)], 192350000)
    assert world.dataverse.get(milestone)["msdyn_invoicestatus"] == 192350000


def test_a_row_that_is_ready_already_is_neither_marked_nor_refused(world: World) -> None:
    ready, open_one = sales(world, msdyn_billingstatus=READY), sales(world, msdyn_billingstatus=192350000)
    outcome = told(world, command(ready, open_one))
    assert (outcome["marked"], outcome["already"], outcome["refused"]) == ([str(open_one)], [str(ready)], {})
    assert (outcome["from"], outcome["to"]) == ({str(open_one): 192350000}, READY)
    assert world.dataverse.writes_to(ACTUAL) == 1


def test_a_filter_selects_what_is_open_and_meets_it(world: World) -> None:
    large = sales(world, msdyn_amount=Decimal(2000))
    sales(world, msdyn_amount=Decimal(100))
    sales(world, msdyn_amount=Decimal(3000), msdyn_billingstatus=192350001)
    wanted = {"contracts": [CONTRACT.id], "amount_from": "1000"}
    given = {"command": COMMAND, "requested_by": "ada", "backlog": "time-and-material", "where": wanted}
    assert told(world, MarkReady.model_validate(given))["marked"] == [str(large)]


def test_who_was_faster_is_named_with_the_time(world: World) -> None:
    touched = sales(world)
    world.dataverse.put(MANAGER, fullname="Mona Manager")

    def meanwhile() -> None:
        at = datetime(2026, 2, 16, 9, 30, tzinfo=UTC)
        row = Reference(ACTUAL, touched)
        world.dataverse.put(row, msdyn_billingstatus=192350001, modifiedby=MANAGER, modifiedon=at)

    world.dataverse.before_commit = [lambda: None, meanwhile]
    outcome = told(world, command(touched))
    assert (outcome["marked"], outcome["refused"]) == ([], {})
    assert "last by Mona Manager at 2026-02-16 09:30:00 UTC" in outcome["changed"][str(touched)]


def test_a_row_somebody_else_marked_first_is_ready_already_and_not_ours(world: World) -> None:
    touched = sales(world)
    world.dataverse.before_commit = [
        lambda: None,
        lambda: world.dataverse.put(Reference(ACTUAL, touched), msdyn_billingstatus=READY),
    ]
    outcome = told(world, command(touched))
    assert (outcome["marked"], outcome["already"], outcome["changed"]) == ([], [str(touched)], {})


def test_a_conflict_with_a_late_write_of_our_own_is_our_own_mark(world: World) -> None:
    fine = sales(world)
    world.dataverse.lose_the_answer(touches(ACTUAL))
    world.dataverse.fail(Conflict("changed", "Changed.", f"{ACTUAL}({fine})"), touches(ACTUAL))
    outcome = told(world, command(fine))
    assert (outcome["marked"], outcome["already"]) == ([str(fine)], [])


def of_ceiling(world: World, ceiling: Ceiling, given: MarkReady) -> Outcome:
    """What came of it under a ceiling."""
    handler = ReadinessHandler(ZONE, ceiling=ceiling)
    return FixedPoint(world.dataverse).settle(handler, [given])[given]


@pytest.mark.parametrize(
    ("ceiling", "said"),
    [
        (Ceiling(1, Decimal(10**9)), "The number of rows, 2, is more than the ceiling of 1."),
        (Ceiling(9, Decimal(3000)), "3,200.00 USD is more than the ceiling of 3,000."),
        (Ceiling(9, (("EUR", Decimal(10**9)),)), "3,200.00 USD is more than the ceiling of 0."),
    ],
)
def test_above_a_ceiling_a_command_is_refused_unless_it_was_confirmed(
    world: World, ceiling: Ceiling, said: str
) -> None:
    for _ in range(2):
        sales(world, transactioncurrencyid=USD)
    refusal = refused(of_ceiling(world, ceiling, of_contract()))
    assert refusal.code == "over-ceiling"
    assert said in refusal.sentence
    assert not world.dataverse.committed
    confirmed = of_contract().model_copy(update={"confirmed": True})
    of_ceiling(world, ceiling, confirmed)
    assert world.dataverse.writes_to(ACTUAL) == 2


def test_work_that_is_not_charged_counts_as_a_row_and_not_as_money(world: World) -> None:
    sales(world, transactioncurrencyid=USD, msdyn_billingtype=192350000)
    of_ceiling(world, Ceiling(1, Decimal(0)), of_contract())
    assert world.dataverse.writes_to(ACTUAL) == 1


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(world: World) -> None:
    fine, drafted = sales(world, transactioncurrencyid=USD), sales(world, msdyn_billingstatus=192350001)
    outcome = told(world, command(fine, drafted).model_copy(update={"dry_run": True}))
    assert outcome["dry_run"] is True
    assert (outcome["marked"], list(outcome["refused"])) == ([str(fine)], [str(drafted)])
    assert outcome["sums"] == {"USD": "1600.00"}
    assert not world.dataverse.committed


@pytest.mark.parametrize("by", ["rows", "contracts", "where"])
def test_a_command_can_be_told_from_its_record_to_be_carried_on(world: World, by: str) -> None:
    fine, drafted = sales(world), sales(world, msdyn_billingstatus=192350001)
    selection = {"rows": [fine, drafted], "contracts": [CONTRACT.id], "where": {"amount_from": "1"}}[by]
    given = {"command": COMMAND, "requested_by": "ada", "backlog": "time-and-material", by: selection}
    world.command(MarkReady.model_validate(given))
    id = Reference("psac_command", keys.command_row_id(COMMAND))
    ((record,),) = world.dataverse.query([_all_of("psac_command")])
    again = command_in(read(record), COMMAND)
    assert again is not None
    assert told(world, again) == world.command(MarkReady.model_validate(given))[0].outcome
    assert record.row == id


def test_outcomes_of_older_versions_stay_readable() -> None:
    old = outcome_in({"marked": [str(COMMAND)], "refused": {str(UUID(int=1)): "No."}})
    assert (old.done, old.refused, old.already, old.to) == ((COMMAND,), {UUID(int=1): "No."}, (), None)
    assert outcome_in(replace(old, to=READY, was={COMMAND: 1}).as_data()).was == {COMMAND: 1}


def _all_of(table: str) -> Any:
    from connector.dataverse.query import Query
    from handlers.command_record import COLUMNS

    return Query(table, COLUMNS)
