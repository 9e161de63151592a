"""Logs: on a terminal, and as one JSON object a line."""

from __future__ import annotations

import io
import json
import logging
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from connector.telemetry.recording import recording
from service.telemetry import configure_logs
from tests.connector.telemetry.taken import taken


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variable", "coloured"), [("1", False), ("", True)])
def test_logs_on_a_terminal_are_plain_where_nobody_wants_colours(
    variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("NO_COLOR", variable)
    configure_logs()
    logging.getLogger("service").warning("something happened")
    assert "something happened" in terminal.getvalue()
    assert ("\x1b[" in terminal.getvalue()) is coloured


@pytest.mark.parametrize(
    ("stream", "format", "is_json"),
    [
        (Terminal(), None, False),
        (Terminal(), "json", True),
        (io.StringIO(), None, True),
        (io.StringIO(), "console", False),
    ],
)
def test_the_form_of_logs_is_as_told_or_else_as_the_stream_suggests(
    stream: io.StringIO, format: Literal["console", "json"] | None, is_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(format=format)
    logging.getLogger("service").warning("something happened")
    assert stream.getvalue().startswith("{") is is_json


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(format="json")
    return stream


def only(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_one_object_with_time_level_logger_message_and_what_was_added(lines: io.StringIO) -> None:
    logging.getLogger("connector.worker").warning("paused (%s)\nfor now", "no-role", extra={"queue": "events"})
    said = only(lines)
    assert datetime.fromisoformat(said.pop("time")).utcoffset() == timedelta()
    expected = {"level": "warning", "logger": "connector.worker", "message": "paused (no-role)\nfor now"}
    assert said == {**expected, "queue": "events"}


def test_a_line_names_the_span_it_was_written_under(lines: io.StringIO) -> None:
    with taken(), recording().tracer.start_as_current_span("work") as span:
        logging.getLogger("service").warning("at work")
        context = span.get_span_context()
    said = only(lines)
    assert said["trace_id"] == f"{context.trace_id:032x}"
    assert said["span_id"] == f"{context.span_id:016x}"


def test_a_mistake_in_the_code_is_one_line_too(lines: io.StringIO) -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        logging.getLogger("service").exception("it failed")
    assert "ZeroDivisionError: by nothing" in only(lines)["exception"]


@pytest.mark.parametrize("format", ["console", "json"])
def test_an_amount_is_blanked_at_info_and_above_and_shown_where_every_detail_is_asked_for(
    format: Literal["console", "json"], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(format=format, verbose=True)
    log = logging.getLogger("service")
    log.info("billed %s", "1,600.00")
    log.warning("dead-lettered: %s", "1700 EUR is more than the ceiling of 100.")
    assert "1,600.00" not in stream.getvalue()
    assert "1700" not in stream.getvalue()
    log.debug("billed %s", "1,600.00")
    assert "1,600.00" in stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("format", ["console", "json"])
def test_a_traceback_shows_neither_amounts_nor_what_variables_hold(
    format: Literal["console", "json"], terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(format=format)
    client_secret = "".join(["a secret", " of a client"])
    try:
        raise ValueError("worth 1600.00")
    except ValueError:
        logging.getLogger("service").exception("it failed")
    assert "ValueError: worth #" in stream.getvalue()
    assert client_secret not in stream.getvalue()
    assert stream.getvalue().count("\n") < 10
