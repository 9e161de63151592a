"""The rows that tie transactions together: origins say where one came from, connections which two belong together.

Types are the tables' logical names, roles are words (PSA/basic-business-transactions).
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from mappings import keys, tables
from mappings.tables import NewRow, Ref

ORIGIN_COLUMNS = ("msdyn_origin", "msdyn_origintype", "msdyn_transaction", "msdyn_transactiontype")
CONNECTION_COLUMNS = (
    "msdyn_transaction1",
    "msdyn_transaction1type",
    "msdyn_transaction1role",
    "msdyn_transaction2",
    "msdyn_transaction2type",
    "msdyn_transaction2role",
)


def origin(source: Ref, transaction: UUID) -> NewRow:
    """The row that says: this actual came from ``source``."""
    return NewRow(
        Ref(tables.ORIGIN, keys.origin_id(source.id, transaction)),
        {
            "msdyn_origin": str(source.id),
            "msdyn_origintype": source.table,
            "msdyn_transaction": str(transaction),
            "msdyn_transactiontype": tables.ACTUAL,
        },
    )


def origins(sources: Iterable[Ref | None], transaction: UUID) -> tuple[NewRow, ...]:
    """The origins of one actual, leaving out sources that do not exist."""
    return tuple(origin(source, transaction) for source in sources if source is not None)


def connection(first: UUID, first_role: str, second: UUID, second_role: str) -> NewRow:
    """The row that ties two actuals together, each in its role."""
    return NewRow(
        Ref(tables.CONNECTION, keys.connection_id(first, second)),
        {
            "msdyn_transaction1": str(first),
            "msdyn_transaction1type": tables.ACTUAL,
            "msdyn_transaction1role": first_role,
            "msdyn_transaction2": str(second),
            "msdyn_transaction2type": tables.ACTUAL,
            "msdyn_transaction2role": second_role,
        },
    )


def sales_and_cost(sales: UUID, cost: UUID) -> NewRow:
    """An unbilled sales actual and the cost actual behind it."""
    return connection(sales, "Unbilled Sales", cost, "Cost")


def reversing(reversal: UUID, original: UUID) -> NewRow:
    """A reversal and the row it takes back."""
    return connection(reversal, "Reversing", original, "Original")
