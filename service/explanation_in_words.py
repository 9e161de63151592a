"""An explained entry as the sentences and tables a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum

from handlers.explanation import HeldRow, PlannedRow, Whose
from handlers.plan import Decision, NotYet, Plan, Refuse
from mappings.choices import BillingStatus, BillingType, TransactionType
from mappings.comparison import WORDS, Finding
from mappings.entry import Entry
from mappings.tables import PROJECT, Cell, Ref
from service.explaining import Explained

OWNERS = {
    Whose.SERVICE: "this service",
    Whose.PRODUCT: "the product",
    Whose.JOURNAL: "a journal",
    Whose.INVOICE: "an invoice",
    Whose.OTHER: "somebody else",
}


def headline(told: Explained) -> str:
    """The entry in a sentence: what, whose, how much, when, where it stands."""
    entry = entry_of(told)
    if entry is None:
        return f"{told.explanation.entry} can't be read as an entry."
    what = "Time" if entry.amount is None else "Expense"
    rows = (entry.resource, entry.role, entry.category, project_of(entry))
    named = ", ".join(name for row in rows if (name := told.name(row)))
    unit = "hours" if entry.amount is None else "units"
    return f"{what} of {named}: {entry.quantity} {unit} on {entry.business_day(told.zone)}, {entry.stage.value}."


def sentences(told: Explained) -> list[str]:
    """The decisions in the order in which they would be carried out."""
    first, *then = told.explanation.decisions
    return [f"{_KINDS[kind(first)]}: {_sentence(first)}", *(f"Then: {_sentence(one)}" for one in then)]


_KINDS = {"write": "Would be done", "nothing": "Nothing to write", "not-yet": "Not yet", "refused": "Refused"}


def planned_cells(told: Explained) -> Iterator[tuple[str, ...]]:
    """Kind, quantity, price, amount, what becomes of it, and why it is so, a sentence to a line."""
    for row in told.explanation.planned:
        one, money = row.actual, told.money(row.actual.cells.get("transactioncurrencyid"))
        yield (
            title(row),
            f"{one.quantity:,.2f}",
            f"{one.price:,.{money.precision}f}",
            f"{one.amount:,.{money.precision}f} {money.code}",
            row.standing.value.replace("-", " "),
            "\n".join(one.because),
        )


def column_cells(told: Explained) -> Iterator[tuple[str, ...]]:
    """Every column of every planned row: name, value, and on which of the rows it stands so."""
    planned = told.explanation.planned
    for column in dict.fromkeys(column for row in planned for column in row.actual.cells):
        values: dict[str, list[str]] = {}
        for row in planned:
            if column in row.actual.cells:
                values.setdefault(_said(told, row.actual.cells[column]), []).append(title(row))
        for value, on in values.items():
            yield column, value, "all" if len(on) == len(planned) else "; ".join(on)


def held_cells(told: Explained) -> Iterator[tuple[str, ...]]:
    """Id, kind, quantity, price, amount, whose it is, who wrote it, and what it counts for."""
    for held in told.explanation.held:
        money = told.money(held.actual.row.link("transactioncurrencyid"))
        quantity, price, amount = held.actual.figures
        status = choice(BillingStatus, held.actual.row.choice("msdyn_billingstatus"))
        yield (
            str(held.actual.id),
            ", ".join(
                filter(None, (choice(TransactionType, held.actual.type), choice(BillingType, held.actual.billing_type)))
            ),
            f"{quantity:,.2f}",
            f"{price:,.{money.precision}f}",
            f"{amount:,.{money.precision}f} {money.code}",
            OWNERS[held.whose],
            told.name(held.by) or "",
            ", ".join(filter(None, (state(held), status, "to be reversed" if held.goes else None))),
        )


def difference_cells(told: Explained) -> Iterator[tuple[str, ...]]:
    """Finding, sentence, and what the ledger holds less what it should."""
    for finding in told.explanation.findings:
        amount, code = worth(told, finding)
        yield finding.kind.value, finding.sentence, f"{amount or ''} {code or ''}".strip() if amount else ""


def title(row: PlannedRow) -> str:
    """What a planned row is, in words."""
    billing = row.actual.billing_type
    with_billing = row.actual.type is TransactionType.UNBILLED_SALES and billing is not None
    kind = WORDS[row.actual.type].capitalize()
    return f"{kind}, {word(billing)}" if with_billing and billing is not None else kind


def worth(told: Explained, finding: Finding) -> tuple[str | None, str | None]:
    """The amount of a finding and the code of its currency, as far as it has any."""
    money = told.currencies.get(finding.currency) if finding.currency else None
    amount = None if finding.amount is None else f"{finding.amount:.{money.precision if money else 2}f}"
    return amount, money.code if money else None


def kind(decision: Decision) -> str:
    """What a decision comes to: write, nothing, not-yet or refused."""
    match decision:
        case Plan():
            return "write"
        case NotYet():
            return "not-yet"
        case Refuse():
            return "refused"
        case _:
            return "nothing"


def _sentence(decision: Decision) -> str:
    return f"{decision.sentence} ({decision.code})" if isinstance(decision, Refuse) else decision.because


def entry_of(told: Explained) -> Entry | None:
    """The entry as it was released, where it can be read."""
    return told.explanation.facts.released if told.explanation.facts is not None else None


def project_of(entry: Entry) -> Ref | None:
    """The project of an entry."""
    return Ref(PROJECT, entry.project) if entry.project else None


def state(held: HeldRow) -> str:
    """Whether an actual counts, was reversed, or reverses another."""
    if held.actual.is_reversed:
        return "reversed"
    return "reversal" if held.actual.is_reversal else "counts"


def choice(kind: type[IntEnum], value: int | None) -> str | None:
    """A choice in words; a number this version does not know as it stands."""
    if value is None:
        return None
    return word(kind(value)) if value in list(kind) else str(value)


def word(choice: IntEnum) -> str:
    """A choice in words, as programs and people read it."""
    return choice.name.lower().replace("_", "-")


def _said(told: Explained, cell: Cell) -> str:
    """A cell as a person reads it: lookups and choices by name, instants in the entry's time zone."""
    match cell:
        case Ref():
            return told.name(cell) or ""
        case IntEnum():
            return f"{word(cell)} ({int(cell)})"
        case datetime():
            return f"{cell.astimezone(told.zone):%Y-%m-%d %H:%M} ({told.zone.key})"
        case _:
            return str(cell)
