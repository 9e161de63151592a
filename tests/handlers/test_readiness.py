"""Marking is resolved once, obeyed once, and says of every row what became of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import ChangeSet, Reference
from connector.errors import Conflict, Rejected, Transient, UnknownOutcome
from handlers import readiness
from handlers.fixed_point import Settled, Unsettled
from mappings import keys
from mappings.backlog import Backlog
from mappings.messages import MarkNotReady, MarkReady
from tests.handlers.fake_dataverse import Stalled, touches
from tests.handlers.world import CONTRACT, COST, CUSTOMER, DAY, LINE, READY, UNBILLED, World

COMMAND = UUID("33333333-3333-4333-8333-333333333333")
ACTUAL = "msdyn_actual"


def sales(world: World, contract: Reference = CONTRACT, **cells: Any) -> UUID:
    """An open unbilled sales actual."""
    row = world.fresh(ACTUAL)
    fixed = {
        "msdyn_transactiontypecode": UNBILLED,
        "msdyn_billingtype": 192350001,
        "msdyn_amount": Decimal(1600),
        "msdyn_accountcustomer": CUSTOMER,
        "msdyn_salescontract": contract,
        "msdyn_startdatetime": DAY,
    }
    world.dataverse.put(row, **(fixed | cells))
    return row.id


def command(*rows: UUID, id: UUID = COMMAND, backlog: Backlog = Backlog.TIME_AND_MATERIAL) -> MarkReady:
    """Mark these rows."""
    return MarkReady(command=id, requested_by="ada@fabrikam.com", backlog=backlog, rows=rows)


def of_contract(backlog: Backlog = Backlog.TIME_AND_MATERIAL) -> MarkReady:
    """Mark whatever is open on the contract."""
    return MarkReady(command=COMMAND, requested_by="ada@fabrikam.com", backlog=backlog, contracts=(CONTRACT.id,))


def carried_out(world: World, given: MarkReady, through: Any = None) -> tuple[list[str], dict[str, str]]:
    """What the command brought: rows marked, and rows refused or changed by somebody else, with the reason."""
    outcome = told(world, given, through)
    return outcome["marked"], {**outcome["refused"], **outcome["changed"]}


def told(world: World, given: MarkReady | MarkNotReady, through: Any = None) -> Any:
    """The outcome as it is recorded and answered."""
    (outcome,) = world.command(given, through=through)
    assert isinstance(outcome, Settled), outcome
    return outcome.outcome


def status(world: World, id: UUID) -> int | None:
    """An actual's billing status."""
    value: int | None = world.dataverse.get(Reference(ACTUAL, id)).get("msdyn_billingstatus")
    return value


def test_one_of_four_may_be_marked_and_three_say_why_not(world: World) -> None:
    fine = sales(world)
    cost = sales(world, msdyn_transactiontypecode=COST)
    adjusted = sales(world, msdyn_adjustmentstatus=192350001)
    on_a_draft = sales(world, msdyn_billingstatus=192350001)
    marked, refused = carried_out(world, command(fine, cost, adjusted, on_a_draft))
    assert marked == [str(fine)]
    assert "not an unbilled sales actual" in refused[str(cost)]
    assert "adjusted" in refused[str(adjusted)]
    assert "draft invoice" in refused[str(on_a_draft)]
    assert [status(world, id) for id in (fine, cost, adjusted, on_a_draft)] == [READY, None, None, 192350001]


def test_a_command_delivered_three_times_is_obeyed_once_and_answers_the_same(world: World) -> None:
    fine = sales(world)
    first = carried_out(world, command(fine))
    later = sales(world)
    assert [carried_out(world, command(fine)) for _ in range(2)] == [first, first]
    assert world.dataverse.writes_to(ACTUAL) == 1
    assert status(world, later) is None


def test_a_redelivery_does_not_mark_again_what_was_unmarked_since(world: World) -> None:
    fine = sales(world)
    carried_out(world, command(fine))
    world.dataverse.put(Reference(ACTUAL, fine), msdyn_billingstatus=None)
    assert carried_out(world, command(fine)) == ([str(fine)], {})
    assert status(world, fine) is None


def test_what_is_open_on_a_contract_is_looked_up_once(world: World) -> None:
    ids = sorted(str(sales(world)) for _ in range(3))
    elsewhere = sales(world, contract=world.fresh("salesorder"))
    assert carried_out(world, of_contract()) == (ids, {})
    too_late = sales(world)
    assert carried_out(world, of_contract()) == (ids, {})
    assert (status(world, elsewhere), status(world, too_late)) == (None, None)


def test_an_empty_selection_is_carried_out_and_recorded(world: World) -> None:
    assert carried_out(world, of_contract()) == ([], {})
    sales(world)
    assert carried_out(world, of_contract()) == ([], {})
    assert world.dataverse.writes_to(ACTUAL) == 0


def test_an_id_that_leads_nowhere_is_named(world: World) -> None:
    missing = world.fresh(ACTUAL).id
    _, refused = carried_out(world, command(missing))
    assert "no such row" in refused[str(missing)]


@pytest.mark.parametrize(
    "change", [{"msdyn_amount": Decimal(1)}, {"msdyn_billingstatus": 192350001}, {"msdyn_adjustmentstatus": 192350001}]
)
def test_a_row_somebody_changed_between_selection_and_marking_is_refused_and_left_alone(
    world: World, change: dict[str, Any]
) -> None:
    touched, fine = sales(world), sales(world)

    def meanwhile() -> None:
        world.dataverse.put(Reference(ACTUAL, touched), **change)

    marked, refused = carried_out(world, command(touched, fine), Stalled(world.dataverse, meanwhile))
    assert marked == [str(fine)]
    assert list(refused) == [str(touched)]
    assert status(world, touched) == change.get("msdyn_billingstatus")


def test_a_row_changed_at_the_very_moment_of_marking_is_refused_by_its_version(world: World) -> None:
    touched = sales(world)
    world.dataverse.before_commit = [
        lambda: None,  # the selection is recorded
        lambda: world.dataverse.put(Reference(ACTUAL, touched), msdyn_amount=Decimal(1)),
    ]
    marked, refused = carried_out(world, command(touched))
    assert marked == []
    assert "changed" in refused[str(touched)]
    assert status(world, touched) is None


def test_a_lost_answer_of_our_own_marking_blames_nobody(world: World) -> None:
    fine = sales(world)
    world.dataverse.lose_the_answer(touches(ACTUAL))
    assert carried_out(world, command(fine)) == ([str(fine)], {})
    assert world.dataverse.writes_to(ACTUAL) == 1


@pytest.mark.parametrize("which", range(3))
def test_whichever_answer_is_lost_the_command_ends_the_same(world: World, which: int) -> None:
    fine = sales(world)
    seen: list[ChangeSet] = []

    def this_one(change_set: ChangeSet) -> bool:
        seen.append(change_set)
        return len(seen) == which + 1

    world.dataverse.lose_the_answer(this_one)
    assert carried_out(world, command(fine)) == ([str(fine)], {})
    assert len(world.dataverse.committed) == 3


def test_a_row_the_product_refuses_is_reported_and_the_others_are_marked(world: World) -> None:
    bad, fine = sales(world), sales(world)
    world.dataverse.fail(
        Rejected("0x80040265", "The project is closed."),
        lambda one: any(getattr(change, "row", None) == Reference(ACTUAL, bad) for change in one.changes),
        times=9,
    )
    marked, refused = carried_out(world, command(bad, fine))
    assert marked == [str(fine)]
    assert refused == {str(bad): "The project is closed."}


def test_a_marking_that_was_interrupted_is_finished_by_the_next_delivery(world: World) -> None:
    ids = [sales(world) for _ in range(3)]
    last = Reference(ACTUAL, sorted(ids)[-1])
    world.dataverse.fail(
        Transient("busy", "Try later."),
        lambda one: any(getattr(change, "row", None) == last for change in one.changes),
    )
    (outcome,) = world.command(command(*ids))
    assert isinstance(outcome, Unsettled)
    assert world.dataverse.writes_to(ACTUAL) == 2
    marked, refused = carried_out(world, command(*ids))
    assert (sorted(marked), refused) == (sorted(map(str, ids)), {})
    assert world.dataverse.writes_to(ACTUAL) == 3


def test_two_workers_with_one_command_record_one_selection(world: World) -> None:
    fine = sales(world)

    def meanwhile() -> None:
        carried_out(world, command(fine))

    stalled = Stalled(world.dataverse, meanwhile)
    assert carried_out(world, command(fine), stalled) == ([str(fine)], {})
    assert world.dataverse.writes_to(ACTUAL) == 1
    assert len(world.dataverse.rows.of("psac_command")) == 1


def test_a_selection_beyond_the_limit_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MOST_ROWS", 2)
    for _ in range(3):
        sales(world)
    (outcome,) = world.command(of_contract())
    assert isinstance(outcome, Unsettled)
    assert outcome.failure.code == "too-many-rows"
    assert not world.dataverse.committed


def test_the_record_says_who_asked_for_what(world: World) -> None:
    fine = sales(world)
    carried_out(world, command(fine))
    record = world.dataverse.get(Reference("psac_command", keys.command_row_id(COMMAND)))
    assert (record["psac_kind"], record["psac_state"]) == ("command", "done")
    assert record["psac_requestedby"] == "ada@fabrikam.com"
    assert str(fine) in record["psac_selection"]


def test_products_and_milestones_are_marked_each_in_their_own_coding(world: World) -> None:
    product, milestone = world.fresh("salesorderdetail"), world.fresh("msdyn_contractlinescheduleofvalue")
    world.dataverse.put(product, salesorderid=CONTRACT, producttypecode=1, extendedamount=Decimal(300))
    world.dataverse.put(milestone, msdyn_contract=CONTRACT, msdyn_invoicestatus=192350000, msdyn_amount=Decimal(5000))
    assert carried_out(world, of_contract(Backlog.PRODUCTS)) == ([str(product.id)], {})
    by_id = command(milestone.id, id=UUID(int=5), backlog=Backlog.MILESTONES)
    assert carried_out(world, by_id) == ([str(milestone.id)], {})
    assert world.dataverse.get(product)["msdyn_billingstatus"] == READY
    assert world.dataverse.get(milestone)["msdyn_invoicestatus"] == 192350001
    assert world.dataverse.get(LINE).get("msdyn_billingstatus") is None


def test_a_conflict_that_never_ends_names_the_row(world: World) -> None:
    fine = sales(world)
    world.dataverse.fail(Conflict("changed", "Changed.", f"{ACTUAL}({fine})"), touches(ACTUAL), times=99)
    (outcome,) = world.command(command(fine))
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, Conflict)
    assert str(fine) in (outcome.failure.record or "")


def test_an_outcome_that_stays_unknown_leaves_the_command_to_be_finished_later(world: World) -> None:
    fine = sales(world)
    world.dataverse.fail(UnknownOutcome("lost", "Lost."), touches(ACTUAL), times=2)
    (outcome,) = world.command(command(fine))
    assert isinstance(outcome, Unsettled)
    world.dataverse.rows.now += timedelta(hours=1)
    assert carried_out(world, command(fine)) == ([str(fine)], {})
