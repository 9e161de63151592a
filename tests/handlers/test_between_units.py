"""People of one unit work for another: two more rows, from the two units' own lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.dataverse.changes import Reference
from handlers.doubles import doubled
from handlers.rows import reference
from mappings import keys
from mappings.choices import BillingType
from mappings.inter_organizational import Owed
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Cells
from tests.handlers.judging import EIGHT_HOURS, in_balance, refused, write
from tests.handlers.world import (
    CHARGEABLE,
    COST,
    CUSTOMER,
    INDIA,
    LINE,
    PROJECT,
    RESOURCE,
    ROLE,
    UNBILLED,
    UNIT,
    USD,
    World,
    new,
)

RESOURCING_UNIT_COST, BETWEEN = 192350007, 192350008
INR, DAY_OF_TEN, HOUR = new("transactioncurrency", 71), new("uom", 72), new("uom", 73)
US_COSTS, INDIAN_COSTS = new("pricelevel", 74), new("pricelevel", 75)


@pytest.fixture
def offshore(world: World) -> World:
    """India's people cost the US unit 67 dollars an hour, and India 1,000 rupees per day of ten hours."""
    put = world.dataverse.put
    put(INR, isocurrencycode="INR", currencyprecision=2, exchangerate=Decimal(90))
    put(INDIA, msdyn_currency=INR)
    put(HOUR, name="Hour", quantity=Decimal(1), isschedulebaseuom=True)
    put(DAY_OF_TEN, name="Day", quantity=Decimal(10), baseuom=HOUR)
    year = {"begindate": datetime(2026, 1, 1, 5, tzinfo=UTC), "enddate": datetime(2026, 12, 31, 5, tzinfo=UTC)}
    for number, (list_, currency, unit, price) in enumerate(
        [(US_COSTS, USD, HOUR, 67), (INDIAN_COSTS, INR, DAY_OF_TEN, 1000)]
    ):
        put(list_, name=f"{currency.id}", msdyn_module=192350000, transactioncurrencyid=currency, **year)
        put(new("msdyn_projectparameterpricelist", 80 + number), msdyn_pricelist=list_)
        put(
            new("msdyn_resourcecategorypricelevel", 90 + number),
            msdyn_pricelist=list_,
            msdyn_resourcecategory=ROLE,
            msdyn_organizationalunit=INDIA,
            msdyn_price=Decimal(price),
            msdyn_unit=unit,
            transactioncurrencyid=currency,
        )
    return world


def approved_in_india(world: World, billable: int = 8) -> Ref:
    """Eight hours of India's at 67 and 112 dollars."""
    submitted = world.submit(msdyn_resourceorganizationalunitid=INDIA)
    world.approve(
        submitted,
        msdyn_costprice=Decimal(67),
        msdyn_salesprice=Decimal(112),
        msdyn_salesquantity=Decimal(billable),
    )
    return submitted


def by_kind(world: World, entry: Ref) -> dict[int, Cells]:
    """The entry's rows that count, one of each kind."""
    live = [c for c in world.actuals(entry).values() if c.get("msdyn_adjustmentstatus") is None]
    return {cells["msdyn_transactiontypecode"]: cells for cells in live}


def test_eight_hours_from_india_make_four_rows_to_the_cent(offshore: World) -> None:
    """Acceptance scenario 11."""
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    rows = by_kind(offshore, entry)
    figures = {
        kind: (str(c["msdyn_quantity"]), str(c["msdyn_price"]), str(c["msdyn_amount"]), c["transactioncurrencyid"])
        for kind, c in rows.items()
    }
    assert figures == {
        COST: ("8.00", "67.00", "536.00", USD),
        UNBILLED: ("8.00", "112.00", "896.00", USD),
        RESOURCING_UNIT_COST: ("8.00", "100.00", "800.00", INR),
        BETWEEN: ("8.00", "67.00", "536.00", USD),
    }
    assert len(offshore.actuals()) == 4
    for cells in rows.values():
        assert cells["msdyn_contractorganizationalunitid"] == UNIT
        assert cells["msdyn_resourceorganizationalunitid"] == INDIA
        assert cells["msdyn_project"] == PROJECT
        assert cells.get("msdyn_billingstatus") is None
    assert rows[RESOURCING_UNIT_COST]["msdyn_pricelist"] == INDIAN_COSTS
    assert rows[BETWEEN]["msdyn_pricelist"] == US_COSTS
    assert "msdyn_accountcustomer" not in rows[BETWEEN]


def test_both_follow_the_submitted_hours_whatever_is_billable(offshore: World) -> None:
    entry = approved_in_india(offshore, billable=6)
    offshore.settled(entry)
    rows = by_kind(offshore, entry)
    assert rows[RESOURCING_UNIT_COST]["msdyn_quantity"] == rows[BETWEEN]["msdyn_quantity"] == Decimal(8)
    assert len(offshore.actuals()) == 5


def test_they_are_taken_back_with_the_rest_and_made_again(offshore: World) -> None:
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    offshore.cancel(entry)
    offshore.settled(entry)
    assert by_kind(offshore, entry) == {}
    assert in_balance(offshore, entry)
    offshore.approve(entry)
    offshore.settled(entry)
    assert set(by_kind(offshore, entry)) == {COST, UNBILLED, RESOURCING_UNIT_COST, BETWEEN}
    again = Reference("msdyn_actual", keys.row_id(entry.id, 1, keys.INTER_ORGANIZATIONAL_SALES))
    assert offshore.dataverse.get(again)["msdyn_amount"] == Decimal(536)
    assert offshore.settled(entry).commits == 0


def test_one_that_is_missing_is_completed(offshore: World) -> None:
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    gone = Reference("msdyn_actual", keys.row_id(entry.id, 0, keys.RESOURCING_UNIT_COST))
    for row, cells in list(offshore.dataverse.rows.cells.items()):
        if row == gone or str(gone.id) in map(str, cells.values()):
            del offshore.dataverse.rows.cells[row]
    offshore.settled(entry)
    assert set(by_kind(offshore, entry)) == {COST, UNBILLED, RESOURCING_UNIT_COST, BETWEEN}


@pytest.mark.parametrize("priced", [True, False])
def test_who_moves_to_another_unit_later_has_not_worked_for_it_before(offshore: World, priced: bool) -> None:
    offshore.dataverse.put(RESOURCE, msdyn_organizationalunit=UNIT)
    entry = offshore.approved(msdyn_resourceorganizationalunitid=None)
    offshore.settled(entry)
    if not priced:
        offshore.dataverse.put(INDIAN_COSTS, enddate=datetime(2026, 1, 31, 5, tzinfo=UTC))
    offshore.dataverse.put(RESOURCE, msdyn_organizationalunit=INDIA)
    assert offshore.settled(entry).because == "The ledger holds the 2 actuals the approval calls for."
    assert offshore.live(entry) == EIGHT_HOURS
    offshore.cancel(entry)
    offshore.settled(entry)
    offshore.dataverse.put(INDIAN_COSTS, enddate=datetime(2026, 12, 31, 5, tzinfo=UTC))
    offshore.approve(entry)
    offshore.settled(entry)
    assert set(by_kind(offshore, entry)) == {COST, UNBILLED, RESOURCING_UNIT_COST, BETWEEN}


def test_putting_another_units_resource_on_an_approved_entry_adds_no_rows(offshore: World) -> None:
    somebody = offshore.fresh("bookableresource")
    offshore.dataverse.put(somebody, msdyn_organizationalunit=INDIA)
    entry = offshore.approved()
    offshore.settled(entry)
    offshore.dataverse.put(reference(entry), msdyn_bookableresource=somebody, msdyn_resourceorganizationalunitid=INDIA)
    settled = offshore.settled(entry)
    assert "Edited after" in settled.because
    assert settled.commits == 0
    assert offshore.live(entry) == EIGHT_HOURS


def test_the_unit_of_who_was_approved_counts_before_the_unit_of_who_the_entry_names_now(offshore: World) -> None:
    """The approver released an Indian's hours at other figures; by then the entry names somebody of the US unit."""
    indian = offshore.fresh("bookableresource")
    offshore.dataverse.put(indian, msdyn_organizationalunit=INDIA)
    entry = offshore.approved()
    offshore.settled(entry)
    offshore.dataverse.put(offshore.approval_of(entry), msdyn_bookableresource=indian, msdyn_salesprice=Decimal(150))
    offshore.settled(entry)
    assert set(by_kind(offshore, entry)) == {COST, UNBILLED, RESOURCING_UNIT_COST, BETWEEN}
    assert {c["msdyn_resourceorganizationalunitid"] for c in by_kind(offshore, entry).values()} == {INDIA}


@pytest.mark.parametrize(("owed", "kinds"), [(Owed.TIME_AND_MATERIAL, {COST}), (Owed.ALWAYS, None)])
def test_on_fixed_price_work_the_setting_decides(offshore: World, owed: Owed, kinds: set[int] | None) -> None:
    offshore.rules = replace(offshore.rules, inter_organizational=owed)
    offshore.dataverse.put(LINE, msdyn_billingmethod=192350001)
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    assert set(by_kind(offshore, entry)) == (kinds or {COST, RESOURCING_UNIT_COST, BETWEEN})


def test_expenses_owe_another_unit_nothing(offshore: World) -> None:
    expense, approval = offshore.fresh("msdyn_expense"), offshore.fresh("msdyn_projectapproval")
    day = datetime(2026, 2, 10, 5, tzinfo=UTC)
    offshore.dataverse.put(
        expense,
        msdyn_expensestatus=192350002,
        msdyn_project=PROJECT,
        msdyn_resourceorganizationalunitid=INDIA,
        msdyn_quantity=Decimal(1),
        msdyn_amount=Decimal(120),
        msdyn_transactiondate=day,
        transactioncurrencyid=USD,
    )
    offshore.dataverse.put(
        approval,
        msdyn_recordstage=2,
        msdyn_expenseentry=expense,
        msdyn_approvedon=day,
        msdyn_costquantity=Decimal(1),
        msdyn_salesquantity=Decimal(1),
        msdyn_costprice=Decimal(120),
        msdyn_salesprice=Decimal(120),
        msdyn_billingtype=CHARGEABLE,
        transactioncurrencyid=USD,
    )
    offshore.settled(Ref(expense.table, expense.id))
    assert set(by_kind(offshore, Ref(expense.table, expense.id))) == {COST, UNBILLED}


def test_without_a_price_of_the_resources_unit_nothing_is_half_written(offshore: World) -> None:
    offshore.dataverse.put(INDIAN_COSTS, enddate=datetime(2026, 1, 31, 5, tzinfo=UTC))
    (outcome,) = offshore.settle(approved_in_india(offshore))
    assert refused(outcome).code == "price-missing"
    assert "resourcing unit cost" in refused(outcome).sentence
    assert not offshore.dataverse.committed


def test_what_the_product_wrote_between_units_is_left_alone(offshore: World) -> None:
    entry = approved_in_india(offshore)
    theirs = write(offshore, entry, BETWEEN)
    settled = offshore.settled(entry)
    assert str(theirs.id) in settled.because
    assert settled.commits == 0


def test_the_same_work_charged_twice_between_units_is_doubled_but_does_not_hold_up_the_sales(offshore: World) -> None:
    """It never stands on an invoice, so the customer is billed once."""
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    write(offshore, entry, BETWEEN)
    (outcome,) = offshore.settle(entry)
    assert refused(outcome).code == "doubled"
    sales = keys.row_id(entry.id, 0, keys.sales_role(BillingType.CHARGEABLE, CUSTOMER.id))
    assert doubled([sales], offshore.dataverse) == frozenset()


def test_all_four_come_from_the_entry_and_from_a_journal_line_of_its_submission(offshore: World) -> None:
    """There are lines for cost and sales only; what units owe each other was submitted as a cost."""
    entry = approved_in_india(offshore)
    lines = {}
    for kind in (COST, UNBILLED):
        line = offshore.fresh("msdyn_journalline")
        offshore.dataverse.put(line, msdyn_transactiontypecode=kind, msdyn_unit=HOUR)
        offshore.dataverse.put(
            offshore.fresh("msdyn_transactionorigin"),
            msdyn_origin=str(entry.id),
            msdyn_origintype=entry.table,
            msdyn_transaction=str(line.id),
            msdyn_transactiontype=line.table,
        )
        lines[kind] = str(line.id)
    offshore.settled(entry)
    origins = offshore.dataverse.rows.of("msdyn_transactionorigin").values()
    for row, cells in offshore.actuals(entry).items():
        kind = cells["msdyn_transactiontypecode"]
        sources = {one["msdyn_origin"] for one in origins if one["msdyn_transaction"] == str(row.id)}
        assert sources == {str(entry.id), lines.get(kind, lines[COST])}
        assert cells["msdyn_unit"] == HOUR
    (tie,) = offshore.dataverse.rows.of("msdyn_transactionconnection").values()
    assert (tie["msdyn_transaction1role"], tie["msdyn_transaction2role"]) == ("Unbilled Sales", "Cost")


def test_rows_of_ours_whose_origins_were_deleted_are_found_by_their_ids(offshore: World) -> None:
    entry = approved_in_india(offshore)
    offshore.settled(entry)
    for origin in offshore.dataverse.rows.of("msdyn_transactionorigin"):
        del offshore.dataverse.rows.cells[origin]
    assert offshore.settled(entry).commits == 0
    assert len(offshore.actuals()) == 4
