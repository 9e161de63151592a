"""Explaining an entry in an environment: the handler's own explanation, and the names of everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actuals import ActualsHandler
from handlers.explanation import Explanation, explain
from mappings.tables import Cell, Ref
from service.app import App
from service.entries import entry_named
from service.names import names
from service.reconciling import Money


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, and what it takes to tell it to a person. ``zone`` is the one the entry's days are meant in."""

    explanation: Explanation
    creator: str
    zone: ZoneInfo
    currencies: Mapping[UUID, Money]
    names: Mapping[Ref, str]
    url: str

    def name(self, row: Ref | None) -> str | None:
        """A row's name; where it has none, its id."""
        return None if row is None else self.names.get(row, str(row))

    def money(self, currency: Cell) -> Money:
        """The currency a lookup points to."""
        known = self.currencies.get(currency.id) if isinstance(currency, Ref) else None
        return known or Money("", 2)


def explained(app: App, name: str) -> Explained:
    """The entry of this id, address or approval, explained. Raises ``NoSuchEntry`` and ``ConnectorError``."""
    entry = entry_named(app.dataverse, name, app.dataverse.url)
    handler, rules = app.mission.entries, app.rules
    explanation = explain(entry, handler, app.dataverse)
    facts = explanation.facts
    currencies = facts.set_up.currencies if facts is not None else {}
    return Explained(
        explanation=explanation,
        creator="service" if isinstance(handler, ActualsHandler) else "product",
        zone=rules.zone if facts is None else rules.zone_of(facts),
        currencies={
            row.id: Money(
                row.text("isocurrencycode") or "", 2 if (digits := row.choice("currencyprecision")) is None else digits
            )
            for row in currencies.values()
        },
        names=names(app.dataverse, _rows(explanation)),
        url=app.dataverse.url,
    )


def _rows(explanation: Explanation) -> Iterator[Ref | None]:
    """Everything an explanation names by its id."""
    for one in explanation.planned:
        yield from (cell for cell in one.actual.cells.values() if isinstance(cell, Ref))
    for held in explanation.held:
        yield held.by
        yield held.actual.row.link("transactioncurrencyid")
    entry = explanation.facts.released if explanation.facts is not None else None
    if entry is not None:
        yield from (entry.task, entry.role, entry.category, entry.resource)
        yield Ref("msdyn_project", entry.project) if entry.project else None
