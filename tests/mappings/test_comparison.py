"""A ledger beside what it should hold: each difference is one finding, with what it is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import keys, tables
from mappings.choices import BillingType, TransactionType
from mappings.comparison import Finding, Kind, alike, compare, lacks_cost, not_withdrawn, zero_priced
from mappings.ledger import Actual, Ledger
from mappings.planned_actual import PlannedActual
from mappings.tables import Cell, Ref
from tests.mappings.samples import CUSTOMER, ENTRY, EUR, PROJECT, ROLE, START, USD, row, uid

ZONE = ZoneInfo("America/New_York")
DOLLARS = Ref(tables.CURRENCY, USD.id)
C, S, B = TransactionType.COST, TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES
CH, NON = BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE
POSTED = 192350002
_NUMBERS = count(5000)
SECOND, THIRD = Ref("account", uid(4001)), Ref("account", uid(4002))
SALES = keys.row_id(ENTRY.id, 0, keys.sales_role(CH, CUSTOMER.id))
COST = keys.row_id(ENTRY.id, 0, keys.COST)


def planned(type: TransactionType, quantity: str, price: str, billing: BillingType = CH) -> PlannedActual:
    amount = Decimal(quantity) * Decimal(price)
    cells: dict[str, Cell] = {"transactioncurrencyid": DOLLARS, "msdyn_startdatetime": START}
    return PlannedActual("role", type, billing, Decimal(quantity), Decimal(price), amount, cells, ())


def held(
    type: int, quantity: str, price: str, billing: BillingType = CH, id: UUID | None = None, **cells: Cell
) -> Actual:
    fixed: dict[str, Cell] = {
        "msdyn_transactiontypecode": type,
        "msdyn_billingtype": billing,
        "msdyn_quantity": Decimal(quantity),
        "msdyn_price": Decimal(price),
        "msdyn_amount": Decimal(quantity) * Decimal(price),
        "msdyn_startdatetime": START,
        "transactioncurrencyid": DOLLARS,
        "msdyn_accountcustomer": CUSTOMER,
    }
    return Actual(row(Ref(tables.ACTUAL, id or uid(next(_NUMBERS))), fixed | cells))


def found(plan: list[PlannedActual], *actuals: Actual) -> tuple[Finding, ...]:
    return compare(plan, Ledger(ENTRY.id, actuals), ZONE)


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    return [(one.kind.value, None if one.amount is None else f"{one.amount:.2f}") for one in findings]


EIGHT = [planned(C, "8", "100"), planned(S, "8", "200")]
CUT = [planned(C, "8", "100"), planned(S, "6", "200"), planned(S, "2", "200", NON)]

CASES = [
    ("nothing at all", EIGHT, [], [("missing", "-800.00"), ("missing", "-1600.00")]),
    ("all of it", EIGHT, [held(C, "8", "100"), held(S, "8", "200")], []),
    ("one side", EIGHT, [held(C, "8", "100")], [("missing", "-1600.00")]),
    ("both parts of a cut", CUT, [held(C, "8", "100"), held(S, "2", "200", NON), held(S, "6", "200")], []),
    (
        "split among the customers of the line, the last with the rest",
        [planned(C, "10", "70"), planned(S, "10", "150")],
        [
            held(C, "10", "70"),
            held(S, "3.33", "150"),
            held(S, "3.33", "150", msdyn_accountcustomer=SECOND),
            held(S, "3.34", "150", msdyn_accountcustomer=THIRD),
        ],
        [],
    ),
    (
        "split among customers, and one part once more",
        [planned(S, "10", "150")],
        [
            held(S, "5", "150"),
            held(S, "5", "150", msdyn_accountcustomer=SECOND),
            held(S, "5", "150", msdyn_accountcustomer=SECOND),
        ],
        [("differing", "-750.00"), ("differing", "750.00"), ("differing", "750.00")],
    ),
    (
        "costs split with their sales",
        [planned(C, "10", "70")],
        [held(C, "3.33", "70"), held(C, "3.33", "70"), held(C, "3.34", "70")],
        [],
    ),
    (
        "parts that add up in quantity and not in amount",
        [planned(S, "10", "150")],
        [held(S, "5", "150"), held(S, "5", "150", msdyn_amount=Decimal(700))],
        [("differing", "-750.00"), ("differing", "700.00")],
    ),
    (
        "parts at another price",
        [planned(S, "10", "150")],
        [held(S, "5", "150"), held(S, "5", "140")],
        [("differing", "-750.00"), ("differing", "700.00")],
    ),
    (
        "a cut not made",
        CUT,
        [held(C, "8", "100"), held(S, "8", "200")],
        [("differing", "400.00"), ("missing", "-400.00")],
    ),
    (
        "the rest of a cut twice",
        CUT,
        [held(C, "8", "100"), held(S, "6", "200"), held(S, "2", "200", NON), held(S, "2", "200", NON)],
        [("doubled", "400.00")],
    ),
    ("cost twice", EIGHT, [held(C, "8", "100"), held(C, "8", "100"), held(S, "8", "200")], [("doubled", "800.00")]),
    ("another quantity", EIGHT, [held(C, "6", "100"), held(S, "8", "200")], [("differing", "-200.00")]),
    ("a price of zero", EIGHT, [held(C, "8", "100"), held(S, "8", "0")], [("zero-priced", "-1600.00")]),
    ("sales nobody calls for", EIGHT[:1], [held(C, "8", "100"), held(S, "8", "200")], [("differing", "1600.00")]),
    (
        "another currency has no difference in one figure",
        EIGHT[:1],
        [held(C, "8", "94", transactioncurrencyid=Ref(tables.CURRENCY, EUR.id))],
        [("differing", None)],
    ),
    (
        "another day, on this side of midnight in UTC",
        EIGHT[:1],
        [held(C, "8", "100", msdyn_startdatetime=datetime(2026, 2, 10, 4, 59, tzinfo=UTC))],
        [("differing", "0.00")],
    ),
    ("taken back", EIGHT[:1], [held(C, "8", "100", msdyn_adjustmentstatus=192350001)], [("missing", "-800.00")]),
    (
        "ours and somebody else's, whatever the figures",
        EIGHT,
        [held(C, "8", "100", id=COST), held(S, "8", "200", id=SALES), held(S, "7", "200")],
        [("doubled", "1400.00")],
    ),
    (
        "invoiced as it was, whatever the draft was changed to",
        EIGHT,
        [held(C, "8", "100"), held(S, "8", "200", msdyn_billingstatus=POSTED), held(B, "10", "200")],
        [],
    ),
    (
        "invoiced, and open once more",
        EIGHT,
        [
            held(C, "8", "100"),
            held(S, "8", "200", msdyn_billingstatus=POSTED),
            held(S, "-8", "200", msdyn_adjustmentstatus=192350002),
            held(B, "8", "200"),
            held(S, "8", "200"),
        ],
        [("doubled", "1600.00")],
    ),
]


@pytest.mark.parametrize(("plan", "actuals", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_difference_is_one_finding(
    plan: list[PlannedActual], actuals: list[Actual], expected: list[tuple[str, str | None]]
) -> None:
    assert kinds(found(plan, *actuals)) == expected


def test_a_difference_names_the_row_and_both_values() -> None:
    cost = held(C, "6", "100")
    (finding,) = found(EIGHT[:1], cost)
    assert finding.sentence == (f"Cost msdyn_actual({cost.id}) has quantity 6 instead of 8, amount 600 instead of 800.")
    assert finding.currency == USD.id


def test_work_on_another_project_differs_and_what_a_row_leaves_empty_does_not() -> None:
    plan = replace(EIGHT[0], cells={**EIGHT[0].cells, "msdyn_project": PROJECT, "msdyn_resourcecategory": ROLE})
    other = Ref(tables.PROJECT, uid(44))
    (finding,) = found([plan], held(C, "8", "100", msdyn_project=other))
    assert f"has project {other} instead of {PROJECT}." in finding.sentence
    assert found([plan], held(C, "8", "100", msdyn_project=PROJECT)) == ()


def test_what_counts_without_an_approval_is_not_withdrawn_unless_it_was_invoiced_or_takes_away() -> None:
    open_, posted = held(C, "8", "100"), held(S, "8", "200", msdyn_billingstatus=POSTED)
    away, gone = held(C, "-8", "100"), held(C, "8", "100", msdyn_adjustmentstatus=192350001)
    (finding,) = not_withdrawn(Ledger(ENTRY.id, (open_, posted, away, gone)))
    assert (finding.kind, finding.amount) == (Kind.NOT_WITHDRAWN, Decimal(800))
    assert str(open_.id) in finding.sentence


def test_open_sales_that_say_the_same_are_alike_until_something_was_invoiced() -> None:
    first, second = held(S, "2", "200", NON), held(S, "2", "200", NON)
    others = (held(S, "6", "200"), held(C, "8", "100"), held(C, "8", "100"))
    assert alike(Ledger(ENTRY.id, (first, second, *others))) == {first.id, second.id}
    assert alike(Ledger(ENTRY.id, (first, *others))) == frozenset()
    taken_back = held(S, "2", "200", NON, msdyn_adjustmentstatus=192350001)
    assert alike(Ledger(ENTRY.id, (first, taken_back))) == frozenset()
    assert alike(Ledger(ENTRY.id, (first, second, held(B, "6", "200")))) == frozenset()


def test_rows_without_a_price_are_found_without_knowing_what_they_should_cost() -> None:
    ledger = Ledger(ENTRY.id, (held(C, "8", "0"), held(S, "8", "200"), held(S, "0", "0")))
    assert [one.kind for one in zero_priced(ledger)] == [Kind.ZERO_PRICED]
    assert not lacks_cost(ledger)
    assert lacks_cost(Ledger(ENTRY.id, (held(S, "8", "200"),)))


_ROWS = st.lists(
    st.tuples(
        st.sampled_from([C, S]), st.integers(1, 24).map(str), st.integers(1, 300).map(str), st.sampled_from([CH, NON])
    ),
    max_size=5,
)


@given(_ROWS, _ROWS)
def test_findings_are_worth_exactly_the_difference(
    plan: list[tuple[TransactionType, str, str, BillingType]], has: list[tuple[TransactionType, str, str, BillingType]]
) -> None:
    wanted, rows = [planned(*one) for one in plan], [held(*one) for one in has]
    findings = found(wanted, *rows)
    difference = sum((one.figures[2] for one in rows), Decimal(0)) - sum((one.amount for one in wanted), Decimal(0))
    assert sum((one.amount or Decimal(0) for one in findings), Decimal(0)) == difference
