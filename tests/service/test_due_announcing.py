"""Invoices that were due are announced as they come, and those that could not be, once more at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from connector.errors import Transient
from connector.inbox import Outgoing
from handlers.announcing import Announcing
from mappings.messages import CreateDueInvoices
from service.announcing import TRIES
from service.due_announcing import AsTheyCome

COMMAND = CreateDueInvoices(command=UUID(int=1, version=4), requested_by="daily sweep")


class Bus:
    """Takes messages, but not the first so many times."""

    def __init__(self, deaf: int = 0) -> None:
        self.deaf, self.heard = deaf, list[Any]()

    def send(self, where: str, messages: Sequence[Outgoing]) -> None:
        if self.deaf:
            self.deaf -= 1
            raise Transient("bus-no-answer", "Service Bus did not answer.")
        self.heard.append([json.loads(one.body)["data"]["outcome"]["day"] for one in messages])

    def news(self) -> AsTheyCome:
        now = datetime(2026, 3, 2, tzinfo=UTC)
        return AsTheyCome(Announcing(self.send, lambda: now, "invoices"), COMMAND)


def run(day: int) -> dict[str, object]:
    contract = str(UUID(int=7, version=4))
    named = {"contract": contract, "day": f"2026-03-0{day}", "command": str(UUID(int=day, version=4))}
    return {**named, "outcome": "created", "invoices": []}


def test_each_run_is_announced_when_it_has_ended_and_not_again() -> None:
    bus = Bus()
    news = bus.news()
    news.hear(run(1))
    assert bus.heard == [["2026-03-01"]]
    news.hear(run(2))
    assert news.finish() == ""
    assert bus.heard == [["2026-03-01"], ["2026-03-02"]]


def test_what_could_not_be_announced_is_sent_at_the_end_without_holding_up_the_others() -> None:
    bus = Bus(deaf=TRIES)
    news = bus.news()
    for day in (1, 2, 3):
        news.hear(run(day))
    assert (bus.deaf, bus.heard) == (0, [])
    assert news.finish() == ""
    assert bus.heard == [["2026-03-01", "2026-03-02", "2026-03-03"]]


def test_what_can_not_be_announced_at_all_is_said() -> None:
    news = Bus(deaf=100).news()
    news.hear(run(1))
    assert "Service Bus did not answer." in news.finish()


def test_where_nobody_is_told_nothing_is_sent() -> None:
    news = AsTheyCome(None, COMMAND)
    news.hear(run(1))
    assert news.finish() == ""
