"""What is said, and told to whoever ends the process, when the service has stopped."""

from __future__ import annotations

import asyncio
import importlib
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from connector.breaker import State
from connector.delivery import GIVEN_BACK
from connector.worker import Status
from service import signals
from service.app import App
from service.running import is_held_up, until_stopped


class Idle:
    """A service that stops at once, with so many messages still at work."""

    def __init__(self, left: int) -> None:
        counts = {"completed": 3} | ({GIVEN_BACK: left} if left else {})
        status = Status(State.RUNNING, None, None, {0: datetime(2026, 1, 1, tzinfo=UTC)}, counts)
        self.workers = (SimpleNamespace(status=lambda: status),)
        self.dataverse = SimpleNamespace(url="https://contoso.example")
        self.closed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0, "stopped: every message at work was finished and settled"),
        (2, "stopped: 2 messages were still at work and are given back; they come again"),
    ],
)
def test_what_was_left_at_work_is_said_and_told(left: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    app = Idle(left)
    with caplog.at_level("INFO", logger="service.running"):
        assert asyncio.run(until_stopped(cast(App, app))) == left
    assert caplog.messages[-1] == said
    assert app.closed


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(signal, "SIGBREAK", signal.SIGTERM, raising=False)
        importlib.reload(signals)
        yield
    importlib.reload(signals)


@pytest.mark.usefixtures("on_windows")
def test_where_windows_ends_a_console_program_by_a_signal_of_its_own_it_counts_as_well() -> None:
    assert len(signals.STOPPING) == 3


def test_a_thread_that_the_process_would_wait_for_is_noticed() -> None:
    free = threading.Event()
    before = is_held_up()
    threads = [threading.Thread(target=free.wait, args=(10,), daemon=daemon) for daemon in (True, False)]
    try:
        threads[0].start()
        assert is_held_up() == before
        threads[1].start()
        assert is_held_up()
    finally:
        free.set()
        for thread in threads:
            thread.join()
