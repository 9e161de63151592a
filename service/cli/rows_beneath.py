"""The rows that a part names, beneath the table: a name, what is said of it, and the address that opens it."""

from __future__ import annotations

from collections.abc import Iterable

from service.cli.output import line
from service.reconcile_report import link
from service.status.part import Part, State


def beneath(parts: Iterable[Part], url: str) -> None:
    """The first rows of whatever needs a person; an address is longer than a column may be."""
    for part in parts:
        if part.state is State.ATTENTION:
            for one in part.rows:
                line(f"{part.key}: {one.name}{f'. {one.why}' if one.why else ''}")
                line(f"  {link(url, one.row)}")
