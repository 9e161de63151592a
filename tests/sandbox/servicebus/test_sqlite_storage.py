"""Messages in a file: they are there again afterwards, also after a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from sandbox.servicebus.amqp.types import Int
from sandbox.servicebus.broker.errors import Unfitting
from sandbox.servicebus.broker.message import Content, DeadLettering, Message, MessageState
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, FalseFilter, Rule, SqlFilter, TrueFilter
from sandbox.servicebus.broker.settings import QueueSettings, SubscriptionSettings
from sandbox.servicebus.broker.topic import Subscription
from sandbox.servicebus.sqlite_storage import SqliteStorage, WrongFile
from tests.sandbox.servicebus.broker.queues import LOCK, START, draft, received
from tests.sandbox.servicebus.broker.topics import Shelf
from tests.sandbox.servicebus.conftest import receive

FULL = Message(
    7,
    "m",
    Content(b"\x40\x40", b"\xa1\x01a\xa1\x01b", 1, b"\x00body"),
    START,
    MessageState.DEFERRED,
    3,
    timedelta(days=1, microseconds=7),
    START + LOCK,
    START + LOCK * 2,
    DeadLettering("r", "d", "q"),
    "session",
    5,
)
BARE = Message(8, "n", FULL.content, START)
SERVER = """
import asyncio, sys
from pathlib import Path
from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey
from sandbox.servicebus.sqlite_storage import SqliteStorage

async def main() -> None:
    storage = SqliteStorage(Path(sys.argv[1]))
    server = ServiceBusServer([QueueSettings("q")], [SharedKey("k", "k")], Clock(), storage=storage)
    await server.start()
    print(server.connection_string("k"), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.sqlite"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage(path)
    yield storage
    storage.close()


def reopened(storage: SqliteStorage, path: Path) -> SqliteStorage:
    storage.close()
    return SqliteStorage(path)


def test_everything_is_there_again_and_only_what_was_committed(storage: SqliteStorage, path: Path) -> None:
    storage.save("q", FULL)
    storage.save("q", BARE)
    storage.save("q", replace(BARE, delivery_count=1))
    storage.save("other", BARE)
    storage.delete("other", 8)
    storage.remember_id("q", "later", START + LOCK)
    storage.remember_id("q", "soon", START)
    storage.remember_id("q", "gone", START)
    storage.forget_id("q", "gone")
    storage.save_session_state("q", "a", b"old")
    storage.save_session_state("q", "a", b"state")
    storage.save_session_state("q", "b", b"state")
    storage.save_session_state("q", "b", None)
    assert [storage.next_sequence_number("q") for _ in range(2)] == [1, 2]
    storage.commit()
    storage.commit()
    storage.delete("q", 7)
    storage.next_sequence_number("q")
    again = reopened(storage, path)
    assert sorted(again.messages("q"), key=lambda each: each.sequence_number) == [FULL, replace(BARE, delivery_count=1)]
    assert again.messages("other") == []
    assert list(again.remembered_ids("q").items()) == [("soon", START), ("later", START + LOCK)]
    assert again.session_states("q") == {"a": b"state"}
    assert again.next_sequence_number("q") == 3
    again.close()


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room_again(storage: SqliteStorage, path: Path) -> None:
    storage.save("q", BARE)
    storage.commit()
    (pages,) = storage._database.execute("PRAGMA page_count").fetchone()
    storage._database.execute(f"PRAGMA max_page_count = {pages + 5}")
    large = Content(b"\x40\x40", b"", 0, b"x" * 60_000)
    storage.delete("q", 8)
    storage.save("q", replace(BARE, sequence_number=9, content=large))
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            storage.commit()
    storage.save("q", FULL)
    storage._database.execute("PRAGMA max_page_count = 100000")
    storage.commit()
    again = reopened(storage, path)
    assert sorted(each.sequence_number for each in again.messages("q")) == [7, 9]
    again.close()


def test_a_locked_message_comes_again_with_its_delivery_count(storage: SqliteStorage, path: Path) -> None:
    queue = Queue(QueueSettings("q"), storage)
    queue.enqueue(draft("m"), START)
    queue.abandon(received(queue, START).lock_token, START)
    received(queue, START)
    storage.commit()
    again = reopened(storage, path)
    delivery = received(Queue(QueueSettings("q"), again), START)
    assert (delivery.message.message_id, delivery.message.delivery_count) == ("m", 1)
    again.close()


GIVEN = (
    Rule("all", TrueFilter()),
    Rule("none", FalseFilter(), Action("SET a = 1")),
    Rule("sql", SqlFilter("a > 1.5 OR [b c] LIKE 'x%'")),
    Rule("like", CorrelationFilter({"Label": "é"}, {"n": 1, "flag": True, "real": 1.5, "deep": [1, {"a": 2}]})),
)


def test_rules_that_clients_change_are_kept_until_the_subscription_is_set_up_with_others(
    storage: SqliteStorage, path: Path
) -> None:
    def subscription(kept: SqliteStorage, rules: tuple[Rule, ...] | None = GIVEN) -> Subscription:
        return Subscription("t/Subscriptions/s", SubscriptionSettings("s", rules), kept, Shelf())

    first = subscription(storage)
    added = Rule("id", CorrelationFilter({}, {"id": UUID(int=7), "n": Int(3)}))
    first.add_rule(added)
    first.remove_rule("NONE")
    now = [GIVEN[0], *GIVEN[2:], added]
    assert first.rules == now
    storage.commit()
    again = reopened(storage, path)
    assert subscription(again).rules == now
    kept = subscription(again).rules[-1].filter
    assert isinstance(kept, CorrelationFilter)
    assert [type(each) for each in kept.user.values()] == [UUID, Int]
    assert subscription(again, GIVEN[:1]).rules == [GIVEN[0]]
    assert [each.name for each in subscription(again, None).rules] == ["$Default"]
    again.close()


def test_a_file_from_before_rules_were_kept_goes_on(storage: SqliteStorage, path: Path) -> None:
    storage.save("q", BARE)
    storage.commit()
    storage.close()
    database = sqlite3.connect(path)
    database.execute("DROP TABLE subscription_rules")
    database.execute("PRAGMA user_version = 1")
    database.close()
    again = SqliteStorage(path)
    assert (list(again.messages("q")), again.rules("s")) == ([BARE], None)
    again.close()


def test_entities_spelled_otherwise_find_all_that_was_theirs(storage: SqliteStorage, path: Path) -> None:
    def queue(kept: SqliteStorage, name: str) -> Queue:
        return Queue(QueueSettings(name, duplicate_detection_window=LOCK, max_delivery_count=1), kept)

    first = queue(storage, "Orders")
    first.enqueue(draft("a"), START)
    first.enqueue(draft("b"), START)
    first.abandon(received(first, START).lock_token, START)
    storage.commit()
    kept = reopened(storage, path)
    again = queue(kept, "ORDERS")
    assert (again.counts(START).active, again.counts(START).dead_letter) == (1, 1)
    assert again.enqueue(draft("b"), START) == 3, "a duplicate, and numbers go on"
    assert again.counts(START).active == 1
    kept.close()


def test_a_file_that_knows_entities_by_their_spelling_goes_on(storage: SqliteStorage, path: Path) -> None:
    for number, name in enumerate(("Orders", "orders", "Ärzte/$DeadLetterQueue"), 7):
        storage.save(name, replace(BARE, sequence_number=number))
    storage.next_sequence_number("orders")
    for _ in range(3):
        storage.next_sequence_number("Orders")
    storage.remember_id("Orders", "id", START)
    storage.commit()
    storage.close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    again = SqliteStorage(path)
    assert [each.sequence_number for each in again.messages("orders")] == [7, 8]
    assert len(list(again.messages("ärzte/$deadletterqueue"))) == 1
    assert (again.next_sequence_number("orders"), list(again.remembered_ids("orders"))) == (4, ["id"])
    again.close()


def test_messages_without_a_session_are_not_shut_away_in_an_entity_that_has_sessions(storage: SqliteStorage) -> None:
    Queue(QueueSettings("q"), storage).enqueue(draft("a"), START)
    storage.commit()
    with pytest.raises(Unfitting, match="Q has messages without a session"):
        Queue(QueueSettings("Q", requires_session=True), storage)


@pytest.mark.parametrize("foreign", ["CREATE TABLE other (a)", "PRAGMA user_version = 99"])
def test_a_file_of_something_else_is_refused(path: Path, foreign: str) -> None:
    database = sqlite3.connect(path)
    database.execute(foreign)
    database.close()
    with pytest.raises(WrongFile, match="no messages of this version"):
        SqliteStorage(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(WrongFile, match="no messages of this version"):
        SqliteStorage(path)


@pytest.mark.posix
def test_a_killed_server_keeps_what_it_accepted_and_forgets_what_was_completed(path: Path) -> None:
    def served() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", SERVER, str(path)], stdout=subprocess.PIPE, text=True, env={**os.environ}
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def killed(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()

    process, connection = served()
    try:
        # The SDK leaves a socket behind when its server is gone, so it is closed first: that settles nothing.
        with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            with client.get_queue_sender("q") as sender:
                for number in range(20):
                    sender.send_messages(ServiceBusMessage(str(number)))
            receiver = client.get_queue_receiver("q")
            messages = receive(receiver, 20)
            for message in messages[:5]:
                receiver.complete_message(message)
            receiver.abandon_message(messages[5])
    finally:
        killed(process)
    process, connection = served()
    try:
        with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            again = receive(client.get_queue_receiver("q"), 15)
            assert [str(message) for message in again] == [str(number) for number in range(5, 20)]
            assert [message.delivery_count for message in again[:2]] == [1, 0]
    finally:
        killed(process)
