"""Whose work an actual stands for, in words: an actual made from a time entry seldom has a description of its own."""

from __future__ import annotations

from collections.abc import Iterable

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from mappings import tables
from mappings.row import Row
from mappings.tables import Ref

NAMED = {
    "msdyn_bookableresource": (tables.RESOURCE, "name"),
    "msdyn_resourcecategory": ("bookableresourcecategory", "name"),
    "msdyn_transactioncategory": ("msdyn_transactioncategory", "msdyn_name"),
    "msdyn_project": (tables.PROJECT, "msdyn_subject"),
}
"""What an actual is about, by column, in the order it is said: resource, role, category, project."""


class Works:
    """Names of resources, roles, categories and projects, each read once: one request for all that are new."""

    def __init__(self, dataverse: Reader) -> None:
        self._dataverse = dataverse
        self._names: dict[Ref, str] = {}

    def learn(self, actuals: Iterable[Row]) -> None:
        """Read the names that these actuals need and that are not known yet."""
        new = {ref for actual in actuals for column in NAMED if (ref := actual.link(column))} - self._names.keys()
        if not new:
            return
        several = [
            Query(table, (name,), any_of(f"{table}id", wanted))
            for table, name in NAMED.values()
            if (wanted := sorted(ref.id for ref in new if ref.table == table))
        ]
        for question, answer in zip(several, ask(self._dataverse, *several), strict=True):
            self._names |= {row.ref: row.text(question.select[0]) or "" for row in answer}
        # What can't be read is not asked for again.
        self._names |= dict.fromkeys(new - self._names.keys(), "")

    def of(self, actual: Row) -> dict[str, str]:
        """Resource, role, category and project by name and column, as far as they have been learned."""
        found = {column: self._names.get(ref, "") for column in NAMED if (ref := actual.link(column))}
        return {column: name for column, name in found.items() if name}
