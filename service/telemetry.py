"""Logs: one event a line on stderr, readable in a terminal and JSON everywhere else."""

from __future__ import annotations

import logging
import os
import sys

import structlog

LOUD = ("azure", "urllib3", "uvicorn", "asyncio", "msal")
"""Libraries that tell more than anybody asked for."""


def configure_logs(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send every log record of the process through one renderer; ``quiet`` keeps warnings only. Safe to call again."""
    at_terminal = sys.stderr.isatty()
    stamped: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))]
        if at_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=stamped, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
