"""Nobody misses an invoice of the daily sweep because its process died: its record stands in for a message."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from connector.errors import Transient
from connector.inbox import Outgoing
from handlers.announcing import Announcing
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from mappings.messages import CreateDueInvoices
from service import daily_due
from service.app import App
from service.daily_due import DailyDue
from service.sweep import REQUESTED_BY
from tests.handlers.test_due_invoices import TODAY, Due
from tests.handlers.world import ZONE, World, new


class Died(BaseException):
    """The process is gone."""


class Service:
    """A process that sweeps, and a bus that hears each announced contract, unless it is ``deaf``."""

    def __init__(self, due: Due, monkeypatch: pytest.MonkeyPatch, events: str | None = "invoices") -> None:
        self.due, self.heard = due, list[tuple[str, str]]()
        self.deaf: Callable[[], None] = lambda: None
        self._events = events
        announcing = Announcing(self._send, lambda: due.world.dataverse.rows.now, "invoices")
        monkeypatch.setattr(daily_due, "announcing", lambda *_: announcing if events else None)

    def _send(self, where: str, messages: Sequence[Outgoing]) -> None:
        self.deaf()
        self.heard += [(json.loads(one.body)["subject"], one.message_id) for one in messages]

    def started(self) -> DailyDue:
        """A process of its own."""
        now = lambda: self.due.world.dataverse.rows.now  # noqa: E731
        app = SimpleNamespace(
            settings=SimpleNamespace(servicebus=SimpleNamespace(events=self._events)),
            bus=None,
            now=now,
            dataverse=self.due,
            mission=SimpleNamespace(due=DueInvoices(InvoicingHandler(now, ZONE))),
            fixed_point=FixedPoint(InvoiceCalls(self.due, lambda: Mode.FENCE)),
        )
        return DailyDue(cast(App, app))

    def sweep(self, process: DailyDue, number: int, stopping: Callable[[], bool] = lambda: False) -> Outcome:
        command = CreateDueInvoices(command=UUID(int=number, version=4), requested_by=REQUESTED_BY, due=TODAY)
        return process.carry_out(command, stopping)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    due = Due(World())
    for number in range(3):
        due.contract(number, TODAY)
    return Service(due, monkeypatch)


CONTRACTS = [new("salesorder", 100 + number) for number in range(3)]


def dies() -> None:
    raise Died


def silent() -> None:
    raise Transient("bus-no-answer", "Service Bus did not answer.")


def states(service: Service) -> list[Any]:
    rows = service.due.world.dataverse.rows.of("psac_command").values()
    return [row["psac_state"] for row in rows if row["psac_kind"] == "sweep"]


def test_what_a_process_died_of_telling_is_told_by_the_next_one(service: Service) -> None:
    service.deaf = dies
    with pytest.raises(Died):
        service.sweep(service.started(), 1)
    assert (len(service.due.called), service.heard, states(service)) == (1, [], ["resolved"])
    service.deaf = lambda: None
    process = service.started()
    assert isinstance(service.sweep(process, 2), Settled)
    assert len({subject for subject, _ in service.heard}) == len(service.due.called) == 3
    assert states(service) == ["done"]
    service.sweep(process, 3)
    assert len(service.heard) == 3, "each was told once"


def test_a_sweep_is_not_ended_before_everything_was_announced(service: Service) -> None:
    service.deaf = silent
    process = service.started()
    end = service.sweep(process, 1)
    assert isinstance(end, Unsettled)
    assert end.failure.code == "not-announced"
    assert "Service Bus did not answer." in end.failure.sentence
    assert (len(service.due.called), states(service)) == (3, ["resolved"])
    service.deaf = lambda: None
    assert isinstance(service.sweep(process, 2), Settled), "the next day's"
    assert (len(service.due.called), len(set(service.heard)), states(service)) == (3, 3, ["done"])


def test_asked_to_stop_it_tells_what_was_made_before_all_the_same(service: Service) -> None:
    service.deaf = dies
    with pytest.raises(Died):
        service.sweep(service.started(), 1)
    service.deaf = lambda: None
    told_to_stop = service.started()
    service.sweep(told_to_stop, 2, lambda: True)
    assert (service.heard, states(service)[0]) == ([], "resolved"), "no earlier sweep is begun then"
    service.sweep(told_to_stop, 1, lambda: True)
    assert (len(service.heard), states(service)[0]) == (1, "done")
    service.sweep(service.started(), 3)
    assert len({subject for subject, _ in service.heard}) == len(service.due.called) == 3


def test_a_pause_while_a_bus_comes_back_loses_no_news(service: Service) -> None:
    service.deaf = silent
    process = service.started()
    assert isinstance(service.sweep(process, 1), Unsettled)
    service.deaf = lambda: None
    asked = iter((False, *[True] * 9))
    assert isinstance(service.sweep(process, 1, lambda: next(asked)), Settled)
    assert (len(service.due.called), len(set(service.heard)), states(service)) == (3, 3, ["done"])


def test_a_contract_that_is_stuck_keeps_nothing_that_was_made_before_from_being_told_and_told_once(
    service: Service,
) -> None:
    service.deaf = dies
    with pytest.raises(Died):
        service.sweep(service.started(), 1)
    service.deaf = lambda: None
    ((made, _),) = service.due.called
    stuck = next(one for one in CONTRACTS if one != made)
    service.due.trouble[stuck] = Transient("server-error", "An unexpected error occurred.")
    process = service.started()
    for number in (2, 3, 4):
        assert isinstance(service.sweep(process, number), Unsettled)
    heard = sorted(subject for subject, _ in service.heard)
    assert heard == sorted(f"salesorder({one.id})" for one in CONTRACTS if one != stuck)


def test_where_nobody_listens_nothing_waits_and_nothing_is_looked_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = Service(service.due, monkeypatch, events=None)
    assert isinstance(quiet.sweep(quiet.started(), 1), Settled)
    asked = [one for request in service.due.world.dataverse.requests for one in request if "psac_kind" in str(one)]
    assert not any(REQUESTED_BY in str(one) for one in asked)


def test_a_record_of_another_kind_of_sweep_is_left_alone(service: Service) -> None:
    service.deaf = dies
    with pytest.raises(Died):
        service.sweep(service.started(), 1)
    ((row, cells),) = (
        (row, cells)
        for row, cells in service.due.world.dataverse.rows.of("psac_command").items()
        if cells["psac_kind"] == "sweep"
    )
    selection = json.loads(cells["psac_selection"])
    del selection["command"]
    service.due.world.dataverse.put(row, psac_selection=json.dumps(selection))
    service.deaf = lambda: None
    service.sweep(service.started(), 2)
    assert states(service)[0] == "resolved"
