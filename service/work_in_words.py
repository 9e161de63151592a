"""Whose work an actual stands for, in words: an actual made from a time entry seldom has a description of its own."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers.reading import ask
from mappings import tables

NAMED = {
    "msdyn_bookableresource": (tables.RESOURCE, "name"),
    "msdyn_resourcecategory": ("bookableresourcecategory", "name"),
    "msdyn_transactioncategory": ("msdyn_transactioncategory", "msdyn_name"),
    "msdyn_project": (tables.PROJECT, "msdyn_subject"),
}
"""What an actual is about, by column, in the order it is said: resource, role, category, project."""


def works(dataverse: Reader, actuals: Iterable[UUID]) -> dict[UUID, str]:
    """For each of these actuals: resource, role, category and project by name. Two requests, however many there are."""
    ids = sorted(set(actuals))
    if not ids:
        return {}
    (found,) = ask(dataverse, Query(tables.ACTUAL, tuple(NAMED), any_of("msdyn_actualid", ids)))
    wanted = {column: {id for one in found if (id := one.link_id(column))} for column in NAMED}
    columns = [column for column in NAMED if wanted[column]]
    answers = ask(dataverse, *(_names(*NAMED[column], wanted[column]) for column in columns)) if columns else []
    names: dict[UUID | None, str] = {
        named.id: named.text(NAMED[column][1]) or ""
        for column, answer in zip(columns, answers, strict=True)
        for named in answer
    }
    return {one.id: ", ".join(said for column in NAMED if (said := names.get(one.link_id(column)))) for one in found}


def _names(table: str, column: str, ids: Iterable[UUID]) -> Query:
    return Query(table, (column,), any_of(f"{table}id", sorted(ids)))
