"""A store in which only those rows exist that a user may read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sandbox.dataverse.security.rights import Rights
from sandbox.dataverse.store import Store
from sandbox.dataverse.transaction import Transaction

NAMES: Final = re.compile(r'"(\w+)"')


class VisibleRows(Store):
    """Reads of another store, through common table expressions that hide rows: they stand before each statement and
    have the names of the tables they narrow."""

    def __init__(self, store: Store, rights: Rights) -> None:
        vars(self).update(vars(store))
        self._rights = rights

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one query."""
        narrowed: list[str] = []
        first: list[Any] = []
        for name in dict.fromkeys(NAMES.findall(sql)):
            table = self.catalog.find(name)
            condition = self._rights.visible(table) if table else None
            if condition is not None:
                narrowed.append(f'"{name}" AS (SELECT rowid AS rowid, * FROM main."{name}" WHERE {condition[0]})')  # noqa: S608
                first += condition[1]
        prefix = f"WITH {', '.join(narrowed)} " if narrowed else ""
        return self._connection.execute(prefix + sql, [*first, *parameters])


def narrowed(uow: Transaction, rights: Rights) -> Transaction:
    """The same transaction, for reading only what the user may read."""
    return uow if rights.reaches is None else replace(uow, store=VisibleRows(uow.store, rights))
