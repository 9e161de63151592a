"""Where the product creates actuals, this service compares and reports; it never writes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.verification import VerificationHandler
from mappings.tables import Ref
from tests.handlers.judging import ADJUSTED, not_yet, refused, write
from tests.handlers.world import COST, GO_LIVE, NON_CHARGEABLE, SUBMITTED, UNBILLED, ZONE, World, new


def verified(world: World, entry: Ref) -> Outcome:
    handler = VerificationHandler(ActualsHandler(GO_LIVE, ZONE))
    outcome = FixedPoint(world.dataverse).settle(handler, [entry])[entry]
    assert not world.dataverse.committed
    return outcome


def written(world: World, entry: Ref, **cells: object) -> tuple[Reference, Reference]:
    """The product writes both sides of eight hours."""
    start = world.dataverse.get(Reference(entry.table, entry.id))["msdyn_date"]
    fixed = {"msdyn_startdatetime": start} | cells
    return write(world, entry, COST, **fixed), write(world, entry, UNBILLED, **fixed)


def told(outcome: Outcome) -> str:
    assert isinstance(outcome, Settled), outcome
    return outcome.because


def test_what_the_product_wrote_as_it_should_agrees(world: World) -> None:
    entry = world.approved()
    written(world, entry)
    assert told(verified(world, entry)) == "The ledger agrees with the approval."


def test_missing_actuals_are_put_aside_with_what_is_missing(world: World) -> None:
    refusal = refused(verified(world, world.approved()))
    assert refusal.code == "actuals-missing"
    assert "no cost actual of 8.00 at 100, 800.00 in all" in refusal.sentence.replace("100.00", "100")
    assert "unbilled sales" in refusal.sentence


def test_one_missing_side_is_missing(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST, msdyn_startdatetime=world.dataverse.get(Reference(entry.table, entry.id))["msdyn_date"])
    refusal = refused(verified(world, entry))
    assert refusal.code == "actuals-missing"
    assert "There is no cost" not in refusal.sentence


def test_a_side_written_twice_is_doubled(world: World) -> None:
    entry = world.approved()
    written(world, entry)
    _, twice = written(world, entry)
    refusal = refused(verified(world, entry))
    assert refusal.code == "doubled"
    assert str(twice.id) in refusal.sentence or "counts the same work once more" in refusal.sentence


def test_other_figures_are_reported_and_nothing_is_written(world: World, caplog: pytest.LogCaptureFixture) -> None:
    entry = world.approved()
    cost, _ = written(world, entry)
    world.dataverse.put(cost, msdyn_quantity=Decimal(6), msdyn_amount=Decimal(600))
    said = told(verified(world, entry))
    assert "quantity 6" in said
    assert "instead of 8" in said
    assert "amount 600" in said
    assert str(cost.id) in caplog.text


def test_another_day_or_billing_type_differs(world: World) -> None:
    entry = world.approved()
    cost, sales = written(world, entry)
    world.dataverse.put(cost, msdyn_startdatetime=world.dataverse.rows.now)
    world.dataverse.put(sales, msdyn_billingtype=NON_CHARGEABLE)
    said = told(verified(world, entry))
    assert "business day 2026-02-16 instead of 2026-02-10" in said
    assert "billing type non-chargeable instead of chargeable" in said


def test_a_price_of_zero_is_named_as_such(world: World) -> None:
    entry = world.approved()
    _, sales = written(world, entry)
    world.dataverse.put(sales, msdyn_price=Decimal(0), msdyn_amount=Decimal(0))
    said = told(verified(world, entry))
    assert f"Unbilled sales msdyn_actual({sales.id}) has a price of zero instead of 200" in said


def test_a_price_that_nobody_knows_leaves_the_rows_to_be_reported(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_salesprice=Decimal(0))
    _, sales = written(world, entry)
    world.dataverse.put(sales, msdyn_price=Decimal(0), msdyn_amount=Decimal(0))
    said = told(verified(world, entry))
    assert "(price-zero)" in said
    assert f"{sales.id}) was written at a price of zero" in said


def test_a_refused_reckoning_without_a_cost_is_missing_actuals(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_salesprice=Decimal(0))
    assert refused(verified(world, entry)).code == "actuals-missing"


def test_withdrawn_rows_that_still_count_are_put_aside(world: World) -> None:
    entry = world.approved()
    written(world, entry)
    world.cancel(entry)
    assert refused(verified(world, entry)).code == "not-withdrawn"


def test_withdrawn_and_taken_back_agrees(world: World) -> None:
    entry = world.approved()
    for row in written(world, entry):
        world.dataverse.put(row, msdyn_adjustmentstatus=ADJUSTED)
    world.cancel(entry)
    assert told(verified(world, entry)) == "The ledger agrees with the approval."


def test_an_entry_and_an_approval_that_do_not_say_the_same_are_not_yet_verified(world: World) -> None:
    approved = world.approved()
    world.dataverse.put(world.approval_of(approved), msdyn_recordstage=0)
    withdrawn = world.approved()
    world.dataverse.put(Reference(withdrawn.table, withdrawn.id), msdyn_entrystatus=SUBMITTED)
    moving = world.submit(msdyn_targetentrystatus=192350002)
    assert not_yet(verified(world, approved))
    assert not_yet(verified(world, withdrawn))
    assert not_yet(verified(world, moving))


def test_work_approved_before_the_start_is_left_alone(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(world.approval_of(entry), msdyn_approvedon=world.dataverse.rows.now.replace(year=2025))
    assert told(verified(world, entry)) == "The ledger agrees with the approval."


def test_an_entry_that_is_gone_with_rows_that_count_is_put_aside(world: World) -> None:
    gone = Ref("msdyn_timeentry", new("msdyn_timeentry", 77).id)
    write(world, gone, COST)
    assert refused(verified(world, gone)).code == "not-withdrawn"


def test_an_entry_whose_rows_make_no_sense_is_refused(world: World) -> None:
    entry = world.approved()
    world.dataverse.put(Reference(entry.table, entry.id), msdyn_date=None)
    assert refused(verified(world, entry)).code == "unreadable-row"


def test_absence_has_no_actuals_and_agrees(world: World) -> None:
    assert told(verified(world, world.approved(msdyn_type=192350002, msdyn_project=None))).startswith("The ledger")


def test_invoiced_sales_are_compared_in_sum_only(world: World) -> None:
    entry = world.approved()
    _, sales = written(world, entry)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    reversal: dict[str, Any] = {
        "msdyn_quantity": Decimal(-8),
        "msdyn_amount": Decimal(-1600),
        "msdyn_adjustmentstatus": 192350002,
    }
    write(world, entry, UNBILLED, **reversal)
    write(world, entry, 192350006)
    assert told(verified(world, entry)).startswith("The ledger agrees")
    # Credited in full: billed back, and open again.
    write(world, entry, 192350006, msdyn_quantity=Decimal(-8), msdyn_amount=Decimal(-1600))
    write(world, entry, UNBILLED)
    assert told(verified(world, entry)).startswith("The ledger agrees")
    # Open once more than was released.
    write(world, entry, UNBILLED)
    assert refused(verified(world, entry)).code == "doubled"
