"""What administrators decide: owner, time zones, own columns, and lines that select tasks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from handlers.approved import Owner
from handlers.rows import reference
from mappings.choices import TransactionType
from mappings.profile import OwnColumn, Profile, Source, Tie
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Cells
from tests.handlers.judging import EIGHT_HOURS, refused
from tests.handlers.world import CONTRACT, COST, DAY, LINE, MANAGER, PROJECT, UNBILLED, UNIT, World, new

AUTHOR, TASK, OTHER_TASK = new("systemuser", 51), new("msdyn_projecttask", 52), new("msdyn_projecttask", 53)
COST_CENTER = new("new_costcenter", 54)


def kinds(world: World, *statuses: int | None) -> dict[int, Cells]:
    """All rows by kind, of these adjustment statuses."""
    rows = world.actuals().values()
    return {c["msdyn_transactiontypecode"]: c for c in rows if c.get("msdyn_adjustmentstatus") in (statuses or (None,))}


@pytest.mark.parametrize(
    ("owner", "expected"), [(Owner.PROJECT, MANAGER), (Owner.ENTRY, AUTHOR), (Owner.SERVICE, None)]
)
def test_the_owner_of_actuals_is_a_matter_of_policy(world: World, owner: Owner, expected: object) -> None:
    world.rules = replace(world.rules, owner=owner)
    world.settled(world.approved(ownerid=AUTHOR))
    assert [cells.get("ownerid") for cells in world.actuals().values()] == [expected, expected]


def test_business_dates_are_meant_in_the_zone_of_the_contracting_unit(world: World) -> None:
    """Approved at 23:00 of the day before go-live in New York: in Auckland it is the day itself already."""
    late = datetime(2026, 1, 1, 4, tzinfo=UTC)
    entry = world.submit()
    world.approve(entry, msdyn_approvedon=late)
    assert world.settled(entry).commits == 0
    world.rules = replace(world.rules, unit_zones={UNIT.id: ZoneInfo("Pacific/Auckland")})
    assert world.settled(entry).commits == 1
    world.rules = replace(world.rules, unit_zones={new("msdyn_organizationalunit", 4).id: ZoneInfo("Pacific/Auckland")})
    assert world.rules.start_from == date(2026, 1, 1)


def test_the_day_everybody_sees_is_preferred_and_carried_on(world: World) -> None:
    days = (("msdyn_timeentry", "new_day"), ("msdyn_actual", "new_transactionday"))
    world.rules = replace(world.rules, profile=Profile(days=days))
    entry = world.approved(new_day=date(2026, 2, 11))
    world.settled(entry)
    assert {c["new_transactionday"] for c in world.actuals().values()} == {date(2026, 2, 11)}
    world.cancel(entry)
    world.settled(entry)
    assert [c["new_transactionday"] for c in world.actuals().values()] == [date(2026, 2, 11)] * 4


def test_an_entrys_date_that_shows_everybody_one_day_is_that_day_west_of_greenwich_too(world: World) -> None:
    honolulu = ZoneInfo("Pacific/Honolulu")
    world.rules = replace(world.rules, zone=honolulu, profile=Profile(days=(("msdyn_timeentry", "msdyn_date"),)))
    entry = world.submit(msdyn_date=datetime(2026, 2, 10, tzinfo=UTC))
    world.approve(entry, msdyn_date=datetime(2026, 2, 10, 10, tzinfo=UTC))
    world.settled(entry)
    midnight = datetime(2026, 2, 10, tzinfo=honolulu)
    for cells in world.actuals(entry).values():
        assert (cells["msdyn_documentdate"], cells["msdyn_startdatetime"]) == (midnight, midnight)
    assert world.settled(entry).commits == 0
    assert world.live(entry) == EIGHT_HOURS


def own_columns() -> Profile:
    """A cost centre from the entry, a word from the approval, and a constant on sales only."""
    return Profile(
        columns=(
            OwnColumn("new_costcenter", Source.ENTRY, "new_center"),
            OwnColumn("new_word", Source.APPROVAL, "new_said"),
            OwnColumn("new_origin", Source.CONSTANT, constant="psa", on=frozenset({TransactionType.UNBILLED_SALES})),
        )
    )


def test_own_columns_are_carried_from_entry_approval_and_constant_and_onto_reversals(world: World) -> None:
    world.rules = replace(world.rules, profile=own_columns())
    entry = world.submit(new_center=COST_CENTER)
    world.approve(entry, new_said="urgent")
    world.settled(entry)
    for status in (None, 192350002):
        found = kinds(world, status)
        assert [found[kind]["new_costcenter"] for kind in (COST, UNBILLED)] == [COST_CENTER, COST_CENTER]
        assert [found[kind]["new_word"] for kind in (COST, UNBILLED)] == ["urgent", "urgent"]
        assert [found[kind].get("new_origin") for kind in (COST, UNBILLED)] == [None, "psa"]
        world.cancel(entry)
        world.settled(entry)


def test_an_own_column_that_is_empty_is_left_out(world: World) -> None:
    world.rules = replace(world.rules, profile=own_columns())
    world.settled(world.approved())
    assert all("new_costcenter" not in cells for cells in world.actuals().values())


def test_a_line_that_selects_tasks_bills_those_and_the_rest_is_cost_only(world: World) -> None:
    world.rules = replace(world.rules, profile=Profile(line_tasks=Tie("new_linetask", "new_line", "new_task")))
    world.dataverse.put(new("new_linetask", 55), new_line=LINE, new_task=TASK)
    world.settled(world.approved(msdyn_projecttask=TASK))
    assert set(kinds(world)) == {COST, UNBILLED}
    entry = world.approved(msdyn_projecttask=OTHER_TASK)
    world.settled(entry)
    assert world.live(entry) == [(COST, 192350003, "8.00", "800.00")]


def test_two_lines_that_select_different_tasks_do_not_compete(world: World) -> None:
    world.rules = replace(world.rules, profile=Profile(line_tasks=Tie("new_linetask", "new_line", "new_task")))
    other = world.fresh("salesorderdetail")
    world.dataverse.put(other, **world.line_of(PROJECT, CONTRACT, salesorderdetailname="Support"))
    world.dataverse.put(new("new_linetask", 55), new_line=LINE, new_task=TASK)
    world.dataverse.put(new("new_linetask", 56), new_line=other, new_task=OTHER_TASK)
    first, second = world.approved(msdyn_projecttask=TASK), world.approved(msdyn_projecttask=OTHER_TASK)
    world.settle(first, second)
    for entry, line in ((first, LINE), (second, other)):
        assert {c["msdyn_salescontractlineid"] for c in world.actuals(entry).values()} == {line}
    world.dataverse.put(new("new_linetask", 57), new_line=other, new_task=TASK)
    (outcome,) = world.settle(world.approved(msdyn_projecttask=TASK))
    assert refused(outcome).code == "two-contract-lines"
    assert "Support" in refused(outcome).sentence


def test_a_long_description_is_cut_to_what_an_actual_holds(world: World) -> None:
    """It would be refused by the environment otherwise, and the work never billed."""
    entry = world.approved(msdyn_description="x" * 101, msdyn_externaldescription="y" * 2000)
    world.settled(entry)
    assert {c["msdyn_description"] for c in world.actuals().values()} == {"x" * 100}
    assert {c["msdyn_externaldescription"] for c in world.actuals().values()} == {"y" * 100}


def test_an_edited_entry_whose_rows_are_not_what_was_approved_is_put_right_in_one_step(world: World) -> None:
    """Approved anew with six hours while nobody looked, then edited: the six hours were released, the edit was not."""
    entry = world.approved()
    world.settled(entry)
    world.cancel(entry)
    world.approve(entry, msdyn_salesquantity=Decimal(6))
    world.dataverse.put(reference(entry), msdyn_bookableresource=new("bookableresource", 58))
    settled = world.settled(entry)
    assert settled.commits == 1
    assert "Edited after" in settled.because
    assert [amount for *_, amount in world.live(entry)] == ["800.00", "400.00", "1200.00"]
    assert world.net(entry, COST) == Decimal(800)


def test_an_entry_moved_to_another_day_since_is_billed_on_the_day_that_was_approved(world: World) -> None:
    entry = world.submit()
    world.approve(entry, msdyn_date=DAY)
    world.settled(entry)
    world.dataverse.put(reference(entry), msdyn_date=datetime(2026, 3, 10, 4, tzinfo=UTC))
    settled = world.settled(entry)
    assert settled.commits == 0
    assert "msdyn_date reads 2026-03-10, approved was 2026-02-10" in settled.because
    assert world.live(entry) == EIGHT_HOURS


def test_hours_edited_since_are_told_and_what_was_approved_counts(world: World) -> None:
    for written in (True, False):
        entry = world.approved()
        if written:
            world.settled(entry)
        world.dataverse.put(reference(entry), msdyn_duration=300)
        settled = world.settled(entry)
        assert "msdyn_duration reads 5.00, approved was 8.00" in settled.because
        assert world.live(entry) == EIGHT_HOURS


def test_an_expense_whose_approval_names_no_transaction_category_has_that_of_its_expense_category(
    world: World,
) -> None:
    expense, approval = world.fresh("msdyn_expense"), world.fresh("msdyn_projectapproval")
    hotel, lodging = new("msdyn_expensecategory", 59), new("msdyn_transactioncategory", 60)
    usd = world.dataverse.get(CONTRACT)["transactioncurrencyid"]
    world.dataverse.put(hotel, msdyn_expensecategoryuid=lodging)
    world.dataverse.put(
        expense,
        msdyn_expensestatus=192350002,
        msdyn_project=PROJECT,
        msdyn_expensecategory=hotel,
        msdyn_quantity=Decimal(1),
        msdyn_amount=Decimal(120),
        msdyn_transactiondate=DAY,
        transactioncurrencyid=usd,
    )
    world.dataverse.put(
        approval,
        msdyn_recordstage=2,
        msdyn_expenseentry=expense,
        msdyn_approvedon=DAY,
        msdyn_costquantity=Decimal(1),
        msdyn_salesquantity=Decimal(1),
        msdyn_costprice=Decimal(120),
        msdyn_salesprice=Decimal(120),
        msdyn_billingtype=192350001,
        transactioncurrencyid=usd,
    )
    world.settled(Ref(expense.table, expense.id))
    assert [cells["msdyn_transactioncategory"] for cells in world.actuals().values()] == [lodging, lodging]
