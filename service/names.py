"""Rows by the names people know them by, read in bulk: one request, however many rows of however many tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from mappings import tables
from mappings.tables import Ref

NAMED = {
    tables.PROJECT: "msdyn_subject",
    "msdyn_projecttask": "msdyn_subject",
    tables.RESOURCE: "name",
    "bookableresourcecategory": "name",
    "msdyn_transactioncategory": "msdyn_name",
    tables.CONTRACT: "name",
    tables.CONTRACT_LINE: "salesorderdetailname",
    "account": "name",
    "contact": "fullname",
    tables.ORGANIZATIONAL_UNIT: "msdyn_name",
    tables.CURRENCY: "isocurrencycode",
    "pricelevel": "name",
    "uom": "name",
    "systemuser": "fullname",
    "team": "name",
}
"""The column that holds the name, by table; rows of other tables go by their id."""


def names(dataverse: Reader, rows: Iterable[Ref | None]) -> dict[Ref, str]:
    """The name of each of these rows that has one."""
    wanted: defaultdict[str, set[Ref]] = defaultdict(set)
    for row in rows:
        if row is not None and row.table in NAMED:
            wanted[row.table].add(row)
    if not wanted:
        return {}
    questions = [
        Query(table, (NAMED[table],), any_of(f"{table}id", sorted(row.id for row in some)))
        for table, some in wanted.items()
    ]
    found = (row for answer in ask(dataverse, *questions) for row in answer)
    return {row.ref: name for row in found if (name := row.text(NAMED[row.ref.table]))}
