"""``GET set``: a page of rows, what is worked out over them, or what changed."""

from __future__ import annotations

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.http.aggregation import aggregated
from sandbox.dataverse.http.changes import asked_for_changes, changes, count_of_changes
from sandbox.dataverse.http.exchange import Answer
from sandbox.dataverse.http.queries import Reader


def collection(reader: Reader, table: Table) -> Answer:
    """The answer to a read of an entity set."""
    if asked_for_changes(reader.request):
        return changes(reader, table)
    return aggregated(reader, table) if "$apply" in reader.request.query else reader.page(table)


def collection_count(reader: Reader, table: Table) -> Answer:
    """The answer to ``set/$count``."""
    return count_of_changes(reader, table) if "$deltatoken" in reader.request.query else reader.count(table)
