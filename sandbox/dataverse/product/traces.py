"""Transaction origins and connections: the rows that say where a transaction came from and what it belongs to.

Both name rows by strings: the id, and the table's logical name (PSA/basic-business-transactions).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.product.cells import key, text
from sandbox.dataverse.unit_of_work import Link, Row, UnitOfWork

UNBILLED_SALES = "Unbilled Sales"
BILLED_SALES = "Billed Sales"
COST = "Cost"
REVERSING = "Reversing"
REPLACING = "Replacing"
ORIGINAL = "Original"

JOURNAL_LINE = "msdyn_journalline"
ACTUAL = "msdyn_actual"
INVOICE_LINE_DETAIL = "msdyn_invoicelinetransaction"
_SOURCES: Final = ("msdyn_timeentry", "msdyn_expense", JOURNAL_LINE)


def originate(work: UnitOfWork, origin: Link, transaction: Link) -> None:
    """Record that a transaction came from an entry, a journal line or another source."""
    work.create(
        "msdyn_transactionorigin",
        {
            "msdyn_origin": str(origin.id),
            "msdyn_origintype": origin.table,
            "msdyn_transaction": str(transaction.id),
            "msdyn_transactiontype": transaction.table,
        },
    )


def inherit(work: UnitOfWork, source: Link, transaction: Link) -> None:
    """Record for a transaction the entry and the journal line that ``source`` came from."""
    for origin in origins_of(work, source):
        if origin.table in _SOURCES:
            originate(work, origin, transaction)


def connect(work: UnitOfWork, first: Link, first_role: str, second: Link, second_role: str) -> None:
    """Record that two transactions belong together, each in its role."""
    work.create(
        "msdyn_transactionconnection",
        {
            "msdyn_transaction1": str(first.id),
            "msdyn_transaction1type": first.table,
            "msdyn_transaction1role": first_role,
            "msdyn_transaction2": str(second.id),
            "msdyn_transaction2type": second.table,
            "msdyn_transaction2role": second_role,
        },
    )


def from_origin(work: UnitOfWork, origin: Link, table: str) -> list[UUID]:
    """The transactions of one table that came from a row."""
    rows = work.find(
        "msdyn_transactionorigin",
        msdyn_origin=str(origin.id),
        msdyn_origintype=origin.table,
        msdyn_transactiontype=table,
    )
    return [UUID(text(row, "msdyn_transaction")) for row in rows]


def origins_of(work: UnitOfWork, transaction: Link) -> list[Link]:
    """Where a transaction came from."""
    return [
        Link(text(row, "msdyn_origintype"), UUID(text(row, "msdyn_origin"))) for row in _origin_rows(work, transaction)
    ]


def connected(work: UnitOfWork, first: Link, table: str) -> list[UUID]:
    """The transactions of one table that ``first`` is connected to, ``first`` being the first of the pair."""
    rows = work.find(
        "msdyn_transactionconnection",
        msdyn_transaction1=str(first.id),
        msdyn_transaction1type=first.table,
        msdyn_transaction2type=table,
    )
    return [UUID(text(row, "msdyn_transaction2")) for row in rows]


def connecting_to(work: UnitOfWork, second: Link, table: str) -> list[UUID]:
    """The transactions of one table that name ``second`` as the second of a pair."""
    rows = work.find(
        "msdyn_transactionconnection",
        msdyn_transaction2=str(second.id),
        msdyn_transaction2type=second.table,
        msdyn_transaction1type=table,
    )
    return [UUID(text(row, "msdyn_transaction1")) for row in rows]


def forget(work: UnitOfWork, transaction: Link) -> None:
    """Delete a transaction's origins and every connection it is part of; the transaction itself is left."""
    for row in _origin_rows(work, transaction):
        work.delete("msdyn_transactionorigin", key(row, "msdyn_transactionorigin"))
    pairs = work.find(
        "msdyn_transactionconnection",
        msdyn_transaction1=str(transaction.id),
        msdyn_transaction1type=transaction.table,
    ) + work.find(
        "msdyn_transactionconnection",
        msdyn_transaction2=str(transaction.id),
        msdyn_transaction2type=transaction.table,
    )
    for row in pairs:
        work.delete("msdyn_transactionconnection", key(row, "msdyn_transactionconnection"))


def _origin_rows(work: UnitOfWork, transaction: Link) -> list[Row]:
    return work.find(
        "msdyn_transactionorigin",
        msdyn_transaction=str(transaction.id),
        msdyn_transactiontype=transaction.table,
    )
