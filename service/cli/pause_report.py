"""What ``pause`` and ``resume`` show: how it was, and how it is now."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import typer

from mappings import tables
from service.cli.options import Output
from service.cli.output import as_json, line, say
from service.pausing import HOLD_ID, Paused

NOTICE = "Running services notice within half a minute, and say so in their logs and at /ready."


def instant(text: str, zone: ZoneInfo) -> datetime:
    """A moment as people write it; without an offset, in this zone. Raises ``typer.BadParameter``."""
    try:
        read = datetime.fromisoformat(text)
        moment = (read if read.tzinfo is not None else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or len(text) <= len("2026-03-01"):
        raise typer.BadParameter(f"{text!r} is no moment; write it as 2026-03-01T18:00, or 2026-03-01T18:00+01:00.")
    return moment


def show_pause(
    paused: Paused | None, before: Paused | None, now: datetime, url: str, output: Output, *, dry_run: bool
) -> None:
    """Print how the services are from now on, or would be."""
    was = None if before is None or before.is_over(now) else before
    record = f"{url}/main.aspx?pagetype=entityrecord&etn={tables.COMMAND}&id={HOLD_ID}"
    if output is Output.JSON:
        as_json({"paused": _plain(paused), "was": _plain(was), "dry_run": dry_run, "record": record})
    elif paused is not None:
        line(f"{'Would be: ' if dry_run else ''}{paused.sentence}")
    elif was is None:
        line("No running service is paused by anybody; nothing is written.")
    else:
        line("Would be resumed." if dry_run else "Resumed.")
    if was is not None:
        say(f"It was: {was.sentence} (asked for by {was.by})")
    if not dry_run and (paused is not None or was is not None):
        say(NOTICE)
    if paused is not None or was is not None:
        say(f"The record: {record}")


def _plain(paused: Paused | None) -> dict[str, object] | None:
    if paused is None:
        return None
    return {
        "requested_by": paused.by,
        "since": paused.since.isoformat(),
        "until": None if paused.until is None else paused.until.isoformat(),
        "reason": paused.reason,
    }
