"""Tables, columns and alternate keys from files of one's own, in the format of the files in ``schema/``.

A file names its table. A table that is not there yet is made; one that is gets the columns and keys it lacks. A
column that is there already has to be of the same type, and with the same choices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.dataverse.catalog import Key, Table, column_from, common_columns, table_from
from sandbox.dataverse.http.new_keys import add_key
from sandbox.dataverse.http.new_tables import widened
from sandbox.dataverse.seed import announce
from sandbox.dataverse.transaction import Transaction


def add_schema(uow: Transaction, source: Path) -> list[str]:
    """Make what a file, or the ``*.json`` files of a folder, describe; the tables' names.

    ``ValueError`` names a wrong file, ``OSError`` one that can't be read.
    """
    names = []
    for path in sorted(source.glob("*.json")) if source.is_dir() else [source]:
        text = path.read_text("utf-8")
        try:
            names.append(_add(uow, json.loads(text)))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path.name} is no JSON: {error}.") from error
        except KeyError as error:
            raise ValueError(f"{path.name} does not describe a table: {error} is missing or unknown.") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path.name} does not describe a table: {error}.") from error
    return names


def _add(uow: Transaction, facts: Mapping[str, Any]) -> str:
    name: str = facts["table"]
    table = uow.catalog.find(name)
    if table is None:
        table = table_from({"common": [], "custom": True, **facts}, common_columns())
        uow.add_table(table)
        announce(uow, name)
        return name
    for column_name, entry in facts.get("columns", {}).items():
        column = column_from(column_name, entry)
        there = table.columns.get(column_name)
        if there is None:
            table = widened(table, column)
            uow.add_column(table, column)
        elif (there.kind, set(there.choices), set(there.to)) != (column.kind, set(column.choices), set(column.to)):
            raise ValueError(f"{name} has a column {column_name} already, of another type, or with other choices")
    _add_keys(uow, table, facts.get("keys", ()))
    return name


def _add_keys(uow: Transaction, table: Table, keys: Any) -> None:
    for entry in keys:
        key = Key(entry["name"], entry.get("schema", entry["name"]), tuple(entry["columns"]))
        if all(key.name != one.name for one in table.keys):
            add_key(uow, table, key)
            table = uow.catalog.table(table.name)
