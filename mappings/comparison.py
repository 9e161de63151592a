"""What an entry's ledger holds beside what it should hold, and each difference as a finding a person can act on.

Whoever wrote the rows, they are compared alike: by side (transaction type), figures, currency, business day, and what
the approval released, as far as both name it. Sales that were invoiced are compared in sum only: confirming, correcting
and crediting move quantity between unbilled and billed sales, and add none (PSA/actuals).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.business_date import business_date
from mappings.choices import BillingType, TransactionType
from mappings.ledger import Actual, Ledger
from mappings.planned_actual import PlannedActual
from mappings.tables import Cell, Ref


class Kind(StrEnum):
    """What is wrong, in the words reports and filters use."""

    MISSING = "missing"
    DIFFERING = "differing"
    DOUBLED = "doubled"
    ZERO_PRICED = "zero-priced"
    NOT_WITHDRAWN = "not-withdrawn"
    EDITED = "edited"
    HELD = "held"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``amount``: what the ledger holds less what it should, in ``currency`` (its id)."""

    kind: Kind
    sentence: str
    amount: Decimal | None = None
    currency: UUID | None = None


WORDS = {
    TransactionType.COST: "cost",
    TransactionType.UNBILLED_SALES: "unbilled sales",
    TransactionType.BILLED_SALES: "billed sales",
    TransactionType.RESOURCING_UNIT_COST: "resourcing unit cost",
    TransactionType.INTER_ORGANIZATIONAL_SALES: "inter-organizational sales",
}


def compare(planned: Sequence[PlannedActual], ledger: Ledger, zone: ZoneInfo) -> tuple[Finding, ...]:
    """Where the live rows of an approved entry differ from what its approval calls for; nothing where they agree."""
    live = [actual for actual in ledger.actuals if actual.is_live]
    found = list(_counted_by_both(ledger))
    sides = dict.fromkeys([one.type for one in planned] + [TransactionType(a.type) for a in live if a.type is not None])
    for side in sides:
        wanted = [_of_plan(one, zone) for one in planned if one.type is side]
        held = [_of_actual(actual, zone) for actual in live if actual.type == side]
        if side is TransactionType.UNBILLED_SALES and any(actual.is_invoiced for actual in live):
            found += _invoiced(wanted, ledger)
        elif not _counts_twice(ledger, side):
            found += _side(side, wanted, held)
    return tuple(found)


def not_withdrawn(ledger: Ledger) -> tuple[Finding, ...]:
    """The rows that count although nothing is approved; invoiced ones are the invoice's to take back."""
    return tuple(
        Finding(
            Kind.NOT_WITHDRAWN,
            f"{_word(actual.type)} {actual.row.ref} still counts, but nothing approves it.",
            actual.figures[2],
            actual.row.link_id("transactioncurrencyid"),
        )
        for actual in ledger.actuals
        if actual.is_live and not actual.is_invoiced and actual.figures[0] > 0
    )


def zero_priced(ledger: Ledger) -> tuple[Finding, ...]:
    """The rows that count with a quantity, and a price of zero."""
    return tuple(
        Finding(
            Kind.ZERO_PRICED,
            f"{_word(actual.type)} {actual.row.ref} was written at a price of zero: no price list, or no row of one, "
            "fitted when it was priced.",
            None,
            actual.row.link_id("transactioncurrencyid"),
        )
        for actual in ledger.actuals
        if actual.is_live and actual.figures[0] != 0 and actual.figures[1] == 0 and not actual.is_invoiced
    )


def lacks_cost(ledger: Ledger) -> bool:
    """No cost counts at all: whatever the figures are, an approved entry has one."""
    return not any(actual.is_live and actual.type == TransactionType.COST for actual in ledger.actuals)


def alike(ledger: Ledger) -> frozenset[UUID]:
    """Open sales of one entry that count the same work: an invoice would bill it once for each.

    Once anything of the entry was invoiced, crediting in parts may well leave two sales alike. Costs tell then, which
    no invoice touches: where two of them are alike, all open sales are suspect.
    """
    sales = [actual for actual in ledger.actuals if _is_open(actual, TransactionType.UNBILLED_SALES)]
    if any(actual.is_invoiced or actual.type == TransactionType.BILLED_SALES for actual in ledger.actuals):
        costs = [actual for actual in ledger.actuals if _is_open(actual, TransactionType.COST)]
        return frozenset(actual.id for actual in sales) if _saying_the_same(costs) else frozenset()
    return _saying_the_same(sales)


def _is_open(actual: Actual, side: TransactionType) -> bool:
    return actual.is_live and actual.type == side and not actual.is_invoiced and actual.figures[0] > 0


def _saying_the_same(actuals: Iterable[Actual]) -> frozenset[UUID]:
    saying: defaultdict[tuple[object, ...], set[UUID]] = defaultdict(set)
    for actual in actuals:
        billing_type = actual.billing_type if actual.type == TransactionType.UNBILLED_SALES else None
        saying[billing_type, actual.customer, *actual.figures].add(actual.id)
    return frozenset(id for ids in saying.values() if len(ids) > 1 for id in ids)


_RELEASED = {
    "msdyn_project": "project",
    "msdyn_task": "task",
    "msdyn_bookableresource": "resource",
    "msdyn_resourcecategory": "role",
    "msdyn_transactioncategory": "category",
}
"""What an approval releases besides figures and the day, in words."""


@dataclass(frozen=True, slots=True)
class _Substance:
    """What two rows must have in common to be the same. ``name`` is how a person finds the row."""

    name: str
    billing_type: int | None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    currency: UUID | None
    day: date | None
    released: Mapping[str, Cell]

    def differences(self, wanted: _Substance) -> list[str]:
        """Where this row is not the wanted one; what one leaves empty beside its figures is no difference."""
        return [f"{word} {mine} instead of {other}" for word, mine, other in self._beside(wanted) if mine != other]

    def is_part_of(self, whole: _Substance) -> bool:
        """It differs in how much it counts, and in nothing else."""
        return not replace(self, quantity=whole.quantity, amount=whole.amount).differences(whole)

    def _beside(self, wanted: _Substance) -> Iterable[tuple[str, object, object]]:
        yield from (
            ("billing type", _billing(self.billing_type), _billing(wanted.billing_type)),
            ("quantity", self.quantity, wanted.quantity),
            ("price", self.price, wanted.price),
            ("amount", self.amount, wanted.amount),
            ("currency", self.currency, wanted.currency),
            ("business day", self.day, wanted.day),
        )
        for column, word in _RELEASED.items():
            mine, other = self.released.get(column), wanted.released.get(column)
            if mine is not None and other is not None:
                yield word, mine, other


def _of_plan(one: PlannedActual, zone: ZoneInfo) -> _Substance:
    currency, start = one.cells.get("transactioncurrencyid"), one.cells.get("msdyn_startdatetime")
    return _Substance(
        _word(one.type),
        one.billing_type if one.type is TransactionType.UNBILLED_SALES else None,
        one.quantity,
        one.price,
        one.amount,
        currency.id if isinstance(currency, Ref) else None,
        business_date(start, zone) if isinstance(start, datetime) else None,
        one.cells,
    )


def _of_actual(actual: Actual, zone: ZoneInfo) -> _Substance:
    start = actual.row.instant("msdyn_startdatetime")
    return _Substance(
        f"{_word(actual.type)} {actual.row.ref}",
        actual.billing_type if actual.type == TransactionType.UNBILLED_SALES else None,
        *actual.figures,
        actual.row.link_id("transactioncurrencyid"),
        business_date(start, zone) if start else None,
        actual.row.cells,
    )


def _side(side: TransactionType, wanted: list[_Substance], held: list[_Substance]) -> Iterable[Finding]:
    open_, extra = list(wanted), []
    for one in held:
        match = next((other for other in open_ if not one.differences(other)), None)
        if match is None:
            extra.append(one)
        else:
            open_.remove(match)
    _settle_parts(open_, extra)
    for one in extra:
        if any(not one.differences(other) for other in wanted):
            yield Finding(Kind.DOUBLED, f"{one.name} counts the same work once more.", one.amount, one.currency)
        elif open_:
            yield _differing(one, _nearest(one, open_))
        else:
            why = f"{one.name} counts {one.quantity} at {one.price}, which the approval does not call for."
            yield Finding(Kind.DIFFERING, why, one.amount, one.currency)
    for other in open_:
        why = f"There is no {WORDS[side]} actual of {other.quantity} at {other.price}, {other.amount} in all."
        yield Finding(Kind.MISSING, why, -other.amount, other.currency)


def _settle_parts(open_: list[_Substance], extra: list[_Substance]) -> None:
    """Take off both lists what was written in parts: one for each customer of a line that has several.

    Quantities must add up; amounts but for what rounding each part by itself can explain.
    """
    for whole in tuple(open_):
        parts = [one for one in extra if one.is_part_of(whole)]
        off = abs(sum((one.amount for one in parts), -whole.amount))
        adds_up = sum(one.quantity for one in parts) == whole.quantity and off <= len(parts) * _smallest(whole.amount)
        if len(parts) > 1 and adds_up:
            open_.remove(whole)
            extra[:] = [one for one in extra if one not in parts]


def _smallest(amount: Decimal) -> Decimal:
    """One in the last place of a rounded amount."""
    exponent = amount.as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(0)


def _nearest(one: _Substance, open_: list[_Substance]) -> _Substance:
    """The planned row this one was meant to be, taken off the list."""
    best = min(open_, key=lambda other: len(one.differences(other)))
    open_.remove(best)
    return best


def _differing(one: _Substance, wanted: _Substance) -> Finding:
    difference = one.amount - wanted.amount if one.currency == wanted.currency else None
    if one.price == 0 != wanted.price and one.quantity == wanted.quantity:
        why = f"{one.name} has a price of zero instead of {wanted.price}."
        return Finding(Kind.ZERO_PRICED, why, difference, one.currency)
    return Finding(Kind.DIFFERING, f"{one.name} has {', '.join(one.differences(wanted))}.", difference, one.currency)


def _counted_by_both(ledger: Ledger) -> Iterable[Finding]:
    """The rows by which somebody else counts what we count too."""
    for actual in ledger.counting_twice[1]:
        if actual.type is not None and _counts_twice(ledger, actual.type):
            ours = ", ".join(str(one.row.ref) for one in ledger.counting_twice[0] if one.type == actual.type)
            why = f"{_word(actual.type)} {actual.row.ref}, of somebody else, counts the same work as {ours} of ours."
            yield Finding(Kind.DOUBLED, why, actual.figures[2], actual.row.link_id("transactioncurrencyid"))


def _counts_twice(ledger: Ledger, side: int) -> bool:
    ours, theirs = ledger.counting_twice
    return side in {one.type for one in ours} and side in {one.type for one in theirs}


def _invoiced(wanted: list[_Substance], ledger: Ledger) -> Iterable[Finding]:
    """After an invoice, what may still be billed and what was billed must not exceed what was released."""
    sales = [a for a in ledger.actuals if a.type in (TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES)]
    still_open = [a for a in sales if a.is_live and not a.is_invoiced and a.figures[0] > 0]
    counted = sum((actual.figures[0] for actual in sales), Decimal(0))
    released = sum((one.quantity for one in wanted), Decimal(0))
    if still_open and counted > released:
        named = ", ".join(str(actual.row.ref) for actual in still_open)
        why = f"Unbilled sales {named} is open, but of {released} released {counted} are billed or open."
        amount = sum((actual.figures[2] for actual in still_open), Decimal(0))
        yield Finding(Kind.DOUBLED, why, amount, still_open[0].row.link_id("transactioncurrencyid"))


def _word(kind: int | None) -> str:
    return WORDS.get(TransactionType(kind), "actual").capitalize() if kind in list(TransactionType) else "Actual"


def _billing(kind: int | None) -> str:
    return BillingType(kind).name.lower().replace("_", "-") if kind in list(BillingType) else str(kind)
