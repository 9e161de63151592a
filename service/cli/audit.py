"""``psa-connector audit``: who asked for what, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from service.cli.days import day
from service.cli.options import ConfigOption, command_id, one_of

if TYPE_CHECKING:
    from service.audit_view import Audited

app = typer.Typer(help="What was asked for, and what came of it.", no_args_is_help=True, rich_markup_mode=None)

COLUMNS = ("record", "kind", "about", "requested_by", "asked_on", "written_by", "ended_on", "outcome")
COUNTS = ("done", "already", "refused", "changed", "not_begun", "not_known")
ROW_COLUMNS = ("row", "row_outcome", "from", "to", "why")
PART = 25
"""Commands that a part of a table holds."""
DONE = (
    *("marked", "unmarked", "invoiced", "created", "created-differs", "created-and-gone"),
    *("sent-again", "discarded"),
)
ALREADY = ("already", "nothing-to-invoice", "already-run", "gone")
REFUSED = (
    *("refused", "failed", "in-doubt", "already-running", "waiting", "unfit"),
    *("sent-again-not-removed", "not-confirmed", "locked", "not-carried-over"),
)
NOT_BEGUN, NOT_KNOWN = ("not-begun",), ("not-told",)


class Form(StrEnum):
    """How commands are written to stdout; ``json`` and ``csv`` are stable and meant for programs."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class WhichKind(StrEnum):
    """The commands by their names in messages."""

    MARK_READY = "mark-ready"
    MARK_NOT_READY = "mark-not-ready"
    CREATE_INVOICES = "create-invoices"
    CREATE_MANY_INVOICES = "create-many-invoices"
    CREATE_DUE_INVOICES = "create-due-invoices"
    REPLAY_DEAD_LETTERS = "replay-dead-letters"
    DISCARD_DEAD_LETTERS = "discard-dead-letters"
    PAUSE = "pause"
    RESUME = "resume"


@app.callback()
def _group() -> None:
    """What was asked for, and what came of it."""


@app.command("list")
def list_commands(
    since: Annotated[
        date | None, typer.Option(parser=day, metavar="DATE", help="Asked for on this business day or later.")
    ] = None,
    until: Annotated[
        date | None, typer.Option(parser=day, metavar="DATE", help="Asked for on this business day or before.")
    ] = None,
    who: Annotated[
        str | None, typer.Option(metavar="NAME", help="Asked for by this person, by any name they go by.")
    ] = None,
    kind: Annotated[
        WhichKind | None, typer.Option(parser=one_of(WhichKind), metavar="KIND", help=f"{', '.join(WhichKind)}.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option(metavar="CONTRACT", help="About this contract or rows of it, by id, number or name.")
    ] = None,
    command: Annotated[
        UUID | None, typer.Option(parser=command_id, metavar="ID", help="The command of this id alone.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Every row too: what it was, what it became, and why.")] = False,
    config: ConfigOption = None,
    output: Annotated[
        Form,
        typer.Option(
            "--output", "-o", parser=one_of(Form), metavar="table|json|csv", help="How data is written to stdout."
        ),
    ] = Form.TABLE,
) -> None:
    """Show the commands that were given, the newest first.

    Example: psa-connector audit list --since 2026-02-01 --kind create-invoices
    """
    from service.audit_view import Asked, audited, names_of
    from service.cli.session import chosen_contracts, session

    with session(config) as service:
        about = None if contract is None else chosen_contracts(service, [contract])[0].id
        asked_by = () if who is None else names_of(service.dataverse, who)
        zone = service.settings.business_time_zone
        asked = Asked(since, until, asked_by, None if kind is None else kind.value, about, command, rows)
        found = audited(service.dataverse, asked, zone)
        if output is Form.TABLE:
            _as_table(found, rows, zone)
        else:
            _as_data(found, rows, output)


def _as_table(found: Iterator[Audited], with_rows: bool, zone: ZoneInfo) -> None:
    from service.cli.output import Column, figure, key, moment, show, show_in_parts

    empty = "No command was given, or none that was asked for."
    if with_rows:
        columns = (key("Row"), Column("Outcome"), Column("From"), Column("To"), Column("Why"))
        none = True
        for one in found:
            none = False
            title = f"{moment(one.asked_on, zone)}  {one.requested_by}: {one.kind} {one.about}, {one.outcome}"
            changed = [(str(c.row), c.outcome, c.was, c.to, c.why) for c in one.changes]
            show(title, columns, changed, empty="No row was chosen.")
        if none:
            show("Commands", columns, [], empty=empty)
        return
    counts = (figure("Done"), figure("Already"), figure("Refused"), figure("Changed"))
    columns = (key("Asked on"), Column("Asked by"), Column("Command"), Column("About"), Column("Outcome"))
    show_in_parts(
        "Commands",
        (*columns, *counts, Column("Recorded by"), key("Record")),
        (
            [
                (
                    moment(one.asked_on, zone),
                    one.requested_by,
                    one.kind,
                    one.about,
                    _outcome(one),
                    *map(str, _counts(one)[:4]),
                    one.written_by,
                    str(one.record),
                )
                for one in part
            ]
            for part in _parts(found)
        ),
        empty=empty,
    )


def _parts(found: Iterator[Audited]) -> Iterator[list[Audited]]:
    while part := list(islice(found, PART)):
        yield part


def _counts(one: Audited) -> tuple[int, ...]:
    return tuple(one.count(*words) for words in (DONE, ALREADY, REFUSED, ("changed",), NOT_BEGUN, NOT_KNOWN))


def _outcome(one: Audited) -> str:
    """Its word, and how many rows nobody began, or knows of, which few commands have."""
    *_, not_begun, not_known = _counts(one)
    told = ((not_begun, "not begun"), (not_known, "not known"))
    return ", ".join((one.outcome, *(f"{count} {word}" for count, word in told if count)))


def _cells(one: Audited) -> tuple[object, ...]:
    return (*_head(one), *_counts(one))


def _row_cells(one: Audited) -> Iterable[tuple[object, ...]]:
    """A line per row; a command without any has one of its own all the same."""
    for change in one.changes:
        yield (*_head(one), change.row, change.outcome, change.was, change.to, change.why)
    if not one.changes:
        yield (*_head(one), *("" for _ in ROW_COLUMNS))


def _head(one: Audited) -> tuple[object, ...]:
    ended = None if one.ended_on is None else one.ended_on.isoformat()
    asked = one.asked_on.isoformat()
    return (one.record, one.kind, one.about, one.requested_by, asked, one.written_by, ended, one.outcome)


def _as_data(found: Iterator[Audited], with_rows: bool, output: Form) -> None:
    from service.cli.output import as_csv, as_json_array

    if output is Form.JSON:
        as_json_array(_data(one, with_rows) for one in found)
    elif with_rows:
        as_csv((*COLUMNS, *ROW_COLUMNS), (cells for one in found for cells in _row_cells(one)))
    else:
        as_csv((*COLUMNS, *COUNTS), (_cells(one) for one in found))


def _data(one: Audited, with_rows: bool) -> dict[str, object]:
    told: dict[str, object] = dict(zip((*COLUMNS, *COUNTS), _cells(one), strict=True))
    if with_rows:
        told["rows"] = [
            {"row": change.row, "outcome": change.outcome, "from": change.was, "to": change.to, "why": change.why}
            for change in one.changes
        ]
    return told
