"""A Dataverse in memory, as the handlers see it: strict where the real one is, and failing on request.

A change set happens all or not at all; a creation fails when the id is taken; an update fails when the ETag is not the
row's; money and quantities are kept in the precision their columns have; only the columns asked for are handed out.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from connector.dataverse.changes import Call, Change, ChangeSet, Committed, Create, Record, Reference, Update, Value
from connector.dataverse.query import All, AnyOf, Compare, Condition, Either, Query
from connector.errors import Conflict, ConnectorError, Rejected, UnknownOutcome

Cells = dict[str, Any]
Action = Callable[["Rows", Reference], Reference | None]
SERVICE = Reference("systemuser", UUID(int=999, version=4))
_MONEY = ("msdyn_price", "msdyn_amount", "msdyn_basisprice", "msdyn_basisamount")
_QUANTITIES = ("msdyn_quantity", "msdyn_basisquantity")
_COMPARE = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}


@dataclass
class Rows:
    """The tables: cells by reference, and each row's version."""

    cells: dict[Reference, Cells] = field(default_factory=dict)
    versions: dict[Reference, int] = field(default_factory=dict)
    now: datetime = datetime(2026, 2, 16, 12, tzinfo=UTC)
    user: Reference = SERVICE
    sequence: int = 1000

    def etag(self, row: Reference) -> str:
        """The version as it is handed out."""
        return f'W/"{self.versions[row]}"'

    def put(self, row: Reference, values: Cells) -> None:
        """Write columns, creating the row where there is none."""
        if row not in self.cells:
            self.cells[row] = {"createdon": self.now, "createdby": self.user}
        stamps = {"modifiedon": self.now, "modifiedby": self.user}
        self.cells[row] |= stamps | {column: _plain(value) for column, value in values.items()}
        self._store_precisely(row)
        self.sequence += 1
        self.versions[row] = self.sequence

    def of(self, table: str) -> dict[Reference, Cells]:
        """All rows of a table."""
        return {row: cells for row, cells in self.cells.items() if row.table == table}

    def _store_precisely(self, row: Reference) -> None:
        cells = self.cells[row]
        currency = self.cells.get(cells.get("transactioncurrencyid") or row, {})
        if row.table == "msdyn_actual" and "currencyprecision" in currency:
            step = Decimal(1).scaleb(-currency["currencyprecision"])
            for columns, by in ((_MONEY, step), (_QUANTITIES, Decimal("0.01"))):
                for column in columns:
                    if cells.get(column) is not None:
                        cells[column] = cells[column].quantize(by, rounding=ROUND_HALF_UP)


@dataclass
class Fault:
    """What goes wrong with the next ``times`` change sets that fit, and whether they are carried out all the same."""

    error: ConnectorError
    fits: Callable[[ChangeSet], bool]
    carried_out: bool
    times: int


class FakeDataverse:
    """Implements ``connector.dataverse.access.Dataverse``."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.actions: dict[str, Action] = {}
        self.faults: list[Fault] = []
        self.query_faults: list[ConnectorError] = []
        self.requests: list[list[Query]] = []
        self.committed: list[ChangeSet] = []
        self.before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []

    # What goes wrong.

    def fail(self, error: ConnectorError, fits: Callable[[ChangeSet], bool] = lambda _: True, times: int = 1) -> None:
        """Nothing is written."""
        self.faults.append(Fault(error, fits, False, times))

    def lose_the_answer(self, fits: Callable[[ChangeSet], bool] = lambda _: True, times: int = 1) -> None:
        """It is written, and nobody is told."""
        self.faults.append(Fault(UnknownOutcome("lost", "The connection was lost."), fits, True, times))

    # What the handlers call.

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question."""
        self.requests.append(list(questions))
        if self.query_faults:
            raise self.query_faults.pop(0)
        return [self._answer(question) for question in questions]

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Carry out change sets one after the other."""
        if self.before_commit:
            self.before_commit.pop(0)()
        outcomes = [self._carry_out(change_set) for change_set in change_sets]
        if self.after_commit:
            self.after_commit.pop(0)()
        return outcomes

    def _carry_out(self, change_set: ChangeSet) -> Committed | ConnectorError:
        fault = next((one for one in self.faults if one.times > 0 and one.fits(change_set)), None)
        if fault is not None:
            fault.times -= 1
            if not fault.carried_out:
                return fault.error
        scratch = copy.deepcopy(self.rows)
        try:
            answers = tuple(self._change(scratch, change) for change in change_set.changes)
        except ConnectorError as refusal:
            return refusal
        self.rows = scratch
        self.committed.append(change_set)
        return fault.error if fault is not None else Committed(answers)

    def _change(self, rows: Rows, change: Change) -> Record | None:
        match change:
            case Create(row, values):
                if row in rows.cells:
                    raise Conflict("already-exists", f"{row} exists.", str(row))
                rows.put(row, dict(values))
            case Update(row, values, etag):
                if row not in rows.cells:
                    raise Rejected("not-found", f"{row} does not exist.")
                if rows.etag(row) != etag:
                    raise Conflict("changed-since", f"{row} was changed since it was read.", str(row))
                rows.put(row, dict(values))
            case Call(action, bound_to):
                made = self.actions[action](rows, bound_to)
                return None if made is None else self._record(rows, made, ())
        return None

    def _answer(self, question: Query) -> list[Record]:
        found = [row for row in self.rows.of(question.table) if self._meets(row, question.where)]
        for key in reversed(question.order_by):
            column, _, direction = key.partition(" ")
            found.sort(key=lambda row: self._place(row, column), reverse=direction == "desc")
        return [self._record(self.rows, row, question.select) for row in found[: question.top]]

    @staticmethod
    def _record(rows: Rows, row: Reference, columns: Sequence[str]) -> Record:
        return Record(row, rows.etag(row), {column: rows.cells[row].get(column) for column in columns})

    def _meets(self, row: Reference, condition: Condition | None) -> bool:
        match condition:
            case None:
                return True
            case All(parts):
                return all(self._meets(row, part) for part in parts)
            case Either(parts):
                return any(self._meets(row, part) for part in parts)
            case AnyOf(column, values):
                return self._value(row, column) in [_comparable(value) for value in values]
            case Compare(column, "eq", value):
                return bool(self._value(row, column) == _comparable(value))
            case Compare(column, "ne", value):
                return bool(self._value(row, column) != _comparable(value))
            case Compare(column, how, value):
                held = self._value(row, column)
                return held is not None and bool(_COMPARE[how](held, _comparable(value)))

    def _place(self, row: Reference, column: str) -> Any:
        """Where a row stands in an order; empty values are the lowest."""
        value = self._value(row, column)
        return (value is not None, value if value is not None else 0)

    def _value(self, row: Reference, column: str) -> Any:
        lookup, _, further = column.partition("/")
        if further:
            target = self.rows.cells[row].get(lookup)
            return None if target not in self.rows.cells else self._value(target, further)
        return row.id if column == f"{row.table}id" else _comparable(self.rows.cells[row].get(column))

    # What the world does beside the service.

    def put(self, row: Reference, **values: Any) -> None:
        """Somebody writes a row."""
        self.rows.put(row, values)

    def get(self, row: Reference) -> Cells:
        """A row's cells."""
        return self.rows.cells[row]

    def later(self, **by: float) -> None:
        """Time passes."""
        self.rows.now += timedelta(**by)

    def writes_to(self, table: str) -> int:
        """How many changes to rows of a table were carried out for the service."""
        changes = [change for change_set in self.committed for change in change_set.changes]
        return sum(1 for change in changes if not isinstance(change, Call) and change.row.table == table)

    def calls(self) -> int:
        """How many calls of an action were carried out for the service."""
        return sum(1 for change_set in self.committed for change in change_set.changes if isinstance(change, Call))


class Stalled:
    """A worker's own line to the same Dataverse, on which something happens between its reading and its commit."""

    def __init__(self, dataverse: FakeDataverse, meanwhile: Callable[[], None]) -> None:
        self._dataverse = dataverse
        self._meanwhile: Callable[[], None] | None = meanwhile

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Read without delay."""
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Let the others go first, once; then commit what was decided before."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return self._dataverse.commit(change_sets)


def touches(table: str) -> Callable[[ChangeSet], bool]:
    """Fits change sets that write to a table."""
    return lambda change_set: any(
        not isinstance(change, Call) and change.row.table == table for change in change_set.changes
    )


def calls_an_action(change_set: ChangeSet) -> bool:
    """Fits change sets that call an action."""
    return any(isinstance(change, Call) for change in change_set.changes)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        raise TypeError("A float is no amount.")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise TypeError("An instant has a zone.")
    if isinstance(value, Enum):
        return value.value
    return value


def _comparable(value: Value) -> Any:
    if isinstance(value, Reference):
        return value.id
    return value.casefold() if isinstance(value, str) else _plain(value)
