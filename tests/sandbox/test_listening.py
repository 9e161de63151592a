"""The sockets both services listen on."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.http.app import WebApi
from sandbox.dataverse.http.socket import HttpSocket
from sandbox.dataverse.server import DataverseServer
from sandbox.listening import Listener, PortTaken, listen

EVERYWHERE = "0.0.0.0"  # noqa: S104


def option(listener: socket.socket, name: int) -> int:
    return listener.getsockopt(socket.SOL_SOCKET, name)


def test_where_a_port_can_be_forbidden_to_others_it_is_and_sharing_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another option stands in for the one that only Windows has."""
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    with listen("Dataverse", "127.0.0.1", 0) as listener:
        assert option(listener, socket.SO_KEEPALIVE) != 0
        assert option(listener, socket.SO_REUSEADDR) == 0


def test_elsewhere_a_port_is_free_again_at_once() -> None:
    with listen("Dataverse", "127.0.0.1", 0) as listener:
        assert option(listener, socket.SO_REUSEADDR) != 0


def test_a_second_listener_is_told_whose_port_it_wanted() -> None:
    with listen("Dataverse", "127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken) as told:
            listen("Service Bus", "127.0.0.1", port)
    assert (told.value.service, told.value.port) == ("Service Bus", port)


def test_what_is_accepted_is_sent_without_delay() -> None:
    async def main() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("socket")
            accepted.set_result(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen("Service Bus", "127.0.0.1", 0)
        async with await asyncio.start_server(look, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            delay = await accepted
            writer.close()
            await writer.wait_closed()
            return delay

    assert asyncio.run(main()) != 0


def test_dataverse_listens_beyond_loopback_only_when_told_and_then_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main() -> None:
        server = DataverseServer(Clock())
        for host in (EVERYWHERE, "10.0.0.1", "example.org"):
            with pytest.raises(ValueError, match=f"Dataverse listens on loopback addresses only, not on {host}"):
                await server.start(host)
        assert capsys.readouterr().err == ""
        await server.start(EVERYWHERE, beyond_loopback=True)
        assert server.url.startswith("http://127.0.0.1:")
        await server.stop()
        assert "Warning: the sandbox's Dataverse listens on 0.0.0.0" in capsys.readouterr().err

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_a_socket_that_cannot_be_served_is_told_at_once(api: WebApi) -> None:
    async def main() -> None:
        listener = listen("Dataverse", "127.0.0.1", 0)
        listener.close()
        with pytest.raises(OSError, match="descriptor"):
            await HttpSocket(api).start(listener)

    asyncio.run(main())


@pytest.fixture
def api() -> WebApi:
    server = DataverseServer(Clock())
    api = server._api
    server.organisation.store.close()
    return api


def test_out_of_descriptors_it_says_so_once_and_then_takes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [OSError(errno.EMFILE, "Too many open files"), "a connection"]

    def accept(self: socket.socket) -> object:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(socket.socket, "accept", accept)
    with listen("Service Bus", "127.0.0.1", 0) as listener:
        with pytest.raises(OSError, match="Too many"):
            listener.accept()
        for _ in range(5):
            with pytest.raises(BlockingIOError):
                listener.accept()
        assert isinstance(listener, Listener)
        listener._rests_until = 0.0
        assert str(listener.accept()) == "a connection"
