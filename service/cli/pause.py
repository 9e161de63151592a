"""``psa-connector pause``: every running service stops receiving until somebody resumes it."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.options import ConfigOption, DryRunOption, Output, OutputOption, RequestedByOption, someone


def pause(
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="Why; shown wherever the pause is. Needed.", show_default=False),
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
    dry_run: DryRunOption = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Pause every running service of this environment, for maintenance: what is at work is finished, nothing is lost.

    They notice within half a minute. Messages stay in their queues, daily sweeps wait; commands of this command line
    still work.

    Example: psa-connector pause --reason "Price lists are imported" --until 2026-03-01T18:00
    """
    from service.app import dataverse_client
    from service.cli.pause_report import instant, show_pause
    from service.pausing import LONGEST_REASON, Paused, printable, read, write
    from service.settings_sources import load

    said = " ".join(printable(reason).split())
    if not said or len(reason) > LONGEST_REASON:
        raise typer.BadParameter(f"--reason takes 1 to {LONGEST_REASON} characters.")
    settings = load(config)
    end = None if until is None else instant(until, settings.business_time_zone)
    who = requested_by or someone()
    dataverse = dataverse_client(settings.dataverse)
    try:
        before = read(dataverse).paused
        now = dataverse.far_now()
        if end is not None and end <= now:
            raise typer.BadParameter(f"--until {until} is over already; it is {now:%Y-%m-%d %H:%M} UTC.")
        paused = Paused(who, now, end, said)
        if not dry_run:
            write(paused, who, dataverse)
    finally:
        dataverse.close()
    show_pause(paused, before, now, dataverse.url, output, dry_run=dry_run)
