"""Data on stdout as tables or JSON, talk on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.cannot_write import CannotWrite

WIDE = 160
"""Columns where no terminal says how many there are."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How text begins that a spreadsheet would run."""
PART = 500
"""Rows of a long table under one head; a terminal's width is shared out anew for each."""
FRAME = 3
"""Characters between two columns: a line, and a blank on either side."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. Figures stand on the right; what is ``whole`` is never broken: it is copied and compared."""

    title: str
    justify: Literal["left", "right"] = "left"
    whole: bool = False


def figure(title: str) -> Column:
    """A column of figures."""
    return Column(title, "right", whole=True)


def key(title: str) -> Column:
    """A column of ids or numbers that are copied into the next command."""
    return Column(title, whole=True)


def money(amount: Decimal, precision: int, code: str) -> str:
    """An amount as people read it: thousands set apart, the currency's own decimals, its code."""
    return f"{amount:,.{precision}f} {code}"


def exact(amount: Decimal, precision: int) -> str:
    """An amount as programs read it: a string with the currency's own decimals."""
    return f"{amount:.{precision}f}"


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """A moment as people read it: in the business time zone, with its offset, so that nobody has to guess."""
    local = instant.astimezone(zone).isoformat(" ", "seconds")
    return f"{local[:16]} {local[19:]}"


def show(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    total: Sequence[str] = (),
    *,
    empty: str = "Nothing.",
) -> None:
    """Print one table, with its total beneath where there is one; ``empty`` is said instead of a table without rows.

    A table that goes on from the one before has no title.
    Cells are plain text, whatever stands in them. Where a terminal is too narrow to leave ids, figures and words whole,
    each row becomes a paragraph with a line per cell.
    """
    cells = [tuple(map(plain, row)) for row in rows]
    with writing():
        out = console()
        if title:
            out.print(Text(plain(title), style="bold"), soft_wrap=True)
        least = _least(columns, [*cells, total] if total else cells)
        if not cells:
            out.print(Text(empty), soft_wrap=True)
        elif sum(one + FRAME for one in least) + 1 <= out.width:
            out.print(_table(columns, cells, total, least, out.width))
        else:
            for row in [*cells, total] if total else cells:
                _paragraph(out, columns, row)


def show_in_parts(
    title: str, columns: Sequence[Column], parts: Iterable[Sequence[Sequence[str]]], *, empty: str
) -> None:
    """Print a table that is too long to be held: each part under a head of its own, the title above the first."""
    begun = False
    for part in parts:
        for begin in range(0, len(part), PART):
            show("" if begun else title, columns, part[begin : begin + PART])
            begun = True
    if not begun:
        show(title, columns, [], empty=empty)


def line(text: str, style: str = "") -> None:
    """Print one line of data."""
    with writing():
        console().print(Text(plain(text), style=style), soft_wrap=True)


def plain(text: str) -> str:
    """What anybody wrote, without what a terminal would take for an instruction; lines stay lines."""
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)


def console() -> Console:
    """Where data goes. Rich takes a terminal's width by itself; ``NO_COLOR`` takes the colours, bold type stays."""
    at_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if at_terminal else WIDE, highlight=False)


def as_json(data: object) -> None:
    """Print data as JSON: amounts and ids as strings, so that no reader rounds them; ASCII, whatever the console."""
    write(json.dumps(data, indent=2, default=_plain) + "\n")


def as_json_array(items: Iterable[object]) -> None:
    """Print what comes, as it comes, as one JSON array; one that is broken off has no end and is no JSON."""
    before = "["
    for item in items:
        text = json.dumps(item, indent=2, default=_plain).replace("\n", "\n  ")
        write(f"{before}\n  {text}")
        before = ","
    write("[]\n" if before == "[" else "\n]\n")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as they come as comma-separated values, the columns' names first, some hundred at a time.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    pending = iter(rows)
    part: list[Sequence[object]] = [columns]
    while part:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([_csv_cell(cell) for cell in row] for row in part)
        write(lines.getvalue())
        part = list(islice(pending, PART))


def write(text: str) -> None:
    """Print data as it stands, at once."""
    with writing():
        sys.stdout.write(text)


def say(text: str) -> None:
    """Talk to whoever watches."""
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()


@contextmanager
def writing() -> Iterator[None]:
    """What is written inside has left the process at the end. Raises ``CannotWrite``: a full disk, a closed pipe."""
    if sys.stdout is None:
        raise CannotWrite("standard output is closed")
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise CannotWrite(error.strerror or type(error).__name__) from error


def _least(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """The least width of each column: what is whole stays whole, and elsewhere no word is broken, nor an address."""
    return [max([cell_len(column.title), *_widths(column, at, rows)]) for at, column in enumerate(columns)]


def _widths(column: Column, at: int, rows: Sequence[Sequence[str]]) -> Iterator[int]:
    """How wide everything is that may not be broken."""
    for row in rows:
        for part in row[at].splitlines() if column.whole else row[at].split():
            yield cell_len(part)


def _shared_out(least: Sequence[int], longest: Sequence[int], width: int) -> list[int]:
    """The columns' widths: what is left beyond the least goes to the narrowest that could do with more."""
    widths = list(least)
    for _ in range(width - sum(one + FRAME for one in least) - 1):
        short = [at for at, one in enumerate(widths) if one < longest[at]]
        if not short:
            break
        widths[min(short, key=widths.__getitem__)] += 1
    return widths


def _table(
    columns: Sequence[Column],
    cells: Sequence[Sequence[str]],
    total: Sequence[str],
    least: Sequence[int],
    width: int,
) -> Table:
    rows = [*cells, total] if total else cells
    longest = [max(_widths(replace(column, whole=True), at, rows), default=0) for at, column in enumerate(columns)]
    table = Table(show_footer=bool(total))
    widths = _shared_out(least, longest, width)
    for number, column in enumerate(columns):
        footer = Text(total[number]) if total else ""
        table.add_column(
            column.title,
            footer=footer,
            justify=column.justify,
            overflow="fold",
            no_wrap=column.whole,
            width=widths[number],
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _paragraph(out: Console, columns: Sequence[Column], row: Sequence[str]) -> None:
    widest = max(len(column.title) for column in columns)
    for column, cell in zip(columns, row, strict=True):
        if cell:
            out.print(Text(f"{column.title:<{widest}}  {', '.join(cell.splitlines())}"), soft_wrap=True)
    out.print()


def _csv_cell(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(FORMULAS):
        return f"'{cell}"
    return "" if cell is None else cell


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else str(value)
