"""A directory in which a sandbox keeps its data, for one sandbox at a time: one SQLite file for each service."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from typing import Final

from sandbox.dataverse.catalog import SCHEMA
from sandbox.dataverse.store import Store
from sandbox.servicebus.sqlite_storage import SqliteStorage, WrongFile

DATABASE: Final = "dataverse.sqlite"
"""Dataverse's file in the directory."""
MESSAGES: Final = "servicebus.sqlite"
"""The Service Bus's."""
_MARK: Final = 0x50534143
"""Marks a file as a sandbox's ("PSAC" in ASCII), in the header that SQLite leaves to applications."""
_FORM: Final = 1
"""One higher whenever what a first day writes is no longer what files made before have."""


class NoData(OSError):
    """The directory can't be used for a sandbox's data; the sentence says why."""


class DataInUse(NoData):
    """Another sandbox keeps its data in the same directory."""


def file_in(directory: Path) -> str:
    """The database file in the directory, which is made where it is missing. Raises ``NoData``, ``DataInUse``.

    A file of a version with other tables is refused: nothing here brings the rows of one version to another.
    """
    path = directory / DATABASE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:
            probe.execute("BEGIN EXCLUSIVE")
            _claim(probe, directory)
            probe.execute("COMMIT")
    except OSError as error:
        if isinstance(error, NoData):
            raise
        raise NoData(f"The directory {directory} can't be used: {error.strerror}.") from error
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise DataInUse(f"The data in {directory} are in use by another sandbox.") from error
        raise NoData(f"The file {path} can't be used: {error}.") from error
    return str(path)


def messages_in(directory: Path) -> SqliteStorage:
    """The messages in a directory that ``file_in`` has made sure of. Raises ``NoData``."""
    try:
        return SqliteStorage(directory / MESSAGES)
    except (WrongFile, sqlite3.Error) as error:
        raise NoData(f"The messages in {directory} can't be used: {error}") from error


def _claim(probe: sqlite3.Connection, directory: Path) -> None:
    """Make a new file ours; refuse one that is somebody else's, or of another version."""
    ((mark,),) = probe.execute("PRAGMA application_id")
    ((version,),) = probe.execute("PRAGMA user_version")
    ((tables,),) = probe.execute("SELECT count(*) FROM sqlite_master")
    if (mark, tables) == (0, 0):
        probe.execute(f"PRAGMA application_id = {_MARK}")
        probe.execute(f"PRAGMA user_version = {_version()}")
    elif mark != _MARK:
        raise NoData(f"The file {directory / DATABASE} is not a sandbox's.")
    elif version != _version():
        raise NoData(f"The data in {directory} were made by another version of the sandbox; begin in a new directory.")


def _version() -> int:
    """Changes with every change of the tables a sandbox begins with."""
    total = _FORM
    for path in sorted(SCHEMA.glob("*.json")):
        total = zlib.crc32(path.read_bytes(), total)
    return total & 0x7FFFFFFF


class Remembered:
    """What a sandbox wants to know when its data are opened again, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.lock, store.writing():
            store.execute('CREATE TABLE IF NOT EXISTS ":remembered" (name TEXT PRIMARY KEY, value TEXT)')

    def get(self, name: str) -> str | None:
        """What was remembered."""
        with self._store.lock:
            found = self._store.execute('SELECT value FROM ":remembered" WHERE name = ?', (name,)).fetchone()
        return None if found is None else str(found[0])

    def put(self, **values: str) -> None:
        """Remember from now on."""
        with self._store.lock, self._store.writing():
            for entry in values.items():
                self._store.execute('INSERT OR REPLACE INTO ":remembered" VALUES (?, ?)', entry)
