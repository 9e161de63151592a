"""Where rows are kept: one SQLite table per Dataverse table, one connection, one writer at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.dataverse.catalog import Catalog, Column, Key, Table, facts_of, table_from
from sandbox.dataverse.cells import DECIMALS, INTEGERS, TEXTS, decode, encode
from sandbox.dataverse.date_switches import DateSwitches
from sandbox.dataverse.indexes import indexed
from sandbox.dataverse.refusals import key_taken
from sandbox.dataverse.unit_of_work import Cell, Refused, Row
from sandbox.dataverse.versions import NOBODY, Versions


def target_column(column: Column) -> str | None:
    """The hidden column that says which table a lookup with several targets points to."""
    return f"{column.name}:table" if len(column.to) > 1 else None


def _sql_type(column: Column) -> str:
    if column.kind in DECIMALS:
        return "TEXT COLLATE NUMBER"
    if column.kind in TEXTS:
        return "TEXT COLLATE NOCASE"
    return "INTEGER" if column.kind in INTEGERS or column.kind == "boolean" else "TEXT"


def _compare_numbers(left: str, right: str) -> int:
    a, b = Decimal(left), Decimal(right)
    return (a > b) - (a < b)


class Store:
    """The rows of all tables. Every method expects the caller to hold ``lock``; a transaction does."""

    def __init__(self, catalog: Catalog, database: str = ":memory:", image: bytes | None = None) -> None:
        """Open ``database``; ``image`` is the content a database in memory begins with (see ``image``)."""
        self.catalog = catalog
        self.lock = threading.RLock()
        self.dates = DateSwitches()
        self.journal: list[tuple[str, Sequence[Any]]] | None = None
        """What the transaction under way has changed, for one that may have to step aside (``row_locks``)."""
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.create_collation("NUMBER", _compare_numbers)
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if image is None:
            self._begin_tables()
        else:
            self._take(image)
        (deleted,) = self.execute('SELECT max(version) FROM ":deleted"').fetchone()
        self.versions = Versions(max(deleted or 0, *(self._highest_version(table) for table in catalog)))

    def image(self) -> bytes:
        """The whole content, for another store to begin with, or for this one to go back to."""
        with closing(sqlite3.connect(":memory:")) as copy:
            self._connection.backup(copy)
            image = copy.serialize()
        # A database in memory has no write-ahead log, but keeps the mark of one, and could not be opened with it.
        return image[:18] + b"\x01\x01" + image[20:]

    def restore(self, image: bytes) -> None:
        """Go back to an image. Versions go on rising: an old one never comes to stand for something new."""
        self._take(image)
        for table in self.catalog:
            self.catalog.drop(table.name)
        for table in Catalog():
            self.catalog.put(table)
        self._read_tables()

    def _take(self, image: bytes) -> None:
        # By way of a copy: what is read into the database itself may never grow beyond a gigabyte.
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(image)
            copy.backup(self._connection)

    def _begin_tables(self) -> None:
        self.execute("BEGIN")
        self.execute('CREATE TABLE IF NOT EXISTS ":tables" (name TEXT PRIMARY KEY, facts TEXT)')
        self.execute('CREATE TABLE IF NOT EXISTS ":deleted" ("table" TEXT, id TEXT, version INTEGER)')
        self.execute('CREATE INDEX IF NOT EXISTS ":deleted/version" ON ":deleted" ("table", version)')
        self.execute(
            'CREATE TABLE IF NOT EXISTS ":write_only" (id TEXT, name TEXT, value TEXT, PRIMARY KEY (id, name))'
        )
        self._read_tables()
        for table in self.catalog:
            self.make(table)
        self.execute("COMMIT")

    def _read_tables(self) -> None:
        for (facts,) in self.execute('SELECT facts FROM ":tables"'):
            self.catalog.put(table_from(json.loads(facts), {}))

    def _highest_version(self, table: Table) -> int:
        (highest,) = self.execute(f'SELECT max(versionnumber) FROM "{table.name}"').fetchone()  # noqa: S608
        return highest or 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One SQLite transaction, undone when anything is raised in it."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # not so after a failure of the disk, which ends it by itself
                self.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self._connection.close()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; what changes something is written down where there is a ``journal``."""
        cursor = self._connection.execute(sql, parameters)
        if self.journal is not None and not sql.startswith("SELECT"):
            self.journal.append((sql, parameters))
        return cursor

    def make(self, table: Table) -> None:
        """Make the SQLite table, if it is not there yet."""
        definitions = [f'"{table.id_column}" TEXT PRIMARY KEY']
        for column in table.columns.values():
            if column.name not in (table.id_column, "versionnumber"):
                definitions += self._definitions(column)
        definitions.append("versionnumber INTEGER")
        self.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({", ".join(definitions)})')
        for column in table.columns.values():
            self._index(table, column)
        for key in table.keys:
            self.add_key(table, key)

    def add_key(self, table: Table, key: Key) -> bool:
        """Make an alternate key hold from now on; ``False`` when rows that are there already share its values."""
        names = [name for column in key.columns for name in (column, target_column(table.columns[column])) if name]
        columns = ", ".join(f'"{name}"' for name in names)
        try:
            self.execute(f'CREATE UNIQUE INDEX IF NOT EXISTS "{table.name}/{key.name}" ON "{table.name}" ({columns})')
        except sqlite3.IntegrityError:
            return False
        return True

    def drop_key(self, table: Table, key: Key) -> None:
        """Let an alternate key hold no longer."""
        self.execute(f'DROP INDEX IF EXISTS "{table.name}/{key.name}"')

    def remember(self, table: Table) -> None:
        """Keep a table's own definition in the database, so that it is there again when the file is opened."""
        self.execute('INSERT OR REPLACE INTO ":tables" VALUES (?, ?)', (table.name, json.dumps(facts_of(table))))

    def add_column(self, table: Table, column: Column) -> None:
        """Widen an existing table."""
        for definition in self._definitions(column):
            self.execute(f'ALTER TABLE "{table.name}" ADD COLUMN {definition}')
        self._index(table, column)

    def _definitions(self, column: Column) -> list[str]:
        target = target_column(column)
        return [f'"{column.name}" {_sql_type(column)}'] + ([f'"{target}" TEXT'] if target else [])

    def _index(self, table: Table, column: Column) -> None:
        if indexed(table, column):
            name = f"{table.name}.{column.name}"
            self.execute(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table.name}" ("{column.name}")')

    @property
    def version_reached(self) -> int:
        """The version up to which every write is committed."""
        return self.versions.reached

    def deleted_since(self, table: Table, version: int) -> list[UUID]:
        """Rows of the table deleted after this version, in the order they went."""
        sql = 'SELECT id FROM ":deleted" WHERE "table" = ? AND version > ? ORDER BY version'
        return [UUID(id) for (id,) in self.execute(sql, (table.name, version))]

    def next_version(self) -> int:
        """The organisation-wide row version, one higher at every write."""
        return self.versions.next(NOBODY if self.journal is None else id(self.journal))

    def exists(self, table: Table, id: UUID) -> bool:
        """Whether the row is there."""
        sql = f'SELECT 1 FROM "{table.name}" WHERE "{table.id_column}" = ?'  # noqa: S608
        return self.execute(sql, (str(id),)).fetchone() is not None

    def version(self, table: Table, id: UUID) -> int | None:
        """The row's version, or ``None`` when there is no such row."""
        found = self.values(table, id, "versionnumber")
        return None if found is None else int(found[0])

    def values(self, table: Table, id: UUID, *names: str) -> tuple[Any, ...] | None:
        """Single columns of a row as SQLite keeps them, or ``None`` when there is no such row."""
        columns = ", ".join(f'"{name}"' for name in names)
        sql = f'SELECT {columns} FROM "{table.name}" WHERE "{table.id_column}" = ?'  # noqa: S608
        found: tuple[Any, ...] | None = self.execute(sql, (str(id),)).fetchone()
        return found

    def rows(self, table: Table, where: str = "", parameters: Sequence[Any] = ()) -> list[Row]:
        """Whole rows that meet an SQL condition, in order of creation."""
        clause = f"WHERE {where}" if where else ""
        sql = f'SELECT rowid, versionnumber, * FROM "{table.name}" {clause} ORDER BY rowid'  # noqa: S608
        return [row for _, _, row in self.raw(table, sql, parameters)]

    def raw(self, table: Table, sql: str, parameters: Sequence[Any]) -> list[tuple[int, int, Row]]:
        """(position in the order of creation, version, row) of each hit of ``SELECT rowid, versionnumber, * …``."""
        cursor = self.execute(sql, parameters)
        names = [entry[0] for entry in cursor.description]
        return [(values[0], values[1], _row(table, dict(zip(names, values, strict=True)))) for values in cursor]

    def get(self, table: Table, id: UUID) -> Row | None:
        """The whole row, or ``None``."""
        found = self.rows(table, f'"{table.id_column}" = ?', (str(id),))
        return found[0] if found else None

    def insert(self, table: Table, cells: Mapping[str, Cell], version: int) -> None:
        """Add a row; ``sqlite3.IntegrityError`` when its id is taken."""
        names, values = _written(table, cells)
        names.append("versionnumber")
        values.append(version)
        marks = ",".join("?" * len(names))
        columns = ",".join(f'"{name}"' for name in names)
        try:
            self.execute(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', values)  # noqa: S608
        except sqlite3.IntegrityError as error:
            if str(error).endswith(f"{table.name}.{table.id_column}"):
                raise
            raise _taken(table, error) from None

    def update(self, table: Table, id: UUID, cells: Mapping[str, Cell], version: int) -> None:
        """Change a row."""
        names, values = _written(table, cells)
        names.append("versionnumber")
        assignments = ",".join(f'"{name}" = ?' for name in names)
        sql = f'UPDATE "{table.name}" SET {assignments} WHERE "{table.id_column}" = ?'  # noqa: S608
        try:
            self.execute(sql, (*values, version, str(id)))
        except sqlite3.IntegrityError as error:
            raise _taken(table, error) from None

    def delete(self, table: Table, id: UUID) -> None:
        """Remove a row, and remember that it was there for those who ask for changes."""
        if table.change_tracking:
            self.execute('INSERT INTO ":deleted" VALUES (?, ?, ?)', (table.name, str(id), self.next_version()))
        self.execute(f'DELETE FROM "{table.name}" WHERE "{table.id_column}" = ?', (str(id),))  # noqa: S608

    def points_to(self, table: Table, column: Column, target: str, id: UUID) -> bool:
        """Whether any row of ``table`` points to this row through ``column``."""
        condition, parameters = pointing(column, target, id)
        sql = f'SELECT 1 FROM "{table.name}" WHERE {condition} LIMIT 1'  # noqa: S608
        return self.execute(sql, parameters).fetchone() is not None

    def delete_pointing(self, table: Table, column: Column, target: str, id: UUID) -> None:
        """Remove the rows of ``table`` that point to this row through ``column``."""
        condition, parameters = pointing(column, target, id)
        self.execute(f'DELETE FROM "{table.name}" WHERE {condition}', parameters)  # noqa: S608


def pointing(column: Column, target: str, id: UUID) -> tuple[str, list[Any]]:
    """The condition that a lookup points to this row, and what fills its question marks."""
    extra = target_column(column)
    if extra is None:
        return f'"{column.name}" = ?', [str(id)]
    return f'"{column.name}" = ? AND "{extra}" = ?', [str(id), target]


def _taken(table: Table, error: sqlite3.IntegrityError) -> Refused:
    """The refusal of a second row with the values of an alternate key; SQLite names the columns of the one it met."""
    met = {name.rpartition(".")[2] for name in str(error).partition(": ")[2].split(", ") if ":table" not in name}
    return key_taken(next(key.schema_name for key in table.keys if set(key.columns) == met), sorted(met))


def _written(table: Table, cells: Mapping[str, Cell]) -> tuple[list[str], list[Any]]:
    names: list[str] = []
    values: list[Any] = []
    for name, cell in cells.items():
        column = table.columns[name]
        names.append(name)
        values.append(encode(column, cell))
        target = target_column(column) if column.kind == "lookup" else None
        if target:
            names.append(target)
            values.append(getattr(cell, "table", None))
    return names, values


def _row(table: Table, raw: Mapping[str, Any]) -> Row:
    return {
        name: None if raw[name] is None else decode(column, raw[name], raw.get(f"{name}:table"))
        for name, column in table.columns.items()
    }
