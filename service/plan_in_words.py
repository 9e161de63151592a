"""A decision as a dry run shows it: why, and every change it would commit, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from connector.dataverse.changes import Call, Change, Create, Reference, Update, Value
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refuse


@dataclass(frozen=True, slots=True)
class InWords:
    """``because`` is the decision's own sentence; without ``changes`` nothing would be written."""

    because: str
    changes: tuple[str, ...] = ()


def in_words(decision: Decision) -> InWords:
    """The decision in words."""
    match decision:
        case Plan(because, change_sets):
            return InWords(because, tuple(_change(change) for one in change_sets for change in one.changes))
        case Refuse(code, sentence):
            return InWords(f"{sentence} ({code})")
        case NothingToDo() | NotYet():
            return InWords(decision.because)
        case _:
            assert_never(decision)


def _change(change: Change) -> str:
    match change:
        case Create(row, values):
            return f"create {row}{_values(values)}"
        case Update(row, values):
            return f"change {row}{_values(values)}"
        case Call(action, bound_to, parameters):
            return f"call {action} on {bound_to}{_values(_of_one(parameters))}"
        case _:
            assert_never(change)


def _of_one(parameters: Mapping[str, Value | tuple[Reference, ...]]) -> dict[str, Value]:
    """The parameters that hold one value; the rows in lists are told by the row the call is about."""
    return {name: value for name, value in parameters.items() if not isinstance(value, tuple)}


def _values(values: Mapping[str, Value]) -> str:
    said = ", ".join(f"{column} = {value}" for column, value in values.items() if value is not None)
    return f": {said}" if said else ""
