"""Asks along with what is wanted now for what will probably be wanted next, so that one request answers both."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import AnyOf, Query
from connector.errors import Misconfigured, Rejected


class AskedAhead:
    """A ``Reader`` for one look at some subjects. ``begin`` it anew for the next: no answer outlives its look.

    A wrong expectation costs room in a request, never an answer: a question is answered from what was asked ahead only
    where that asked for all its columns and all its values; anything else is asked as it stands. Nor does it cost a
    failure: what can't be answered together with it is asked once more without.
    """

    def __init__(self, dataverse: Reader) -> None:
        self._dataverse = dataverse
        self._expected: list[Query] = []
        self._answered: list[tuple[Query, list[Record]]] = []

    def begin(self, answered: Iterable[tuple[Query, list[Record]]] = ()) -> None:
        """Forget what was asked and what was expected; ``answered``: what was read for this very look already."""
        self._expected, self._answered = [], list(answered)

    def expect(self, *questions: Query) -> None:
        """Send these along with the next request, but for what is known; no values to look for are no question."""
        self._expected += [one for one in questions if self._known(one) is None]

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question: those that were not foreseen in one request, together with what is expected next."""
        found = {index: answer for index, one in enumerate(questions) if (answer := self._known(one)) is not None}
        if len(found) < len(questions) and self._expected:
            expected, self._expected = self._expected, []
            now = [n for n, one in enumerate(questions) if n not in found and not _is_in(one, expected)]
            try:
                answers = self._dataverse.query([*(questions[index] for index in now), *expected])
            except (Rejected, Misconfigured):
                # It may be a row that nobody wants: whether anything fails is up to what is wanted, asked for alone.
                now, expected, answers = [], [], []
            found |= dict(zip(now, answers, strict=False))
            self._answered += zip(expected, answers[len(now) :], strict=True)
            later = [(n, self._known(one)) for n, one in enumerate(questions) if n not in found]
            found |= {index: answer for index, answer in later if answer is not None}
        left = [index for index in range(len(questions)) if index not in found]
        if left:
            found |= dict(zip(left, self._dataverse.query([questions[index] for index in left]), strict=True))
        return [found[index] for index in range(len(questions))]

    def _known(self, question: Query) -> list[Record] | None:
        if isinstance(question.where, AnyOf) and not question.where.values:
            return []
        parts = (_part(question, wide, records) for wide, records in self._answered)
        return next((part for part in parts if part is not None), None)


def _is_in(question: Query, expected: Sequence[Query]) -> bool:
    return any(_part(question, wide, ()) is not None for wide in expected)


def _part(question: Query, wide: Query, records: Sequence[Record]) -> list[Record] | None:
    """Those of the records behind ``wide`` that the question asks for; ``None`` where nobody can tell."""
    if (wide.table, wide.top, tuple(wide.order_by)) != (question.table, question.top, tuple(question.order_by)):
        return None
    if wide.top is not None or not set(question.select) <= set(wide.select):
        return None
    if wide.where == question.where:
        return list(records)
    if not isinstance(wide.where, AnyOf) or not isinstance(question.where, AnyOf):
        return None
    column, is_id = wide.where.column, wide.where.column == f"{wide.table}id"
    given, wanted = (frozenset(map(_key, one.where.values)) for one in (wide, question) if isinstance(one.where, AnyOf))
    if question.where.column != column or not (is_id or column in wide.select) or not wanted <= given:
        return None
    keys = [_key(record.row.id if is_id else record[column]) for record in records]
    if not given.issuperset(keys):
        return None
    return [record for key, record in zip(keys, records, strict=True) if key in wanted]


def _key(value: object) -> Hashable:
    """What Dataverse compares: a lookup by its id, text without regard to letter case and blanks behind it."""
    if isinstance(value, Reference):
        return value.id
    if isinstance(value, str):
        return value.casefold().rstrip(" ")
    return value if isinstance(value, UUID | int | None) else str(value)
