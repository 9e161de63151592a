"""``psa-connector pause``: every running service stops receiving until somebody resumes it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone

if TYPE_CHECKING:
    from service.pausing import Paused


def pause(
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="Why; shown wherever the pause is.", show_default=False),
    ],
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help="It ends by itself then: 2026-03-01T18:00 in the business time zone, or with an offset. [default: "
            "`psa-connector resume` ends it]",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take the place of somebody else's pause, or end a pause sooner.")
    ] = False,
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Pause every running service of this environment, for maintenance: what is at work is finished, nothing is lost.

    They notice within half a minute. Messages stay in their queues, daily sweeps wait; commands of this command line
    still work. A pause that somebody else asked for, or that would end sooner by this one, is asked about first. Exit
    code 4: it was left as it is.

    Example: psa-connector pause --reason "Price lists are imported" --until 2026-03-01T18:00
    """
    from service.app import dataverse_client
    from service.cli.output import say
    from service.cli.pause_report import instant, show_pause
    from service.pausing import LONGEST_REASON, Paused, printable, read, write
    from service.settings_sources import load

    said = " ".join(printable(reason).split())
    if not said or len(reason) > LONGEST_REASON:
        raise typer.BadParameter(f"--reason takes 1 to {LONGEST_REASON} characters.")
    settings = load(config)
    end = None if until is None else instant(until, settings.business_time_zone)
    who = printable(requested_by or someone())
    dataverse = dataverse_client(settings.dataverse)
    try:
        before = read(dataverse).paused
        now = dataverse.far_now()
        if end is not None and end <= now:
            raise typer.BadParameter(f"--until {until} is over already; it is {now:%Y-%m-%d %H:%M} UTC.")
        paused = Paused(who, now, end, said)
        if not dry_run:
            write(paused, who, dataverse, lambda held: _allow(paused, held, now, yes=yes))
    finally:
        dataverse.close()
    show_pause(paused, before, now, dataverse.url, output, dry_run=dry_run)
    if dry_run and not yes and (why := _lost(paused, before, now)):
        say(f"{why} It would be asked about first, or take --yes.")


def _allow(paused: Paused, held: Paused | None, now: datetime, *, yes: bool) -> None:
    """Go on where nobody's pause is lost by this one, or it is agreed to; else end the command with exit code 4."""
    from service.cli.asking import agreed
    from service.cli.output import say

    if yes or not (why := _lost(paused, held, now)):
        return
    say(why)
    agreed("Take its place", yes=yes, needs_yes=True)


def _lost(paused: Paused, held: Paused | None, now: datetime) -> str:
    """What of a pause that is on would be lost by another in its place; empty where nothing is."""
    if held is None or held.is_over(now):
        return ""
    if held.by != paused.by:
        return f"{held.by} has paused them: {held.sentence}"
    is_sooner = paused.until is not None and (held.until is None or paused.until < held.until)
    return f"It would end sooner than now: {held.sentence}" if is_sooner else ""
