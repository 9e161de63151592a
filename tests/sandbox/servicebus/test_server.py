"""Starting, stopping and asking the server; over sockets, with a handful of octets."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
import requests

from sandbox.clock import Clock
from sandbox.servicebus import QueueCounts, QueueSettings, ServiceBusServer, SharedKey
from sandbox.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, write_frame
from sandbox.servicebus.amqp.performatives import Open, SaslInit
from sandbox.servicebus.broker.message import Content, Draft
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.storage import MemoryStorage

EVERYWHERE = "0.0.0.0"  # noqa: S104
KEYS = [SharedKey("root", "key="), SharedKey("one", "k", queue="q")]


def server(storage: MemoryStorage | None = None, clock: Clock | None = None) -> ServiceBusServer:
    return ServiceBusServer([QueueSettings("q")], KEYS, clock or Clock(), storage=storage)


def test_the_connection_string_is_the_one_the_emulator_flag_asks_for() -> None:
    async def main() -> None:
        bus = server()
        await bus.start()
        try:
            assert bus.port > 0
            assert bus.connection_string("root") == (
                f"Endpoint=sb://127.0.0.1:{bus.port};SharedAccessKeyName=root;SharedAccessKey=key=;"
                "UseDevelopmentEmulator=true"
            )
            assert bus.connection_string("one").endswith(";EntityPath=q")
        finally:
            await bus.stop()

    asyncio.run(main())


def test_only_loopback_addresses_are_listened_on_unless_told_and_then_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main() -> None:
        bus = server()
        for host in (EVERYWHERE, "10.0.0.1", "example.org"):
            with pytest.raises(ValueError, match=f"loopback addresses only, not on {host}"):
                await bus.start(host)
        await bus.start("localhost")
        with pytest.raises(RuntimeError, match="started already"):
            await bus.start()
        await bus.stop()
        assert capsys.readouterr().err == ""
        await bus.start(EVERYWHERE, beyond_loopback=True)
        assert "sb://127.0.0.1:" in bus.connection_string("root")
        await bus.stop()
        assert "Warning: the sandbox's Service Bus listens on 0.0.0.0" in capsys.readouterr().err

    asyncio.run(main())


def test_stopping_tells_every_client_and_closes_its_connection() -> None:
    async def main() -> None:
        bus = server()
        await bus.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        writer.write(SASL_HEADER + write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1))
        writer.write(AMQP_HEADER + write_frame(0, Open(container_id="c").encode()))
        await reader.readuntil(b"PSA Connector sandbox")
        await bus.stop()
        await bus.stop()
        assert b"amqp:connection:forced" in await reader.read()
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def test_who_comes_with_http_gets_an_answer_that_says_why_not() -> None:
    async def main() -> requests.Response:
        bus = server()
        await bus.start()
        try:
            url = f"http://127.0.0.1:{bus.port}/queue?api-version=2024-05"
            return await asyncio.to_thread(requests.put, url, data="<entry/>" * 100, timeout=20)
        finally:
            await bus.stop()

    answer = asyncio.run(main())
    assert answer.status_code == 501
    assert "management of entities over REST" in answer.text


def test_messages_stay_in_the_storage_for_the_next_server() -> None:
    storage, clock = MemoryStorage(), Clock()
    first = server(storage, clock)
    queue = first._broker.find("Q")
    assert isinstance(queue, Queue)
    queue.enqueue(Draft("m", Content(b"\x40\x40", b"", 0, b"")), clock.now())
    assert server(storage, clock).counts("q") == QueueCounts(active=1, locked=0, scheduled=0, dead_letter=0)


def test_counts_can_be_asked_from_any_thread_and_for_known_queues_only() -> None:
    clock = Clock()
    bus = server(clock=clock)
    queue = bus._broker.find("q")
    assert isinstance(queue, Queue)
    scheduled = clock.now() + timedelta(hours=1)
    queue.enqueue(Draft("m", Content(b"\x40\x40", b"", 0, b""), scheduled_for=scheduled), clock.now())
    seen: list[QueueCounts] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: seen.append(bus.counts("Q")))
        thread.start()
        thread.join()
        clock.advance(timedelta(hours=1))
    assert [(each.active, each.scheduled) for each in seen] == [(0, 1), (1, 0)]
    with pytest.raises(KeyError, match="no queue named other"):
        bus.counts("other")


def test_waiting_for_counts_ends_when_the_broker_makes_it_true_and_not_before() -> None:
    asked: list[QueueCounts] = []

    def arrived(counts: QueueCounts) -> bool:
        asked.append(counts)
        return counts.active == 1

    async def main() -> bool:
        clock = Clock()
        bus = server(clock=clock)
        await bus.start()
        queue = bus._broker.find("q")
        assert isinstance(queue, Queue)
        due = clock.now() + timedelta(hours=1)
        queue.enqueue(Draft("m", Content(b"\x40\x40", b"", 0, b""), scheduled_for=due), clock.now())
        waiting = asyncio.create_task(asyncio.to_thread(bus.wait_until, "Q", arrived, 20))
        while not asked:
            await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance(timedelta(hours=1))
        try:
            return await waiting
        finally:
            await bus.stop()

    assert asyncio.run(main())
    assert [each.active for each in asked] in ([0, 1], [0, 0, 1])


def test_waiting_for_counts_ends_after_its_time_and_knows_its_queues() -> None:
    bus = server()
    assert bus.wait_until("q", lambda counts: counts.active == 0, 0)
    assert not bus.wait_until("q", lambda counts: counts.active == 1, 0.01)
    with pytest.raises(KeyError, match="no queue named other"):
        bus.wait_until("other", lambda _: True, 0)


def test_two_queues_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="two entities named Q"):
        ServiceBusServer([QueueSettings("q"), QueueSettings("Q")], KEYS, Clock())


def test_the_clock_may_be_advanced_before_and_after_the_server_runs() -> None:
    async def main() -> None:
        clock = Clock()
        bus = server(clock=clock)
        clock.advance(timedelta(hours=1))
        await bus.start()
        clock.advance(timedelta(hours=1))
        await bus.stop()
        clock.advance(timedelta(hours=1))

    asyncio.run(main())


class FullDisk(MemoryStorage):
    """Refuses to keep anything while ``full``."""

    full = True

    def commit(self) -> None:
        if self.full:
            raise OSError("disk full")


def test_a_server_that_cannot_keep_its_messages_says_so_answers_nobody_and_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandbox.servicebus.server._RETRY", 0.01)

    async def main() -> None:
        problems: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: problems.append(told["exception"]))
        storage = FullDisk()
        storage.full = False
        bus = server(storage)
        assert bus.ailing == "The Service Bus does not listen."
        await bus.start()
        assert bus.ailing is None
        storage.full = True
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        writer.write(SASL_HEADER)
        while len(problems) < 3:
            await asyncio.sleep(0.005)
        assert "cannot keep its messages" in str(bus.ailing)
        assert {str(problem) for problem in problems} == {"disk full"}
        storage.full = False
        assert await reader.readexactly(8) == SASL_HEADER
        assert bus.ailing is None
        await bus.stop()
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def test_four_hundred_clients_are_served_at_once_and_each_is_told_of_the_end() -> None:
    hello = SASL_HEADER + write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1)
    hello += AMQP_HEADER + write_frame(0, Open(container_id="c").encode())

    async def main() -> None:
        bus = server()
        await bus.start()

        async def client() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
            writer.write(hello)
            await reader.readuntil(b"PSA Connector sandbox")
            return reader, writer

        clients = await asyncio.gather(*(client() for _ in range(400)))
        await bus.stop()
        for reader, writer in clients:
            assert b"amqp:connection:forced" in await reader.read()
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in clients))

    asyncio.run(main())
