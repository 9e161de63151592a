"""What a request needs: the privileges for its operation, and afterwards for what it really wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.indexes import UNINDEXED
from sandbox.dataverse.many_to_many import KNOWN
from sandbox.dataverse.security.privileges import ORGANIZATION, privilege_name
from sandbox.dataverse.security.reach import deepest
from sandbox.dataverse.security.rights import Rights, owning, rights_of
from sandbox.dataverse.security.visible import narrowed
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Refused, Written

INTERSECTS: Final = frozenset({"roleprivileges", *(known.intersect for known in KNOWN)})
"""Rows that are written by associating others, never themselves."""
ACTIONS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "msdyn_TimeEntriesSubmit": (("Write", "msdyn_timeentry"),),
    "msdyn_TimeEntriesRecall": (("Write", "msdyn_timeentry"),),
    "msdyn_TimeEntriesApprove": (("Write", "msdyn_timeentry"), ("Write", "msdyn_projectapproval")),
    "msdyn_TimeEntriesReject": (("Write", "msdyn_timeentry"), ("Write", "msdyn_projectapproval")),
    "msdyn_ExpenseEntriesSubmit": (("Write", "msdyn_expense"),),
    "msdyn_ExpenseEntriesRecall": (("Write", "msdyn_expense"),),
    "msdyn_ExpenseEntriesApprove": (("Write", "msdyn_expense"), ("Write", "msdyn_projectapproval")),
    "msdyn_ExpenseEntriesReject": (("Write", "msdyn_expense"), ("Write", "msdyn_projectapproval")),
    "msdyn_ProcessProjectApprovalSets": (("Write", "msdyn_projectapproval"),),
    "msdyn_NewInvoiceContract": (("Create", "invoice"),),
    "msdyn_createinvoicefrominvoiceschedule": (("Create", "invoice"),),
    "msdyn_CorrectInvoice": (("Create", "invoice"),),
    "msdyn_MarkActualReadyToInvoiceOrNot": (("Write", "msdyn_actual"),),
    "AddPrivilegesRole": (("Write", "role"),),
}
"""What an action needs besides writing the row it is bound to. (Which privileges the product asks is not published.)"""


class Guard:
    """The rights that count in one operation: the user's, and where another one acts for them, both users'."""

    def __init__(self, uow: Transaction) -> None:
        self._uow = uow
        uow.check = None
        rights = rights_of(uow, uow.user)
        self.rights: Rights = (
            rights if uow.caller is None or uow.caller == uow.user else rights.both(rights_of(uow, uow.caller))
        )

    def table(self, name: str) -> Table:
        """A table the platform knows by itself."""
        return self._uow.catalog.table(name)

    def reading(self, table: Table, id: UUID | None = None) -> Transaction:
        """The transaction to read through: refused without the privilege, or for a row out of reach."""
        if id is None:
            self.rights.need_on("Read", table)
        else:
            self.rights.need_row("Read", table, id)
        return narrowed(self._uow, self.rights)

    def tracking(self, table: Table) -> None:
        """Refused unless the user may read all of the organization's rows: changes are told to nobody else."""
        if deepest(self.rights.need_on("Read", table)) < ORGANIZATION:
            raise self.rights.lacks(privilege_name("Read", table), table)

    @contextmanager
    def writing(self, method: str, table: Table, id: UUID | None) -> Iterator[None]:
        """Around a write of one row (``id``: if it is there): what it needs before, and for what was written."""
        if self.rights.reaches is None and table.name not in INTERSECTS:
            yield
            return
        if table.name in INTERSECTS:
            raise Refused(
                f"The '{method}' method does not support entities of type '{table.name}'. MessageProcessorCache "
                "returned MessageProcessor.Empty.",
                "0x80040800",
            )
        if id is None:
            self.rights.need_on("Create", table)
        else:
            self.rights.need_row("Delete" if method == "Delete" else "Write", table, id)
        before = len(self._uow.writes)
        yield
        for written in [] if method == "Delete" else self._uow.writes[before:]:
            self._wrote(self._uow.catalog.table(written.table), written)

    def acting(self, action: str, table: Table | None, id: UUID | None) -> None:
        """Refused unless the user may call this action on this row; the rows it goes on to write count as well."""
        if table is not None and id is not None:
            self.rights.need_row("Write", table, id)
        needed = ACTIONS.get(action, ())
        for access, name in needed:
            self.rights.need_on(access, self._uow.catalog.table(name))
        if self.rights.reaches is not None and self._uow.actions_reach_rows:
            tables = frozenset(name for access, name in needed if access in ("Create", "Write"))
            self._uow.check = partial(self._reached, tables)

    def _reached(self, tables: frozenset[str], written: Written) -> None:
        table = self._uow.catalog.table(written.table)
        columns = owning(table)
        row = written.before or written.after
        if written.table not in tables or columns is None or row is None:
            return
        access = {"Create": "Create", "Update": "Write", "Delete": "Delete"}[written.message]
        if not (self.rights.reaches or {}).get(privilege_name(access, table).lower()):
            return  # the product's own doing: the action asks for no such privilege
        owner, unit = (_key(row.get(name)) for name in columns)
        self.rights.need_place(access, table, written.id, owner, unit)

    def customizing(self, columns: bool) -> None:
        """Refused unless the user may make tables or columns."""
        self.rights.need("prvCreateAttribute" if columns else "prvCreateEntity")

    def _wrote(self, table: Table, written: Written) -> None:
        after = written.after
        columns = owning(table)
        if after is None:
            return
        if written.message == "Create" and columns is not None:
            owner, unit = (_key(after.get(name)) for name in columns)
            self.rights.need_place("Create", table, written.id, owner, unit)
        if written.before is not None and written.before.get("ownerid") != after.get("ownerid") and columns is not None:
            owner, unit = (_key(written.before.get(name)) for name in columns)
            self.rights.need_place("Assign", table, written.id, owner, unit)
        for column in table.lookups:
            target = after.get(column.name)
            if column.name in written.changed and column.name not in UNINDEXED and isinstance(target, Link):
                if columns is None:
                    self.rights.need_on("Append", table)
                else:
                    owner, unit = (_key(after.get(name)) for name in columns)
                    self.rights.need_place("Append", table, written.id, owner, unit)
                self.rights.need_row("AppendTo", self._uow.catalog.table(target.table), target.id)


def _key(cell: object) -> str | None:
    return str(cell.id) if isinstance(cell, Link) else None if cell is None else str(cell)
