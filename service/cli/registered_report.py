"""What registering would do or has done, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from service.cli.options import Output
from service.cli.output import Column, as_json, say, show
from service.registering.difference import Differs, Item, Standing
from service.registration import Registered


@dataclass(frozen=True, slots=True)
class Line:
    """One thing, whichever way it was come by."""

    what: str
    name: str
    result: str
    id: UUID | None
    table: str | None
    differs: Sequence[Differs]
    note: str


def of_items(items: Iterable[Item]) -> list[Line]:
    """How things stand before anything is written."""
    return [
        Line(
            one.what,
            one.name,
            one.standing.value,
            # Its id is chosen beforehand; there is no row to open yet.
            None if one.standing is Standing.MISSING else one.id,
            one.table,
            one.differs,
            one.note,
        )
        for one in items
    ]


def of_registered(done: Iterable[Registered]) -> list[Line]:
    """What was done about them."""
    return [Line(one.what, one.name, one.result.value, one.id, one.table, one.differed, one.note) for one in done]


def report(title: str, url: str, lines: Sequence[Line], output: Output, *, on_stderr: bool = False) -> None:
    """Print them, each with a link to its row where it has one; before a question they are talk, as plain lines."""
    if on_stderr:
        say(f"{title}:")
        for one in lines:
            differs = "; ".join(str(differs) for differs in one.differs)
            say(f"  {one.what} {one.name}: {one.result}{f' ({differs})' if differs else ''}{_behind(one.note)}")
        return
    if output is Output.JSON:
        as_json([_plain(url, one) for one in lines])
        return
    columns = (
        Column("What"),
        Column("Name"),
        Column("Result"),
        Column("What differs, or what to know"),
        Column("Link"),
    )
    show(
        title,
        columns,
        [
            (
                one.what,
                one.name,
                one.result,
                "\n".join([*(str(differs) for differs in one.differs), *filter(None, [one.note])]),
                link(url, one.table, one.id) or "",
            )
            for one in lines
        ],
    )


def link(url: str, table: str | None, id: UUID | None) -> str | None:
    """The address that opens a row."""
    return None if table is None or id is None else f"{url}/main.aspx?pagetype=entityrecord&etn={table}&id={id}"


def _behind(note: str) -> str:
    return f". {note}" if note else ""


def _plain(url: str, line: Line) -> dict[str, object]:
    return {
        "what": line.what,
        "name": line.name,
        "result": line.result,
        "id": line.id,
        "link": link(url, line.table, line.id),
        "differences": [{"what": one.what, "there": one.there, "wanted": one.wanted} for one in line.differs],
        "note": line.note or None,
    }
