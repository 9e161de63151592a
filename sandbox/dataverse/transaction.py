"""One transaction on the store: what the Web API and the product's rules write through."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sandbox.dataverse import full_names, stamps, write_only
from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.cells import checked, encode
from sandbox.dataverse.many_to_many import with_end
from sandbox.dataverse.money import Currencies
from sandbox.dataverse.refusals import duplicate, missing
from sandbox.dataverse.row_locks import SHARED, LockingTransaction
from sandbox.dataverse.store import Store, target_column
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, Written

SYSTEM_JOBS = "asyncoperation"
"""System jobs go with the step or row they belong to, instead of keeping it (inferred)."""
EVENTLESS = frozenset({"sdkmessage", "sdkmessagefilter", "solutioncomponent", SYSTEM_JOBS})
"""Nobody hears of writes to these; a system job that made another would never end."""


@dataclass(slots=True)
class Transaction:
    """A unit of work (see ``unit_of_work.UnitOfWork``). ``writes`` is what listeners will hear of after the commit."""

    store: Store
    currencies: Currencies
    now: datetime
    user: UUID
    business_unit: UUID | None = None
    """The user's, and that of rows whose owner has none."""
    caller: UUID | None = None
    """Who really calls, where they act for ``user``; ``None``: the user."""
    request_id: UUID = field(default_factory=uuid4)
    correlation_id: UUID = field(default_factory=uuid4)
    shared_variables: Mapping[str, str] = field(default_factory=dict)
    """What the writes that follow carry along to their listeners, for example ``tag``."""
    writes: list[Written] = field(default_factory=list)
    before_delete: Mapping[str, Callable[[Transaction, UUID], None]] = field(default_factory=dict)
    """By table: the product's rule that goes first when a row is deleted; it may refuse."""
    before_write: Mapping[str, Callable[[Transaction, UUID | None, Mapping[str, Cell]], None]] = field(
        default_factory=dict
    )
    """By table: the product's rule that goes first when a row is created (id ``None``) or updated; it may refuse."""
    as_product: bool = False
    """Set while the product itself writes: its own rules in ``before_write`` are then not asked."""
    on_rollback: list[Callable[[], None]] = field(default_factory=list)
    """What to undo besides rows when the transaction is rolled back."""
    on_write: Callable[[Transaction, Written], None] | None = None
    """Who hears of a write at once, before the commit; it may refuse."""
    locks: LockingTransaction | None = None
    """Where writers wait for each other row by row instead of taking turns (see ``row_locks``)."""
    check: Callable[[Written], None] | None = None
    """Whether the caller may do what is written; it refuses where not (see ``security.guard``)."""
    actions_reach_rows: bool = True
    """The switch of that name."""
    failed: Refused | None = None
    """Why a synchronous step has refused a write."""

    @property
    def lost(self) -> Refused | None:
        """Why it can no longer be committed, whoever caught the refusal: a lock not got, or a step that refused."""
        return self.failed or (self.locks.lost if self.locks is not None else None)

    @property
    def catalog(self) -> Catalog:
        """The tables there are."""
        return self.store.catalog

    def get(self, table: str, id: UUID) -> Row | None:
        """The row with all its columns, or ``None``."""
        return self.store.get(self.catalog.table(table), id)

    def find(self, table: str, **equals: Cell) -> list[Row]:
        """Rows whose named columns hold these values (``None``: empty), in order of creation."""
        facts = self.catalog.table(table)
        conditions: list[str] = []
        parameters: list[object] = []
        for name, cell in equals.items():
            column = facts.column(name)
            if cell is None:
                conditions.append(f'"{name}" IS NULL')
                continue
            conditions.append(f'"{name}" = ?')
            parameters.append(encode(column, cell))
            target = target_column(column)
            if target and isinstance(cell, Link):
                conditions.append(f'"{target}" = ?')
                parameters.append(cell.table)
        return self.store.rows(facts, " AND ".join(conditions), parameters)

    def create(self, table: str, values: Mapping[str, Cell], id: UUID | None = None) -> UUID:
        """Create a row as the platform would: defaults, stamps, ``_base`` money. Returns its id."""
        self._ask_product(table, None, values)
        facts = self.catalog.table(table)
        cells = self._checked(facts, values)
        given = cells.pop(facts.id_column, None)
        key = id or (given if isinstance(given, UUID) else None) or uuid4()
        for column in facts.lookups:
            if column.required == "system" and not column.read_only and cells.get(column.name) is None:
                raise Refused(f"Required field '{column.name}' is missing", "0x80040203")
        if "transactioncurrencyid" in facts.columns and cells.get("transactioncurrencyid") is None:
            base = self.currencies.base_id
            if base and facts.columns["transactioncurrencyid"].kind == "lookup":
                cells["transactioncurrencyid"] = Link("transactioncurrency", base)
        stamps.created(facts, cells, self.user, self._owning_unit(cells), self.now)
        stamps.on_behalf(facts, cells, self.user, self.caller, "createdonbehalfby")
        self.currencies.fill(facts, cells, None)
        full_names.fill(facts, cells, None)
        cells[facts.id_column] = key
        self.lock(table, key)
        self._lock_keys(facts, cells)
        write_only.put_away(self.store, facts, key, cells, new=True)
        version = self.store.next_version()
        try:
            self.store.insert(facts, cells, version)
        except sqlite3.IntegrityError:
            raise duplicate() from None
        if self.locks is not None and table in SHARED:
            lookup, common = SHARED[table]
            if cells.get(lookup) is not None:
                self.locks.lock((common, cells[lookup]))
        held = frozenset(name for name, cell in cells.items() if cell is not None)
        after = dict.fromkeys(facts.columns) | cells
        self._note("Create", facts, key, held, None, _versioned(facts, after, version))
        return key

    def update(self, table: str, id: UUID, values: Mapping[str, Cell]) -> None:
        """Change columns; stamps and version move on; registered steps will hear of it after commit."""
        self._ask_product(table, id, values)
        facts = self.catalog.table(table)
        self.lock(table, id)
        before = self.store.get(facts, id)
        if before is None:
            raise missing(table, id)
        cells = self._checked(facts, values)
        if cells.pop(facts.id_column, id) != id:
            raise Refused(f"The primary key of {table} cannot be changed.", "0x80040203")
        stamps.restated(facts, cells, before)
        changed = frozenset(cells)
        self.currencies.fill(facts, cells, before)
        full_names.fill(facts, cells, before)
        stamps.changed(facts, cells, self.user, self._owning_unit(cells), self.now)
        stamps.on_behalf(facts, cells, self.user, self.caller)
        self._lock_keys(facts, before)
        self._lock_keys(facts, before | cells)
        write_only.put_away(self.store, facts, id, cells, new=False)
        version = self.store.next_version()
        self.store.update(facts, id, cells, version)
        after = _versioned(facts, before | cells, version)
        self._note("Update", facts, id, changed, before, after)

    def delete(self, table: str, id: UUID) -> None:
        """Delete a row; refused while another row points to it."""
        facts = self.catalog.table(table)
        self.lock(table, id)
        before = self.store.get(facts, id)
        if before is None:
            raise missing(table, id)
        if self.locks is not None:
            self.locks.lock((f"existence of {table}", id))
        self._lock_keys(facts, before)
        if table in self.before_delete:
            self.before_delete[table](self, id)
        for other in self.catalog:
            for column in other.lookups:
                if table not in column.to or not self.store.points_to(other, column, table, id):
                    continue
                if other.name == SYSTEM_JOBS:
                    self.store.delete_pointing(other, column, table, id)
                elif column.on_delete != "Restrict":
                    self._follow(other, column, Link(table, id))
                else:
                    raise Refused(
                        f"The {table} {id} cannot be deleted: a row of {other.name} points to it ({column.name}).",
                        "0x80048cf1",
                    )
        for association in with_end(table):
            for tie in self.find(association.intersect, **{facts.id_column: id}):
                self.delete(association.intersect, UUID(str(tie[self.catalog.table(association.intersect).id_column])))
        self.store.delete(facts, id)
        self._note("Delete", facts, id, frozenset(), before, None)

    def _follow(self, table: Table, column: Column, gone: Link) -> None:
        """Let the rows that point to one that is going lose their link, or go with it."""
        for row in self.find(table.name, **{column.name: gone}):
            id = UUID(str(row[table.id_column]))
            if column.on_delete == "Cascade":
                self.delete(table.name, id)
            else:
                self.update(table.name, id, {column.name: None})

    def lock(self, table: str, id: UUID) -> None:
        """Keep other writers off a row until the end, where row locks are on; whoever is first goes first."""
        if self.locks is not None:
            self.locks.lock((table, id))

    def _lock_keys(self, table: Table, row: Row) -> None:
        if self.locks is not None:
            for key in table.keys:
                self.locks.lock((f"{table.name}/{key.name}", tuple(row.get(name) for name in key.columns)))

    def unit_of(self, user: UUID) -> UUID | None:
        """The business unit a user belongs to."""
        if user == self.user and self.business_unit is not None:
            return self.business_unit
        found = self.store.values(self.catalog.table("systemuser"), user, "businessunitid")
        return UUID(found[0]) if found and found[0] else self.business_unit

    def _owning_unit(self, cells: Row) -> UUID | None:
        owner = cells.get("ownerid")
        return self.unit_of(owner.id if isinstance(owner, Link) else self.user)

    def add_table(self, table: Table) -> None:
        """Make a table; it goes again when this transaction does not come to its commit."""
        self.store.make(table)
        self.store.remember(table)
        self.catalog.put(table)
        self.on_rollback.append(lambda: self.catalog.drop(table.name))

    def add_column(self, table: Table, column: Column) -> None:
        """Make a column; ``table`` is the table with it."""
        before = self.catalog.table(table.name)
        self.store.add_column(table, column)
        self.store.remember(table)
        self.catalog.put(table)
        self.on_rollback.append(lambda: self.catalog.put(before))

    def change_table(self, table: Table) -> None:
        """Let a table's facts be others from now on; its columns stay as they are kept."""
        before = self.catalog.table(table.name)
        self.store.remember(table)
        self.catalog.put(table)
        self.on_rollback.append(lambda: self.catalog.put(before))

    def _ask_product(self, table: str, id: UUID | None, values: Mapping[str, Cell]) -> None:
        if table in self.before_write and not self.as_product:
            self.before_write[table](self, id, values)

    def _checked(self, table: Table, values: Mapping[str, Cell]) -> Row:
        cells: Row = {}
        for name, cell in values.items():
            column = table.column(name)
            value = checked(table, column, cell)
            if isinstance(value, Link):
                self._exists(column, value)
            cells[name] = value
        return cells

    def _exists(self, column: Column, link: Link) -> None:
        if self.locks is not None:
            self.locks.lock((f"existence of {link.table}", link.id), shared=True)
        target = self.catalog.find(link.table)
        if target is None:
            raise Refused(
                f"{column.name} points to {link.table}, a table this Dataverse does not have.", "0x80041102", 404
            )
        if not self.store.exists(target, link.id):
            raise missing(link.table, link.id)

    def _note(
        self, message: str, table: Table, id: UUID, changed: frozenset[str], before: Row | None, after: Row | None
    ) -> None:
        if table.name in EVENTLESS:
            return
        written = Written(
            message=message,
            table=table.name,
            id=id,
            changed=changed,
            before=before,
            after=after,
            user=self.user,
            at=self.now,
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            shared_variables=self.shared_variables,
        )
        if self.check is not None:
            self.check(written)
        self.writes.append(written)
        if self.on_write is not None:
            try:
                self.on_write(self, written)
            except Refused as refusal:
                self.failed = refusal
                raise
        if self.locks is not None:
            self.locks.wrote(table.name)


def _versioned(table: Table, row: Row, version: int) -> Row:
    return row | {"versionnumber": version} if "versionnumber" in table.columns else row
