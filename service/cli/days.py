"""Days and months as people type them; one that is none, or outside of what is worked with, is a usage error."""

from __future__ import annotations

import re
from datetime import date

import typer

from mappings.days import OUTSIDE, may_be_asked


def day(text: str) -> date:
    """A day as 2026-01-31."""
    try:
        read = date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-01-31.") from error
    return _within(read, text)


def first_of(month: str) -> date:
    """The first day of a month as 2026-01."""
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month) is None or month.startswith("0000"):
        raise typer.BadParameter(f"{month!r} is no month; write it as 2026-01.")
    return _within(date.fromisoformat(f"{month}-01"), month)


def _within(day: date, text: str) -> date:
    if not may_be_asked(day):
        raise typer.BadParameter(f"{text!r} {OUTSIDE}.")
    return day
