"""Which columns are looked up by value often enough for an index of their own."""

from __future__ import annotations

from typing import Final

from sandbox.dataverse.catalog import Column, Table

REFERENCES: Final = {
    "msdyn_transactionorigin": ("msdyn_origin", "msdyn_transaction"),
    "msdyn_transactionconnection": ("msdyn_transaction1", "msdyn_transaction2"),
    "sdkmessagefilter": ("primaryobjecttypecode",),
}
"""String columns that stand for references."""
UNINDEXED: Final = frozenset(
    {"createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby", "organizationid"}
) | {
    "ownerid",
    "owninguser",
    "owningteam",
    "owningbusinessunit",
    "transactioncurrencyid",
}
"""Lookups every row has and nobody searches by; an index on each would only slow writing down."""


def indexed(table: Table, column: Column) -> bool:
    """Whether the column has one."""
    lookup = column.kind == "lookup" and column.name not in UNINDEXED and not column.read_only
    return lookup or column.name in REFERENCES.get(table.name, ())
