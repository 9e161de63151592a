"""``psa-connector status``: how everything stands, what needs a person, and what to type next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from service.app import App
    from service.settings import Settings
    from service.status.everything import Report

SECONDS = 30.0


def _web_address(text: str) -> str:
    """Where something may answer."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise typer.BadParameter(f"{text!r} is no address; write it as http://127.0.0.1:8080.")
    return text


def status(
    seconds: Annotated[
        float | None, typer.Argument(min=1, metavar="SECONDS", help="With --watch: how long to wait in between.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help=f"Look again every {SECONDS:.0f} SECONDS, or so many, until Ctrl-C.")
    ] = False,
    alarm: Annotated[
        bool, typer.Option("--alarm", help="For a scheduled job: one line of JSON on stderr, and metrics.")
    ] = False,
    after: Annotated[
        int | None,
        typer.Option("--after", min=1, metavar="MINUTES", help="How long an approved entry may be without actuals."),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            "--service", parser=_web_address, metavar="URL", help="Where the running service answers how it is."
        ),
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the queues, the ledger, the invoices and the product's own chain, and what needs a person.

    Nothing is written, and no message is touched. Exit code 0: nothing needs anybody; 4: something does; 1: not
    everything could be asked; 3: not configured.

    Example: psa-connector status --watch 10
    """
    if seconds is not None and not watch:
        raise typer.BadParameter("SECONDS belong to --watch.")
    if watch and (alarm or output is Output.JSON):
        raise typer.BadParameter("--watch is for a person at a terminal; leave --alarm and --output json out.")
    if alarm and output is Output.JSON:
        raise typer.BadParameter("--alarm writes one line of JSON to stderr; leave --output out.")

    from service.settings_sources import load

    settings = load(config)
    if alarm:
        raise typer.Exit(_alarm(settings, after))
    address = service or _address(settings)
    if watch:
        raise typer.Exit(_watch(settings, after, address, seconds or SECONDS))
    raise typer.Exit(_show(_look(settings, after, address), output, settings.business_time_zone))


def exit_code(report: Report) -> Exit:
    """What needs a person comes first."""
    if report.needs_a_person:
        return Exit.WORK_LEFT
    return Exit.FAILED if report.is_partial else Exit.DONE


def _look(settings: Settings, after: int | None, address: str | None) -> Report:
    from service.app import compose

    app = compose(settings)
    try:
        return _look_with(app, after, address)
    finally:
        app.close()


def _look_with(app: App, after: int | None, address: str | None) -> Report:
    from datetime import timedelta

    from service.cli.remedies import REMEDIES
    from service.status.everything import everything

    minutes = app.settings.silence.after if after is None else after
    return everything(app, lambda code: REMEDIES.get(code, ""), timedelta(minutes=minutes), address)


def _address(settings: Settings) -> str | None:
    """Where a service with these settings answers on this machine."""
    health = settings.health
    if not health.port:
        return None
    host = "127.0.0.1" if health.address in ("0.0.0.0", "::") else health.address  # noqa: S104
    return f"http://[{host}]:{health.port}" if ":" in host else f"http://{host}:{health.port}"


def _show(report: Report, output: Output, zone: ZoneInfo) -> Exit:
    from service.cli.output import Column, as_json, key, moment, say, show
    from service.cli.rows_beneath import beneath
    from service.status.as_data import plain
    from service.status.part import State

    code = exit_code(report)
    if output is Output.JSON:
        as_json(plain(report))
        return code
    columns = (key("Part"), key("State"), Column("What was found"))
    # What needs a person comes first; the rest keeps its order.
    parts = sorted(report.parts, key=lambda part: part.state is not State.ATTENTION)
    told = [(part.key, part.state.value, part.sentence) for part in parts]
    show(f"{report.url} on {moment(report.at, zone)}", columns, told)
    beneath(parts, report.url)
    ends = {Exit.DONE: "Nothing needs anybody.", Exit.FAILED: "Not everything could be asked; look again."}
    say(ends.get(code, "Some of it needs a person; docs/operate.md tells what each part means."))
    return code


def _watch(settings: Settings, after: int | None, address: str | None, seconds: float) -> Exit:
    """Look again and again; whoever ends it has seen the last look."""
    import time

    from service.app import compose
    from service.cli.output import console, say

    app, code = compose(settings), Exit.DONE
    try:
        while True:
            report = _look_with(app, after, address)
            if sys.stdout.isatty():
                console().clear()
            code = _show(report, Output.TABLE, settings.business_time_zone)
            say(f"Again in {seconds:g} s; Ctrl-C ends it.")
            time.sleep(seconds)
    except KeyboardInterrupt:
        return code
    finally:
        app.close()


def _alarm(settings: Settings, after: int | None) -> Exit:
    """One look, told as a log line and as metrics, whatever else may watch."""
    import logging

    from service.exporting import exporting
    from service.status.as_data import in_one_line
    from service.status.instruments import measure
    from service.telemetry import configure_logs

    configure_logs(quiet=True, format="json")
    with exporting(settings.telemetry):
        report = _look(settings, after, None)
        measure(report)
        code = exit_code(report)
        log = logging.getLogger("service.status.alarm")
        # Said also when all is well: who waits for the line sees that somebody looked.
        log.warning("%s", _sentence(report), extra=in_one_line(report))
    return code


def _sentence(report: Report) -> str:
    from service.status.part import State

    waiting = [part for part in report.parts if part.state is State.ATTENTION]
    said = [f"{part.key}: {part.sentence}" for part in waiting]
    said += [f"{part.key} gave no answer." for part in report.parts if part.state is State.NO_ANSWER]
    return " ".join(said) or "Nothing needs anybody."
