"""Whether the rows of every entry are what its approval, and the set-up under it, call for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.flow.checker import owed
from tests.flow.checker.books import Books, Json, day, number
from tests.flow.checker.owed import COST, TRANSFER, UNBILLED, UNIT_COST, Held, Owed

BILLED, POSTED = 192350006, 192350002
WORDS = {COST: "cost", UNBILLED: "sales", UNIT_COST: "resourcing unit cost", TRANSFER: "transfer"}


def faults(books: Books, zone: ZoneInfo, moved: Mapping[str, str]) -> Iterator[str]:
    """What is lost, doubled or misstated, entry by entry."""
    for table, key in (("msdyn_timeentries", "msdyn_timeentryid"), ("msdyn_expenses", "msdyn_expenseid")):
        for entry in books[table]:
            yield from _of_entry(books, str(entry[key]), owed.rows_of(books, entry, zone, moved), zone)


def _of_entry(books: Books, id: str, wanted: list[Owed] | Held, zone: ZoneInfo) -> Iterator[str]:
    rows = books.of_entry(id)
    live = [row for row in rows if row.get("msdyn_adjustmentstatus") is None]
    if isinstance(wanted, Held):
        for row in live:
            yield f"{id}: doubled or wrong {row['msdyn_actualid']}, where it must be held: {wanted.because}"
        return
    invoiced = any(row.get("msdyn_billingstatus") == POSTED for row in live)
    for side, word in WORDS.items():
        expected = [one for one in wanted if one.side == side]
        sides = (UNBILLED, BILLED) if side == UNBILLED else (side,)
        counted = [row for row in rows if row["msdyn_transactiontypecode"] in sides]
        if not (invoiced and side == UNBILLED):
            held = Counter(_as_owed(row, zone) for row in live if row["msdyn_transactiontypecode"] == side)
            for lost in (Counter(expected) - held).elements():
                yield f"{id}: lost {word} {lost}"
            for extra in (held - Counter(expected)).elements():
                yield f"{id}: doubled or wrong {word} {extra}"
        for column, total in (
            ("msdyn_quantity", _sum(expected, "quantity")),
            ("msdyn_amount", _sum(expected, "amount")),
        ):
            found = sum((number(row[column]) for row in counted), Decimal(0))
            if found != total:
                yield f"{id}: the {word} rows add up to {found} {column}, not {total}"


def _as_owed(row: Json, zone: ZoneInfo) -> Owed:
    side, on = int(str(row["msdyn_transactiontypecode"])), day(row["msdyn_documentdate"], zone)
    assert on is not None
    return Owed(
        side,
        int(str(row["msdyn_billingtype"])) if side == UNBILLED else None,
        number(row["msdyn_quantity"]),
        number(row["msdyn_price"]),
        number(row["msdyn_amount"]),
        str(row["_transactioncurrencyid_value"]),
        str(row["_msdyn_project_value"]),
        on,
    )


def _sum(rows: list[Owed], column: str) -> Decimal:
    return sum((getattr(row, column) for row in rows), Decimal(0))
