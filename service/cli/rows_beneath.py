"""What to type, and the rows that a part names, beneath the table: commands are copied, and addresses opened."""

from __future__ import annotations

from collections.abc import Iterable

from service.cli.output import line
from service.reconcile_report import link
from service.status.part import Part, State


def beneath(parts: Iterable[Part], url: str) -> None:
    """Of every part that is not well what to type; of those that need a person, the first rows."""
    for part in parts:
        if part.state is State.OK:
            continue
        if part.next:
            line(f"{part.key}: {part.next}")
        if part.state is State.ATTENTION:
            for one in part.rows:
                line(f"  {one.name}{f'. {one.why}' if one.why else ''}")
                line(f"  {link(url, one.row)}")
