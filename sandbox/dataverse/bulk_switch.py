"""Which tables take the bulk messages, as switches by table; the rows that say so are written and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sandbox.dataverse.bulk_tables import BULK, offer, takes
from sandbox.dataverse.transaction import Transaction
from sandbox.switches_http import Move, NoSuchSetting


class BulkTables:
    """A section of the board: table → whether it takes ``CreateMultiple`` and ``UpdateMultiple``."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Transaction]]) -> None:
        self._transaction = transaction

    def state(self) -> Any:
        """Every table."""
        with self._transaction() as uow:
            return {table.name: all(takes(uow, message, table.name) for message in BULK) for table in uow.catalog}

    def moves(self, wanted: Any) -> list[Move]:
        """Offer the bulk messages for some tables, or no more."""
        if not isinstance(wanted, Mapping):
            raise NoSuchSetting(f"{wanted!r} is no object of switches.")
        with self._transaction() as uow:
            unknown = [name for name in wanted if uow.catalog.find(name) is None]
        if unknown or not all(isinstance(on, bool) for on in wanted.values()):
            raise NoSuchSetting(f"bulk_tables takes tables and true or false, not {dict(wanted)!r}.")
        return [self._move(wanted)] if wanted else []

    def _move(self, wanted: Mapping[str, bool]) -> Move:
        def move() -> None:
            with self._transaction() as uow:
                for table, on in wanted.items():
                    offer(uow, table, on=on)

        return move
