"""Tables whose rows tie one thing to another, as the product version at hand has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from connector.dataverse.query import Query, any_of
from mappings.profile import Tie
from mappings.row import Row


def ties(tie: Tie, left: Iterable[UUID]) -> Query:
    """The rows that tie these things to whatever it is."""
    return Query(tie.table, tie.columns, any_of(tie.left, sorted(set(left))))


def tied(rows: Iterable[Row], tie: Tie) -> dict[UUID, frozenset[UUID]]:
    """What each thing is tied to."""
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        left, right = _id(row, tie.left), _id(row, tie.right)
        if left is not None and right is not None:
            found[left].add(right)
    return {left: frozenset(right) for left, right in found.items()}


def billing_types(rows: Iterable[Row], tie: Tie) -> dict[tuple[UUID, UUID], int | None]:
    """What each pair says about charging the one on the other; nothing where the table has no column for it."""
    column = tie.billing_type
    pairs = ((row, _id(row, tie.left), _id(row, tie.right)) for row in rows)
    return {(left, right): row.choice(column) for row, left, right in pairs if column and left and right}


def _id(row: Row, column: str) -> UUID | None:
    """An id, whether the column is a lookup or, as in the table behind a many-to-many relationship, a bare id."""
    cell = row.cells.get(column)
    return cell if isinstance(cell, UUID) else row.link_id(column)
