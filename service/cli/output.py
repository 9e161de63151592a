"""Data on stdout as tables or JSON, talk on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.cannot_write import CannotWrite

WIDE = 160
"""Columns where no terminal says how many there are."""
NARROWEST = 8
"""Characters below which text that wraps is no longer read."""
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
    Cells are plain text, whatever stands in them. Where a terminal is too narrow to leave ids and figures whole, each
    row becomes a paragraph with a line per cell.
    """
    cells = [tuple(map(plain, row)) for row in rows]
    with writing():
        out = console()
        if title:
            out.print(Text(plain(title), style="bold"), soft_wrap=True)
        if not cells:
            out.print(Text(empty), soft_wrap=True)
        elif _needed(columns, [*cells, total] if total else cells) <= out.width:
            out.print(_table(columns, cells, total))
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


def _needed(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """The least width at which everything whole stays whole and the rest can be read."""
    longest = (
        max(cell_len(part) for row in rows for part in row[at].splitlines() or [""]) for at in range(len(columns))
    )
    least = (
        max(len(column.title), width if column.whole else min(width, NARROWEST))
        for column, width in zip(columns, longest, strict=True)
    )
    return sum(width + FRAME for width in least) + 1


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], total: Sequence[str]) -> Table:
    table = Table(show_footer=bool(total))
    for number, column in enumerate(columns):
        footer = Text(total[number]) if total else ""
        table.add_column(column.title, footer=footer, justify=column.justify, overflow="fold", no_wrap=column.whole)
    for row in rows:
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
