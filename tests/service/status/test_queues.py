"""What waits on a queue, comes again, was put aside or deferred: which of it needs a person, also at a month's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector import queue_figures as module
from connector.queue_figures import QueueFigures
from service.status.part import State
from service.status.queues import queue

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
RECENT, LONG_AGO = NOW - timedelta(minutes=9), NOW - timedelta(minutes=11)


@pytest.mark.parametrize(
    ("figures", "state", "at_close"),
    [
        (QueueFigures(0, 0, 0, 0, None), State.OK, State.OK),
        (QueueFigures(900, 0, 0, 0, RECENT), State.OK, State.ATTENTION),
        (QueueFigures(1, 0, 0, 0, LONG_AGO), State.ATTENTION, State.ATTENTION),
        (QueueFigures(0, 400, 0, 0, None), State.OK, State.ATTENTION),
        (QueueFigures(0, 0, 7, 0, None), State.ATTENTION, State.ATTENTION),
        (QueueFigures(0, 0, 0, 1, None), State.ATTENTION, State.ATTENTION),
        (QueueFigures(0, 9000, 0, 0, None, is_more=True), State.NOT_SEEN, State.ATTENTION),
        (QueueFigures(300, 9000, 0, 0, None), State.NOT_SEEN, State.ATTENTION),
        (QueueFigures(1, 1250, 0, 0, LONG_AGO, is_more=True), State.ATTENTION, State.ATTENTION),
    ],
)
def test_what_needs_a_person(
    figures: QueueFigures, state: State, at_close: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "queue_figures", lambda access, name: figures)
    for is_to_be_empty, expected in ((False, state), (True, at_close)):
        (part,) = queue("approvals-queue", "", "approvals", NOW, is_to_be_empty=is_to_be_empty)
        assert (part.state, bool(part.next)) == (expected, expected is not State.OK)
        assert "or more were put aside" not in part.sentence
    assert ("deferred, which this service never does" in part.sentence) is bool(figures.deferred)
