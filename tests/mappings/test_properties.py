"""What must hold for every approval, not only for those in the book."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from mappings import keys, money
from mappings.approved_entry import ApprovedEntry, Contract
from mappings.choices import BillingType
from mappings.entry_to_actuals import actuals_of
from mappings.ledger import Actual, own_roles
from mappings.money import Currency
from mappings.reversal import reversal_of
from tests.mappings.samples import (
    CONTRACT,
    COST_JOURNAL,
    CUSTOMER,
    ENTRY,
    EUR,
    GBP,
    JPY,
    KWD,
    SALES_JOURNAL,
    USD,
    approval,
    approved,
    journal,
    row,
)

CENT = Decimal("0.01")
HOURS = st.decimals(min_value=CENT, max_value=1000, places=4)
PRICES = st.decimals(min_value=1, max_value=100_000, places=5)
CURRENCIES = st.sampled_from([USD, EUR, GBP, JPY, KWD])
BILLABLE = st.sampled_from([BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE, BillingType.COMPLIMENTARY])


@st.composite
def approvals(draw: st.DrawFn) -> ApprovedEntry:
    """Any approval on a time-and-material line, in any two currencies."""
    cost, sales = draw(CURRENCIES), draw(CURRENCIES)
    cost_price, sales_price = draw(PRICES), draw(PRICES)
    released = approval(
        cost_quantity=draw(HOURS),
        sales_quantity=draw(st.one_of(st.just(Decimal(0)), HOURS)),
        cost_price=cost_price,
        sales_price=sales_price,
        billing_type=draw(BILLABLE),
        currency=sales.id,
    )
    return approved(
        released=released,
        contract=Contract(CONTRACT, CUSTOMER, sales.id),
        cost_line=journal(COST_JOURNAL, str(cost_price), cost),
        sales_line=journal(SALES_JOURNAL, str(sales_price), sales),
        cost_currency=cost,
        sales_currency=sales,
    )


@given(HOURS, HOURS)
def test_the_split_loses_and_invents_no_hour(submitted: Decimal, billable: Decimal) -> None:
    given = approved(released=approval(cost_quantity=submitted, sales_quantity=billable))
    cost, *sales = actuals_of(given)
    whole, part = money.quantity(submitted), money.quantity(billable)
    assert cost.quantity == whole
    assert sum(one.quantity for one in sales) == max(whole, part)
    charged = [one.quantity for one in sales if one.cells["msdyn_billingtype"] == BillingType.CHARGEABLE]
    assert sum(charged) == part


@given(approvals())
def test_the_cost_never_follows_the_billable_hours(given: ApprovedEntry) -> None:
    cost, *sales = actuals_of(given)
    assert given.approval.cost_quantity is not None
    assert cost.quantity == money.quantity(given.approval.cost_quantity)
    basis = sum(Decimal(str(one.cells["msdyn_basisquantity"])) for one in sales)
    assert basis <= cost.quantity


@given(approvals())
def test_planned_figures_read_back_as_they_were_planned(given: ApprovedEntry) -> None:
    """What a column of the currency's precision would round would come back different, and never come to rest."""
    for one in actuals_of(given):
        currency: Currency = given.cost_currency if one.role == keys.COST else given.sales_currency or USD
        assert one.quantity == money.quantity(one.quantity)
        assert one.cells.get("msdyn_basisquantity", CENT) == money.quantity(
            Decimal(str(one.cells.get("msdyn_basisquantity", CENT)))
        )
        for column in ("msdyn_price", "msdyn_amount", "msdyn_basisprice", "msdyn_basisamount"):
            value = one.cells.get(column)
            if value is not None:
                assert isinstance(value, Decimal)
                assert value == currency.round(value)
                assert -value.as_tuple().exponent <= currency.precision  # type: ignore[operator]


@given(approvals())
def test_an_actual_and_its_reversal_sum_to_zero(given: ApprovedEntry) -> None:
    for one in actuals_of(given):
        planned = one.row(ENTRY.id, 0)
        copy = reversal_of(Actual(row(planned.row, planned.values)), (ENTRY,)).created[0]
        for column in ("msdyn_quantity", "msdyn_amount", "msdyn_basisquantity", "msdyn_basisamount"):
            there, back = planned.values.get(column), copy.values.get(column)
            assert (there is None) == (back is None)
            if isinstance(there, Decimal) and isinstance(back, Decimal):
                assert there + back == 0
        for column in ("msdyn_price", "msdyn_basisprice", "msdyn_billingtype", "transactioncurrencyid"):
            assert planned.values.get(column) == copy.values.get(column)


@given(approvals())
def test_no_two_rows_of_one_approval_share_a_role_and_each_role_is_known(given: ApprovedEntry) -> None:
    roles = [one.role for one in actuals_of(given)]
    assert len(roles) == len(set(roles))
    assert set(roles) <= own_roles({CUSTOMER.id})


@given(st.uuids(), st.lists(st.uuids(), min_size=1, max_size=4, unique=True))
def test_ids_never_collide_between_roles_generations_and_reversals(entry: UUID, customers: list[UUID]) -> None:
    names = [keys.row_id(entry, generation, role) for generation, role in product(range(12), own_roles(customers))]
    every = [*names, *map(keys.reversal_id, names)]
    assert len(every) == len(set(every))
