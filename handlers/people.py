"""Finds the users that go by the names that commands give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.dataverse.query import Query, any_of
from mappings import tables
from mappings.acting import COLUMNS, NAMES, OBJECT_ID, Acting, Person, id_in
from mappings.row import Row


def questions(acting: Acting, names: Iterable[str]) -> tuple[Query, ...]:
    """What to ask to learn who these are; nothing where it does not matter."""
    asked = sorted({name.strip() for name in names}) if acting.asks_who else []
    ids = [id for name in asked if (id := id_in(name)) is not None]
    words = [name for name in asked if id_in(name) is None]
    by_id = (Query(tables.USER, COLUMNS, any_of(OBJECT_ID, ids)),) if ids else ()
    by_name = tuple(Query(tables.USER, COLUMNS, any_of(column, words)) for column in NAMES) if words else ()
    return (*by_id, *by_name)


def people(answers: Sequence[Sequence[Row]]) -> tuple[Person, ...]:
    """Everybody who was found, each once."""
    found = {row.id: Person(row) for rows in answers for row in rows}
    return tuple(found.values())
