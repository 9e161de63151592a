"""Messages in one SQLite file: what was committed outlives the process, however it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.servicebus.broker.message import Content, DeadLettering, Message, MessageState
from sandbox.servicebus.broker.rules import KeptRules
from sandbox.servicebus.rule_records import read_rules, write_rules

_VERSION = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TABLES = """
CREATE TABLE message (
    entity TEXT, number INTEGER, message_id TEXT, header BLOB, annotations BLOB, annotation_count INTEGER, bare BLOB,
    enqueued_at INTEGER, state INTEGER, delivery_count INTEGER, time_to_live INTEGER, expires_at INTEGER,
    scheduled_for INTEGER, reason TEXT, description TEXT, source TEXT, session_id TEXT, enqueued_number INTEGER,
    PRIMARY KEY (entity, number)
) WITHOUT ROWID;
CREATE TABLE remembered (entity TEXT, message_id TEXT, until INTEGER, PRIMARY KEY (entity, message_id)) WITHOUT ROWID;
CREATE TABLE counter (entity TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE session_state (entity TEXT, session_id TEXT, state BLOB, PRIMARY KEY (entity, session_id)) WITHOUT ROWID;
"""
_MORE_TABLES = """
CREATE TABLE subscription_rules (entity TEXT PRIMARY KEY, current BLOB, given BLOB) WITHOUT ROWID;
"""
"""What files of version 1 lack."""
_LOWERED = """
UPDATE counter SET number =
    (SELECT max(number) FROM counter AS each WHERE lowered(each.entity) = lowered(counter.entity));
UPDATE OR REPLACE counter SET entity = lowered(entity) WHERE entity <> lowered(entity);
UPDATE message SET entity = lowered(entity) WHERE entity <> lowered(entity);
UPDATE OR REPLACE remembered SET entity = lowered(entity) WHERE entity <> lowered(entity);
UPDATE OR REPLACE session_state SET entity = lowered(entity) WHERE entity <> lowered(entity);
UPDATE OR REPLACE subscription_rules SET entity = lowered(entity) WHERE entity <> lowered(entity);
"""
"""What files of version 2 lack: their entities are known by how they were once spelled."""
_COLUMNS = 18


class WrongFile(ValueError):
    """The file is not one of this version's."""


class SqliteStorage:
    """Collects what the broker writes, and makes it last together in ``commit``: one transaction for all of a turn.

    What could not be committed, as on a full disk, is kept and tried again with the next commit.
    Used by one broker at a time, from any thread that holds the broker's lock. Raises ``WrongFile``.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open(path)
        except sqlite3.DatabaseError as problem:
            self._database.close()
            raise WrongFile(f"{path} holds no messages of this version: {problem}") from problem
        except WrongFile:
            self._database.close()
            raise
        self._numbers: dict[str, int] = dict(self._database.execute("SELECT entity, number FROM counter"))
        self._given: set[str] = set()
        self._pending: list[tuple[str, tuple[object, ...]]] = []

    def close(self) -> None:
        """Close the file; what was not committed is dropped."""
        self._database.close()

    def messages(self, queue: str) -> Iterable[Message]:
        """See ``Storage.messages``."""
        rows = self._database.execute("SELECT * FROM message WHERE entity = ?", (queue,))
        return [_message(row) for row in rows]

    def remembered_ids(self, queue: str) -> Mapping[str, datetime]:
        """See ``Storage.remembered_ids``."""
        rows = self._database.execute(
            "SELECT message_id, until FROM remembered WHERE entity = ? ORDER BY until", (queue,)
        )
        return {message_id: _moment(until) for message_id, until in rows}

    def next_sequence_number(self, queue: str) -> int:
        """See ``Storage.next_sequence_number``."""
        number = self._numbers[queue] = self._numbers.get(queue, 0) + 1
        self._given.add(queue)
        return number

    def save(self, queue: str, message: Message) -> None:
        """See ``Storage.save``."""
        marks = ", ".join("?" * _COLUMNS)
        self._write(f"INSERT OR REPLACE INTO message VALUES ({marks})", _row(queue, message))  # noqa: S608

    def delete(self, queue: str, sequence_number: int) -> None:
        """See ``Storage.delete``."""
        self._write("DELETE FROM message WHERE entity = ? AND number = ?", (queue, sequence_number))

    def remember_id(self, queue: str, message_id: str, until: datetime) -> None:
        """See ``Storage.remember_id``."""
        self._write("INSERT OR REPLACE INTO remembered VALUES (?, ?, ?)", (queue, message_id, _number(until)))

    def forget_id(self, queue: str, message_id: str) -> None:
        """See ``Storage.forget_id``."""
        self._write("DELETE FROM remembered WHERE entity = ? AND message_id = ?", (queue, message_id))

    def session_states(self, queue: str) -> Mapping[str, bytes]:
        """See ``Storage.session_states``."""
        return dict(self._database.execute("SELECT session_id, state FROM session_state WHERE entity = ?", (queue,)))

    def save_session_state(self, queue: str, session_id: str, state: bytes | None) -> None:
        """See ``Storage.save_session_state``."""
        if state is None:
            self._write("DELETE FROM session_state WHERE entity = ? AND session_id = ?", (queue, session_id))
        else:
            self._write("INSERT OR REPLACE INTO session_state VALUES (?, ?, ?)", (queue, session_id, state))

    def rules(self, subscription: str) -> KeptRules | None:
        """See ``Storage.rules``."""
        found = self._database.execute(
            "SELECT current, given FROM subscription_rules WHERE entity = ?", (subscription,)
        ).fetchone()
        return None if found is None else KeptRules(*map(read_rules, found))

    def save_rules(self, subscription: str, rules: KeptRules) -> None:
        """See ``Storage.save_rules``."""
        self._write(
            "INSERT OR REPLACE INTO subscription_rules VALUES (?, ?, ?)",
            (subscription, write_rules(rules.current), write_rules(rules.given)),
        )

    def commit(self) -> None:
        """Make everything written so far last, and on the disk before this returns; raises ``sqlite3.Error``."""
        for queue in self._given:
            self._write("INSERT OR REPLACE INTO counter VALUES (?, ?)", (queue, self._numbers[queue]))
        self._given.clear()
        if not self._pending:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, values in self._pending:
                self._database.execute(statement, values)
            self._database.execute("COMMIT")
        finally:
            # After some errors SQLite has rolled back by itself, after others it has not.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        self._pending.clear()

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        self._pending.append((statement, values))

    def _open(self, path: Path) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and not tables:
            self._make(_TABLES + _MORE_TABLES)
        elif version == 1:
            self._make(_MORE_TABLES + _LOWERED)
        elif version == 2:
            self._make(_LOWERED)
        elif version != _VERSION:
            raise WrongFile(f"{path} holds no messages of this version; begin in a new directory.")

    def _make(self, tables: str) -> None:
        self._database.create_function("lowered", 1, str.lower, deterministic=True)
        self._database.executescript(f"BEGIN; {tables} PRAGMA user_version = {_VERSION}; COMMIT;")


def _row(queue: str, message: Message) -> tuple[object, ...]:
    content, dead = message.content, message.dead_lettering
    return (
        queue,
        message.sequence_number,
        message.message_id,
        content.header,
        content.annotations,
        content.annotation_count,
        content.bare,
        _number(message.enqueued_at),
        int(message.state),
        message.delivery_count,
        None if message.time_to_live is None else message.time_to_live // _MICROSECOND,
        None if message.expires_at is None else _number(message.expires_at),
        None if message.scheduled_for is None else _number(message.scheduled_for),
        None if dead is None else dead.reason,
        None if dead is None else dead.description,
        None if dead is None else dead.source,
        message.session_id,
        message.enqueued_number,
    )


def _message(row: tuple[Any, ...]) -> Message:
    _, number, message_id, header, annotations, count, bare, enqueued, state, deliveries, *rest = row
    life, expires, scheduled, reason, description, source, session_id, first = rest
    return Message(
        number,
        message_id,
        Content(header, annotations, count, bare),
        _moment(enqueued),
        MessageState(state),
        deliveries,
        None if life is None else life * _MICROSECOND,
        None if expires is None else _moment(expires),
        None if scheduled is None else _moment(scheduled),
        None if reason is None else DeadLettering(reason, description, source),
        session_id,
        first,
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
