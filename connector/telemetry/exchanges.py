"""Requests to Dataverse: a span, a duration and a count for each, and what its limits do to us."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from connector.errors import ConnectorError
from connector.telemetry.codes import bounded
from connector.telemetry.instruments import (
    BUDGET_WAIT,
    CHARGED,
    ERROR,
    KIND,
    LIMIT,
    METHOD,
    PORT,
    REQUEST_TIME,
    REQUESTS,
    RESENT,
    SERVER,
    SERVICE_REQUEST,
    STATUS,
    THROTTLES,
    URL,
)
from connector.telemetry.recording import recording

KEY = re.compile(r"\((?:[^()']|'[^']*')*\)")
"""What stands in parentheses in a path: a row's id, an alternate key or a function's parameters."""
NO_ANSWER = "none"


class Exchange:
    """One request under way, and what became of it. ``told`` are the attributes of its duration."""

    def __init__(self, span: Span, told: dict[str, str | int], kind: str) -> None:
        self._span = span
        self._told = told
        self._kind = kind
        self._took = timedelta()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """An answer began to come; ``headers`` are looked up whatever their case."""
        self._told[STATUS] = status
        self._span.set_attribute(STATUS, status)
        if (request := headers.get("x-ms-service-request-id")) is not None:
            self._span.set_attribute(SERVICE_REQUEST, [request])
        if status >= 400:
            self.failed(str(status))

    def failed(self, error: str) -> None:
        """It came to nothing."""
        self._told[ERROR] = error
        self._span.set_attribute(ERROR, error)
        self._span.set_status(Status(StatusCode.ERROR))

    def charged(self, took: timedelta) -> None:
        """It is over, and this is what the far side charges for it."""
        self._took = took

    def end(self) -> None:
        """Count it."""
        record, seconds = recording(), self._took.total_seconds()
        record.record(REQUEST_TIME, seconds, self._told)
        record.add(REQUESTS, 1, {STATUS: self._told.get(STATUS, NO_ANSWER), KIND: self._kind})
        record.add(CHARGED, seconds, {KIND: self._kind})


@contextmanager
def exchange(method: str, origin: str, target: str, writes: bool, resends: int = 0) -> Iterator[Exchange]:
    """One request under a span of its own; to be told of the answer and of what is charged.

    ``target`` is the path with its query, of which neither keys nor the query are told.
    """
    path = KEY.sub("()", target.partition("?")[0])
    parts = urlsplit(origin)
    told: dict[str, str | int] = {METHOD: method, SERVER: parts.hostname or ""}
    if parts.port is not None:
        told[PORT] = parts.port
    attributes = {**told, URL: origin + path}
    if resends:
        attributes[RESENT] = resends
    with recording().tracer.start_as_current_span(
        f"{method} {path}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        one = Exchange(span, told, "write" if writes else "read")
        try:
            yield one
        except ConnectorError as error:
            one.failed(bounded(error.code))
            raise
        finally:
            one.end()


def throttled(limit: str) -> None:
    """Dataverse said to stay away, because of this limit."""
    recording().add(THROTTLES, 1, {LIMIT: bounded(limit)})


def waited(wait: timedelta) -> None:
    """So long a wait is due here, to stay within our own share; a very long one becomes a delayed retry."""
    recording().record(BUDGET_WAIT, wait.total_seconds(), {})
