"""Rows as people name them: by id, or by the name that stands on their form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of, either
from handlers.reading import ask
from mappings import tables
from service.names import NAMED

NAMEABLE: Mapping[str, tuple[str, ...]] = {
    "customer": ("account", "contact"),
    "project": (tables.PROJECT,),
    "resource": (tables.RESOURCE,),
    "role": ("bookableresourcecategory",),
    "owner": ("systemuser", "team"),
}
"""What can be named → the tables its rows live in."""


class NoSuchRow(Exception):
    """Names lead to no row, or to several; the message has a line for each that says what to do."""


def ids_named(dataverse: Reader, what: str, names: Sequence[str]) -> tuple[UUID, ...]:
    """The id behind each name, in order. Raises ``NoSuchRow``."""
    if not names:
        return ()
    found: dict[UUID, str] = {}
    ids = [id for name in names if (id := _as_id(name)) is not None]
    texts = [name.strip() for name in names if _as_id(name) is None]
    questions = [
        Query(table, (NAMED[table],), either(any_of(f"{table}id", ids), any_of(NAMED[table], texts)))
        for table in NAMEABLE[what]
    ]
    for question, answer in zip(questions, ask(dataverse, *questions), strict=True):
        found |= {row.id: row.text(question.select[0]) or "" for row in answer}
    fitting = {name: _fitting(name, found) for name in names}
    if faults := [_fault(what, name, some) for name, some in fitting.items() if len(some) != 1]:
        raise NoSuchRow("\n".join(faults))
    return tuple(dict.fromkeys(some[0] for some in fitting.values()))


def _fitting(name: str, found: Mapping[UUID, str]) -> list[UUID]:
    id = _as_id(name)
    if id is not None:
        return [id] if id in found else []
    wanted = name.strip().casefold()
    return sorted(one for one, text in found.items() if text.strip().casefold() == wanted)


def _fault(what: str, name: str, fitting: Sequence[UUID]) -> str:
    if not fitting:
        return f"There is no {what} {name!r}, or it is not shared with this service."
    return f"{name!r} names several rows; say which {what} by its id: {', '.join(map(str, fitting))}."


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name.strip())
    except ValueError:
        return None
