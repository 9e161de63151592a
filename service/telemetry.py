"""Logs: one event a line on stderr, readable on a terminal and JSON everywhere else, unless it is said otherwise."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from service.figures import without_amounts

LOUD = ("azure", "urllib3", "uvicorn", "asyncio", "msal", "opentelemetry")
"""Libraries that tell more than anybody asked for."""

SAID = ("event", "exception")
"""Where sentences stand."""

Format = Literal["console", "json"]


def configure_logs(*, verbose: bool = False, quiet: bool = False, format: Format | None = None) -> None:
    """Send every log record of the process through one renderer; ``quiet`` keeps warnings only. Safe to call again.

    A JSON line has ``time``, ``level``, ``logger`` and ``message``, what was given as ``extra``, and ``trace_id`` and
    ``span_id`` where it was written under a span. In either form amounts are blanked, except at ``debug``, and an
    exception is told by its frames and its words, never by its variables.
    """
    on_console = sys.stderr.isatty() if format is None else format == "console"
    said: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp" if on_console else "time"),
        # The frames of an exception without their variables: these hold secrets, and bodies of messages.
        structlog.processors.format_exc_info,
        _blanked,
    ]
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    rendered: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]
        if on_console
        else [
            _under_span,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=said, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)


def _under_span(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the span at work, if there is one; where nothing has imported OpenTelemetry there is none."""
    if (trace := sys.modules.get("opentelemetry.trace")) is not None:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"], event["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return event


def _blanked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the amounts in what is said."""
    if event["level"] != "debug":
        event.update({name: without_amounts(event[name]) for name in SAID if isinstance(event.get(name), str)})
    return event
