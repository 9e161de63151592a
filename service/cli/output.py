"""Data on stdout as tables or JSON, talk on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns where no terminal says how many there are."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; figures stand on the right."""

    title: str
    justify: Literal["left", "right"] = "left"


def figure(title: str) -> Column:
    """A column of figures."""
    return Column(title, "right")


def money(amount: Decimal, precision: int, code: str) -> str:
    """An amount as people read it: thousands set apart, the currency's own decimals, its code."""
    return f"{amount:,.{precision}f} {code}"


def exact(amount: Decimal, precision: int) -> str:
    """An amount as programs read it: a string with the currency's own decimals."""
    return f"{amount:.{precision}f}"


def show(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], total: Sequence[str] = ()) -> None:
    """Print one table, with its total beneath where there is one. Cells are plain text, whatever stands in them."""
    table = Table(title=title, title_justify="left", title_style="bold", show_footer=bool(total))
    for number, column in enumerate(columns):
        footer = Text(total[number]) if total else ""
        table.add_column(column.title, footer=footer, justify=column.justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def line(text: str, style: str = "") -> None:
    """Print one line of data."""
    console().print(Text(text, style=style), soft_wrap=True)


def console() -> Console:
    """Where data goes. Rich honours ``NO_COLOR`` and a terminal's width by itself."""
    at_terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if at_terminal else WIDE, highlight=False)


def as_json(data: object) -> None:
    """Print data as JSON: amounts and ids as strings, so that no reader rounds them; ASCII, whatever the console."""
    sys.stdout.write(json.dumps(data, indent=2, default=_plain) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Talk to whoever watches."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else str(value)
