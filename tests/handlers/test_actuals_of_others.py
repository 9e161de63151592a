"""The service is not alone in the ledger: what others wrote or took back is left to them."""

from __future__ import annotations

from decimal import Decimal

from connector.dataverse.changes import Reference
from handlers.fixed_point import Unsettled
from handlers.rows import reference
from mappings import keys
from tests.handlers.fake_dataverse import Stalled
from tests.handlers.judging import ADJUSTED, EIGHT_HOURS, UNADJUSTABLE, refused, write
from tests.handlers.world import COST, CUSTOMER, UNBILLED, World


def test_what_the_product_made_is_reported_and_left_alone(world: World) -> None:
    entry = world.approved()
    theirs = [write(world, entry, COST), write(world, entry, UNBILLED)]
    settled = world.settled(entry)
    assert "Handled elsewhere" in settled.because
    assert all(str(row.id) in settled.because for row in theirs)
    assert not world.dataverse.committed


def test_an_edit_of_an_entry_whose_rows_are_others_is_told_beside_them(world: World) -> None:
    entry = world.approved()
    theirs = write(world, entry, COST)
    world.dataverse.put(reference(entry), msdyn_bookableresource=Reference("bookableresource", theirs.id))
    settled = world.settled(entry)
    assert str(theirs.id) in settled.because
    assert "msdyn_bookableresource reads" in settled.because


def test_what_the_product_made_of_only_one_side_is_not_completed(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST)
    world.settled(entry)
    assert not world.dataverse.committed


def test_a_cancellation_leaves_the_rows_of_others_to_others(world: World) -> None:
    entry = world.approved()
    write(world, entry, COST)
    world.cancel(entry)
    assert "left alone" in world.settled(entry).because
    assert not world.dataverse.committed


def test_rows_the_product_wrote_while_we_were_about_to_are_not_written_over(world: World) -> None:
    """They can't be prevented by any id; the next reading finds both and raises the alarm instead of repairing."""
    entry = world.approved()

    def the_product() -> None:
        write(world, entry, COST)

    stalled = Stalled(world.dataverse, the_product)
    (outcome,) = world.settle(entry, through=stalled)
    failure = refused(outcome)
    assert failure.code == "doubled"
    costs = [row for row, cells in world.actuals().items() if cells["msdyn_transactiontypecode"] == COST]
    assert all(str(row.id) in failure.sentence for row in costs)


def test_a_missing_side_of_ours_is_completed_and_tied(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    cost = Reference("msdyn_actual", keys.row_id(entry.id, 0, "cost"))
    sales = next(row for row, cells in world.actuals(entry).items() if cells["msdyn_transactiontypecode"] == UNBILLED)
    for row, cells in list(world.dataverse.rows.cells.items()):
        if row == sales or str(sales.id) in map(str, cells.values()):
            del world.dataverse.rows.cells[row]
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS
    assert len(world.actuals()) == 2
    (connection,) = world.dataverse.rows.of("msdyn_transactionconnection").values()
    assert connection["msdyn_transaction2"] == str(cost.id)


def test_a_row_of_ours_without_an_origin_is_found_by_its_id(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    for origin in world.dataverse.rows.of("msdyn_transactionorigin"):
        del world.dataverse.rows.cells[origin]
    assert world.settled(entry).commits == 0
    assert len(world.actuals()) == 2


def test_sales_that_were_taken_back_elsewhere_are_not_written_again(world: World) -> None:
    """A contract closed as lost takes back what was not invoiced, and leaves the cost."""
    entry = world.approved()
    world.settled(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)
    world.dataverse.put(sales, msdyn_adjustmentstatus=ADJUSTED, msdyn_billingstatus=192350003)
    write(world, entry, UNBILLED, msdyn_adjustmentstatus=UNADJUSTABLE, msdyn_amount=Decimal(-1600))
    settled = world.settled(entry)
    assert "Handled elsewhere" in settled.because
    assert world.net(entry, UNBILLED) == 0


def test_one_of_two_sales_rows_taken_back_elsewhere_leaves_the_other_standing(world: World) -> None:
    """Six hours billed and two given away; somebody corrects the six and leaves the two."""
    entry = world.submit()
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    world.settled(entry)
    billed = Reference("msdyn_actual", keys.row_id(entry.id, 0, f"sales/chargeable/{CUSTOMER.id}"))
    world.dataverse.put(billed, msdyn_adjustmentstatus=ADJUSTED, msdyn_billingstatus=192350003)
    back = write(world, entry, UNBILLED, msdyn_adjustmentstatus=UNADJUSTABLE)
    world.dataverse.put(back, msdyn_quantity=Decimal(-6), msdyn_amount=Decimal(-1200))
    settled = world.settled(entry)
    assert settled.commits == 0
    assert str(billed.id) in settled.because
    assert world.net(entry, UNBILLED) == Decimal(400)


def test_a_confirmed_invoice_leaves_the_entry_at_rest(world: World) -> None:
    """The original is posted, its reversal unadjustable, and a billed sales actual stands beside them."""
    entry = world.approved()
    world.settled(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    write(world, entry, UNBILLED, msdyn_adjustmentstatus=UNADJUSTABLE, msdyn_amount=Decimal(-1600))
    write(world, entry, 192350006)
    assert world.settled(entry).commits == 0


def test_confirming_our_invoice_does_not_count_as_the_product_doubling_us(world: World) -> None:
    """Confirmation posts our row, takes it back in kind, and bills it; correction adds what is open again."""
    entry = world.approved()
    world.settled(entry)
    sales = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == UNBILLED)
    world.dataverse.put(sales, msdyn_billingstatus=192350002)
    write(world, entry, UNBILLED, msdyn_quantity=Decimal(-8), msdyn_amount=Decimal(-1600))
    write(world, entry, UNBILLED, msdyn_quantity=Decimal(2), msdyn_amount=Decimal(400))
    assert world.settled(entry).commits == 0


def test_what_a_torn_reading_left_of_an_earlier_generation_goes_with_the_rest(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    cost = next(r for r, c in world.actuals(entry).items() if c["msdyn_transactiontypecode"] == COST)
    world.dataverse.put(cost, msdyn_adjustmentstatus=ADJUSTED, msdyn_billingstatus=192350003)
    write(
        world, entry, COST, msdyn_adjustmentstatus=UNADJUSTABLE, msdyn_quantity=Decimal(-8), msdyn_amount=Decimal(-800)
    )
    world.approve(entry)
    world.settled(entry)
    assert world.live(entry) == EIGHT_HOURS
    assert world.net(entry, UNBILLED) == Decimal(1600)
    assert world.net(entry, COST) == Decimal(800)


def test_half_a_generation_is_not_taken_back_while_its_origins_are_missing(world: World) -> None:
    entry = world.approved()
    world.settled(entry)
    for origin, cells in list(world.dataverse.rows.of("msdyn_transactionorigin").items()):
        if cells["msdyn_transactiontype"] == "msdyn_actual":
            del world.dataverse.rows.cells[origin]
    world.cancel(entry)
    (outcome,) = world.settle(entry)
    assert isinstance(outcome, Unsettled)
    assert "no origin leads to" in outcome.failure.sentence
    assert [cells.get("msdyn_adjustmentstatus") for cells in world.actuals().values()] == [None, None]
