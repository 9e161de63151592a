"""Carries out commands to mark rows in turn, so that no more rows are held than one command may select."""

from __future__ import annotations

from collections.abc import Iterable

from connector.errors import Transient
from handlers.fixed_point import READ_REFUSED, READING, FixedPoint, Outcome, Unsettled
from handlers.readiness import MOST_ROWS, ReadinessHandler
from mappings.messages import Marking


def settle_in_turn(
    commands: Iterable[Marking], handler: ReadinessHandler, fixed_point: FixedPoint
) -> dict[Marking, Outcome]:
    """What came of each. When nothing can be read for the moment, that is found out once for all that are left."""
    outcomes: dict[Marking, Outcome] = {}
    down: Transient | None = None
    for lot in turns(commands):
        if down is not None:
            outcomes |= {command: Unsettled(down, operations=READING) for command in lot}
            continue
        found = fixed_point.settle(handler, lot)
        outcomes |= found
        down = next((failure for one in found.values() if (failure := _down(one)) is not None), None)
    return outcomes


def turns(commands: Iterable[Marking]) -> list[list[Marking]]:
    """Commands in their order, in lots that are carried out one after the other.

    Those that name few rows go together, in few requests. How many rows a contract or a filter selects nobody knows
    before they are read, so such a command goes alone.
    """
    lots: list[list[Marking]] = []
    room = 0
    for command in commands:
        size = len(command.rows) or MOST_ROWS
        if size > room:
            lots.append([])
            room = MOST_ROWS
        lots[-1].append(command)
        room -= size
    return lots


def _down(outcome: Outcome) -> Transient | None:
    """What kept anything from being read, where what was asked has nothing to do with it."""
    if not isinstance(outcome, Unsettled) or outcome.operations != READING:
        return None
    failure = outcome.failure
    return failure if isinstance(failure, Transient) and failure.code != READ_REFUSED else None
