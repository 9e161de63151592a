"""The service looks by itself, tells once and again every hour, measures, and never ends because of it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from connector.errors import Misconfigured
from connector.telemetry.recording import recorded_by
from service.app import App
from service.status import silence as module
from service.status.everything import Report
from service.status.instruments import measure
from service.status.part import Part, State, looked
from service.status.silence import Silence

NOON = datetime(2026, 4, 15, 12, tzinfo=UTC)
LATE = Part(
    "approved-without-actuals", State.ATTENTION, "3 entries wait.", "Do it.", 3, oldest=NOON - timedelta(hours=1)
)
WELL = Part("approved-without-actuals", State.OK, "None waits.", count=0)


def report(*parts: Part) -> Report:
    return Report(NOON, "https://contoso.crm4.dynamics.com", parts)


def measured(*reports: Report) -> dict[str, list[tuple[dict[str, Any], float]]]:
    reader = InMemoryMetricReader()
    with recorded_by(None, MeterProvider([reader], shutdown_on_exit=False)):
        for one in reports:
            measure(one)
        data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: [(dict(point.attributes or {}), point.value) for point in metric.data.data_points]  # type: ignore[union-attr]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_every_part_that_was_seen_is_measured_and_the_rest_is_not() -> None:
    unseen = Part("steps", State.NOT_SEEN, "It may not.")
    doubt = Part("in-doubt", State.ATTENTION, "One.", count=1)
    overdue = Part("schedules-overdue", State.OK, "None.", count=0)
    found = measured(report(LATE, unseen, doubt, overdue))
    assert found["psa_connector.approved_without_actuals"] == [({}, 3)]
    assert found["psa_connector.oldest_unserved_approval"] == [({}, 3600)]
    assert found["psa_connector.invoices_in_doubt"] == [({}, 1)]
    assert found["psa_connector.schedules_overdue"] == [({}, 0)]
    assert found["psa_connector.looks"] == [({"outcome": "complete"}, 1)]
    attention = {str(attributes["part"]): value for attributes, value in found["psa_connector.attention"]}
    assert attention == {"approved-without-actuals": 1, "in-doubt": 1, "schedules-overdue": 0}


def test_what_may_not_be_looked_at_is_told_apart_and_its_number_is_not_made_up() -> None:
    def refused() -> list[Part]:
        raise Misconfigured("missing-privilege", "Not you.")

    found = measured(report(*looked(["schedules-overdue", "in-doubt"], refused, str)))
    attention = {str(attributes["part"]): value for attributes, value in found["psa_connector.attention"]}
    assert attention == {"schedules-overdue": 2, "in-doubt": 2}
    assert "psa_connector.schedules_overdue" not in found
    assert "psa_connector.invoices_in_doubt" not in found


def test_once_mended_the_gauges_fall_to_zero_and_a_look_without_answers_is_told_apart() -> None:
    away = Part("dataverse", State.NO_ANSWER, "Nobody.")
    found = measured(report(LATE), report(WELL, away))
    assert found["psa_connector.approved_without_actuals"] == [({}, 0)]
    assert found["psa_connector.oldest_unserved_approval"] == [({}, 0)]
    assert sorted(str(attributes["outcome"]) for attributes, _ in found["psa_connector.looks"]) == [
        "complete",
        "partial",
    ]


class Looks(list[Part | Exception]):
    """What each look finds, or fails of; ``asked``: which of them asked what is due."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []
        self.due = Part("schedules-overdue", State.OK, "None.", count=0)

    def everything(self, *_: object, with_schedules: bool) -> Report:
        self.asked.append(with_schedules)
        one = self.pop(0)
        if isinstance(one, Exception):
            raise one
        return report(one, *([self.due] if with_schedules else []))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks()
    monkeypatch.setattr(module, "everything_in_dataverse", looks.everything)
    return looks


def silence(clock: list[datetime]) -> Silence:
    app = cast(App, SimpleNamespace(now=lambda: clock[0]))
    return Silence(app, timedelta(minutes=5), timedelta(minutes=15))


def test_what_needs_a_person_is_said_once_an_hour_and_when_it_changes_and_when_it_is_over(
    looks: Looks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    more = Part(LATE.key, State.ATTENTION, "4 entries wait.", count=4)
    looks += [LATE, LATE, more, more, WELL, WELL]
    clock = [NOON]
    watch = silence(clock)
    for minutes in (5, 5, 5, 65, 5, 5):
        clock[0] += timedelta(minutes=minutes)
        watch.look()
    said = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert said == [
        "approved-without-actuals: 3 entries wait. Do it.",
        "approved-without-actuals: 4 entries wait.",
        "approved-without-actuals: 4 entries wait.",
        "approved-without-actuals is well again: None waits.",
    ]
    # What is due is asked for once an hour.
    assert looks.asked == [True, False, False, True, False, False]


def test_what_is_due_is_asked_again_at_the_next_look_where_nobody_answered(looks: Looks) -> None:
    looks += [WELL] * 4
    clock = [NOON]
    watch = silence(clock)
    for state in (State.NO_ANSWER, State.NOT_SEEN, State.OK, State.OK):
        looks.due = Part("schedules-overdue", state, "Perhaps.")
        clock[0] += timedelta(minutes=5)
        watch.look()
    assert looks.asked == [True, True, True, False]


def test_a_look_that_fails_is_logged_and_the_next_one_comes(looks: Looks, caplog: pytest.LogCaptureFixture) -> None:
    looks += [RuntimeError("a mistake"), LATE]
    stop = asyncio.Event()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if not looks:
            stop.set()

    asyncio.run(silence([NOON]).keep(stop, sleep))
    assert set(waits) == {300.0}
    assert "what no message tells could not be looked at" in caplog.text
    assert "3 entries wait" in caplog.text


def test_zero_minutes_look_at_nothing(looks: Looks) -> None:
    watch = silence([NOON])
    watch.every = timedelta()
    asyncio.run(watch.keep(asyncio.Event()))
