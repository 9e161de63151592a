"""Taking away what was made at run time: a table with its rows, or one of its columns."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table, common_columns, shipped_columns
from sandbox.dataverse.security.privileges import ACCESS, privilege_id, privilege_name
from sandbox.dataverse.store import target_column
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

PLATFORM = {"id", "state", "status"}


def made_columns(table: Table) -> set[str]:
    """The columns of a table that somebody added to it."""
    kept = {table.name_column} | set(common_columns()) | shipped_columns(table.name)
    return {name for name, column in table.columns.items() if column.kind not in PLATFORM and name not in kept}


def drop_table(uow: Transaction, table: Table) -> None:
    """Take a made table away with its rows; a shipped one, or one that others point to, stays."""
    others = {collection.table.name for collection in uow.catalog.collections(table).values()} - {table.name}
    if not table.custom:
        raise Refused(f"The {table.name} entity cannot be deleted: it is part of the product.", "0x80047005")
    if others:
        raise Refused(f"The {table.name} entity is referenced by {', '.join(sorted(others))}.", "0x8004f01f")
    for registered in uow.find("sdkmessagefilter", primaryobjecttypecode=table.name):
        uow.delete("sdkmessagefilter", UUID(str(registered["sdkmessagefilterid"])))
    for access in ACCESS:
        privilege = privilege_id(privilege_name(access, table))
        for given in uow.find("roleprivileges", privilegeid=privilege):
            uow.delete("roleprivileges", UUID(str(given["roleprivilegeid"])))
        uow.delete("privilege", privilege)
    uow.store.execute(f'DROP TABLE "{table.name}"')
    uow.store.execute('DELETE FROM ":tables" WHERE name = ?', (table.name,))
    uow.catalog.drop(table.name)
    uow.on_rollback.append(lambda: uow.catalog.put(table))


def drop_column(uow: Transaction, table: Table, column: Column) -> None:
    """Take a made column away with its values; one of the platform's, or one that a key is made of, stays."""
    if column.name not in made_columns(table) or column.name.removesuffix("_base") in made_columns(table) - {
        column.name
    }:
        raise Refused(f"The column {column.name} of {table.name} cannot be deleted.", "0x80047005")
    if any(column.name in key.columns for key in table.keys):
        raise Refused(f"The column {column.name} is part of an alternate key of {table.name}.", "0x8004f01f")
    uow.store.execute(f'DROP INDEX IF EXISTS "{table.name}.{column.name}"')
    going = {column.name} | ({f"{column.name}_base"} if column.kind == "money" else set())
    for name in (*going, target_column(column)):
        if name:
            uow.store.execute(f'ALTER TABLE "{table.name}" DROP COLUMN "{name}"')
    narrower = replace(table, columns={name: one for name, one in table.columns.items() if name not in going})
    uow.store.remember(narrower)
    uow.catalog.put(narrower)
    uow.on_rollback.append(lambda: uow.catalog.put(table))
