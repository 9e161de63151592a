"""``psa-connector reconcile``: what no event told, reported and, if wanted, sent down the path every event takes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.days import day, first_of
from service.cli.exits import Exit
from service.cli.options import ConfigOption, RequestedByOption, one_of, someone

if TYPE_CHECKING:
    from service.app import App
    from service.reconciling import Report


class Output(StrEnum):
    """How the report is written to stdout; ``json`` and ``csv`` are stable and meant for programs."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def reconcile(
    since: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DATE", help="Everything changed since that day began. [default: last run]"),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Instead: the work dated in that month; only a report."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Send what this service would write by itself to the approvals queue.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Repair even above the ceilings.")] = False,
    requested_by: RequestedByOption = None,
    config: ConfigOption = None,
    output: Annotated[
        Output,
        typer.Option(
            "--output", "-o", parser=one_of(Output), metavar="table|json|csv", help="How data is written to stdout."
        ),
    ] = Output.TABLE,
) -> None:
    """Compare approvals with actuals and report what differs. Exit code 4: something is left.

    Example: psa-connector reconcile --since 2026-02-01 --repair
    """
    if month is not None and (since is not None or repair):
        raise typer.BadParameter("--month is a report of its own; leave --since and --repair out.")
    if yes and not repair:
        raise typer.BadParameter("--yes belongs to --repair.")
    days = None if month is None else _days(month)

    from service.cli.session import session

    who = requested_by or someone()
    with session(config) as app:
        if repair and app.settings.actuals.creator == "product":
            raise typer.BadParameter("Where the product creates actuals, nothing is written; leave --repair out.")
        found = _look(app, since, days, who)
        _tell(found, output, app.dataverse.url)
        left = len(found.drifts)
        if repair and found.repairable:
            left -= _repair(app, found, yes)
    if left:
        raise typer.Exit(Exit.WORK_LEFT)


def _days(month: str) -> tuple[date, date]:
    from service.closing.month import Month

    first = first_of(month)
    return first, Month.of(first.year, first.month).last


def _look(app: App, since: date | None, days: tuple[date, date] | None, who: str) -> Report:
    from datetime import timedelta

    from service.reconciling import Reconciler

    settings = app.settings
    reconciler = Reconciler(
        app.dataverse,
        app.mission.entries,
        settings.business_time_zone,
        settings.actuals.start_from,
        overlap=timedelta(minutes=settings.reconcile.overlap),
        in_flight=timedelta(minutes=settings.reconcile.in_flight),
        requested_by=who,
    )
    if days is not None:
        return reconciler.month(*days, app.now())
    return reconciler.onward(app.now()) if since is None else reconciler.since(since, app.now())


def _repair(app: App, found: Report, yes: bool) -> int:
    """Say how much it is, and send it unless that is above a ceiling; how many entries were sent."""
    import asyncio

    from connector.outbox import send
    from service.cli.output import money, say
    from service.signing_in import access_to

    count = len(found.repairable)
    entries = "1 entry" if count == 1 else f"{count} entries"
    moves = [money(amount, currency.precision, currency.code) for currency, amount in found.moves.items()]
    say(f"Repair: {entries}, moving {', '.join(moves) or 'no amount'}.")
    over = found.above(app.settings.ceiling.rows, app.settings.ceiling.amount_in)
    if over and not yes:
        for sentence in over:
            say(sentence)
        say("Nothing was sent. If that is meant, say --yes.")
        return 0
    bus = app.settings.servicebus
    asyncio.run(send(access_to(bus.approvals_queue, bus, app.bus), bus.approvals_queue, *found.looks()))
    say(f"Sent to queue {bus.approvals_queue}: {entries}. Run reconcile again when the service is through with them.")
    return count


def _tell(found: Report, output: Output, url: str) -> None:
    from service.cli.output import Column, as_json, figure, key, line, say, show, write
    from service.reconcile_report import as_csv, cells, link, plain

    match output:
        case Output.JSON:
            as_json(plain(found, url))
        case Output.CSV:
            write(as_csv(found, url))
        case Output.TABLE:
            columns = (
                key("Entry"),
                Column("Day"),
                Column("Finding"),
                Column("What"),
                figure("Amount"),
                Column("Repair"),
            )
            none = "Nothing differs yet." if found.in_flight else "Nothing differs."
            show("Differences", columns, cells(found), empty=none)
            for drift in found.drifts:
                # Beneath the table: an address is longer than a column may be, and is opened, not compared.
                line(link(url, drift.entry))
    say(f"Looked at {found.looked_at} entries: {found.window}.")
    if found.in_flight:
        say(f"{found.in_flight} differ but were changed a moment ago; the next run looks at them again.")
    if found.unmarked:
        say(found.unmarked)
