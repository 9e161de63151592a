"""Columns that are written and never read again, like an endpoint's keys: kept apart from the rows they belong to.

The row says only whether there is a value (Microsoft Learn, "Service Endpoint table/entity reference").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.store import Store
from sandbox.dataverse.unit_of_work import Row

FLAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "serviceendpoint": {"saskey": "issaskeyset", "sastoken": "issastokenset", "authvalue": "isauthvalueset"}
}
"""By table: write-only column → the column that says whether it holds something."""


def put_away(store: Store, table: Table, id: UUID, cells: Row, *, new: bool) -> None:
    """Take the write-only values out of what is about to be written, in place; a ``new`` row begins without any."""
    for name, flag in FLAGS.get(table.name, {}).items():
        if not new and name not in cells:
            continue
        value = cells.get(name)
        cells[name], cells[flag] = None, value is not None
        store.execute('DELETE FROM ":write_only" WHERE id = ? AND name = ?', (str(id), name))
        if value is not None:
            store.execute('INSERT INTO ":write_only" VALUES (?, ?, ?)', (str(id), name, str(value)))


def value_of(store: Store, id: UUID, name: str) -> str:
    """A write-only value for the platform's own use; empty where there is none."""
    found = store.execute('SELECT value FROM ":write_only" WHERE id = ? AND name = ?', (str(id), name)).fetchone()
    return "" if found is None else str(found[0])
