"""Alternate keys made at run time, read from the metadata bodies that Dataverse takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.dataverse.catalog import Key, Table
from sandbox.dataverse.http.new_tables import schema_name
from sandbox.dataverse.refusals import payload
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

KINDS = {"string", "integer", "bigint", "decimal", "datetime", "lookup", "picklist"}
MOST_KEYS, MOST_COLUMNS, MOST_BYTES = 10, 16, 900
"""Limits of the platform (define-alternate-keys-entity)."""


def new_key(table: Table, body: Mapping[str, Any]) -> Key:
    """The alternate key an EntityKeyMetadata body describes; what the platform would not index is refused."""
    schema = schema_name(body)
    names = body.get("KeyAttributes")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise payload("Keys", "KeyAttributes is to be a list of column names.")
    columns = [table.column(name) for name in dict.fromkeys(names)]
    wrong = [column.name for column in columns if column.kind not in KINDS]
    if wrong:
        raise Refused(f"Columns of this type cannot be part of an alternate key: {', '.join(wrong)}.", "0x80060890")
    size = sum(2 * (column.length or 0) if column.kind == "string" else 16 for column in columns)
    if len(columns) > MOST_COLUMNS or size > MOST_BYTES or len(table.keys) >= MOST_KEYS:
        raise Refused(
            f"A table has at most {MOST_KEYS} alternate keys of at most {MOST_COLUMNS} columns and {MOST_BYTES} bytes.",
            "0x80060890",
        )
    if any(key.name == schema.lower() or set(key.columns) == set(names) for key in table.keys):
        raise Refused(f"An entity key with these columns or this name exists already on {table.name}.", "0x80060890")
    return Key(schema.lower(), schema, tuple(column.name for column in columns))


def add_key(uow: Transaction, table: Table, key: Key) -> None:
    """Give the table the key. It fails, as the platform's index job would, where rows share its values already."""
    made = key if uow.store.add_key(table, key) else replace(key, status="Failed")
    _put(uow, table, replace(table, keys=(*table.keys, made)))


def drop_key(uow: Transaction, table: Table, key: Key) -> None:
    """Take the key from the table again."""
    uow.store.drop_key(table, key)
    _put(uow, table, replace(table, keys=tuple(one for one in table.keys if one.name != key.name)))


def _put(uow: Transaction, before: Table, after: Table) -> None:
    uow.store.remember(after)
    uow.catalog.put(after)
    uow.on_rollback.append(lambda: uow.catalog.put(before))
