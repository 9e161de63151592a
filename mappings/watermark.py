"""How far everything has been looked at: until when, with which tokens of changes, and what was left open then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from mappings.keys import NAMESPACE
from mappings.tables import Ref

MOST_OPEN = 2000
"""Subjects that are kept as left open; with more, ``until`` stays where it was: the same window is looked at again."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Everything changed before ``until`` has been looked at; ``open`` must be looked at again all the same.

    ``tokens``: by table, what its changes are asked for with.
    """

    until: datetime
    tokens: Mapping[str, str]
    open: tuple[Ref, ...] = ()

    def plain(self) -> dict[str, object]:
        """As it is kept."""
        return {
            "until": self.until.isoformat(),
            "tokens": dict(self.tokens),
            "open": sorted([one.table, str(one.id)] for one in self.open),
        }


def watermark(kept: object) -> Watermark | None:
    """As it was kept; ``None`` for what an unknown version kept: then everything is looked at anew."""
    if not isinstance(kept, dict):
        return None
    try:
        return Watermark(
            datetime.fromisoformat(kept["until"]),
            {str(table): str(token) for table, token in kept["tokens"].items()},
            tuple(Ref(str(table), UUID(id)) for table, id in kept["open"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def watermark_id(name: str) -> UUID:
    """The id of the row that keeps the mark of this name."""
    return uuid5(NAMESPACE, f"watermark/{name}")


def look_id(run: datetime, subject: Ref) -> UUID:
    """The id of the message by which a run has a subject looked at: sent twice, it arrives once."""
    return uuid5(NAMESPACE, f"look/{run.isoformat()}/{subject.table}/{subject.id}")
