"""Carries out commands to mark rows in turn, so that no more rows are held than one command may select.

Where rows can't be read, a cheap look tells whether that is these rows, or nothing can be read for the moment: what one
command selects is no verdict on those behind it. A question that is never answered takes minutes, so whoever is behind
a few of them comes again without them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from connector.errors import Throttled, Transient
from handlers.fixed_point import READ_REFUSED, READING, FixedPoint, Outcome, Unsettled
from handlers.plan import Decision, NothingToDo, Refusals
from handlers.readiness import MOST_ROWS, ReadinessHandler
from handlers.reading import ask
from mappings import tables
from mappings.messages import Marking

MOST_UNREAD, MOST_UNREAD_LOTS = 2, 3
"""Commands that could not be read, and lots of them, alone or together, after which the others come again later.

A question that is never answered is given up after seven and a half minutes, and a delivery must end within thirty.
"""
BEHIND = timedelta(minutes=1)
"""How long they wait: being behind others is no fault of theirs, and no attempt."""


def settle_in_turn(
    commands: Iterable[Marking], handler: ReadinessHandler, fixed_point: FixedPoint
) -> dict[Marking, Outcome]:
    """What came of each. When nothing can be read for the moment, that is found out once for all that are left."""
    outcomes: dict[Marking, Outcome] = {}

    def came_to(found: Mapping[Marking, Outcome]) -> None:
        """Of whom is looked at again: what an earlier write left unsure stays so."""
        for command, outcome in found.items():
            before = outcomes.get(command)
            outcomes[command] = replace(outcome, unsure=outcome.unsure or (before is not None and before.unsure))

    def given_back(failure: Transient) -> None:
        came_to({command: Unsettled(failure, operations=READING) for left in waiting for command in left})

    waiting = deque(turns(commands))
    unread_lots = unread_alone = 0
    while waiting:
        lot = waiting.popleft()
        came_to(fixed_point.settle(handler, lot))
        unread = {command: failure for command in lot if (failure := _unread(outcomes[command])) is not None}
        if not unread:
            continue
        unread_lots, unread_alone = unread_lots + 1, unread_alone + (len(lot) == 1)
        if len(lot) > 1:
            # It need not be all of them that can't be read.
            waiting.extendleft([command] for command in reversed(unread))
        if not waiting:
            break
        if unread_alone == MOST_UNREAD or unread_lots == MOST_UNREAD_LOTS:
            given_back(Throttled("behind-unread", "Others in front of it could not be read.", BEHIND))
            break
        if (down := _down(next(iter(unread.values())), fixed_point)) is not None:
            given_back(down)
            break
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


class _Look:
    """A handler of nothing: whether the least of all questions is answered."""

    def gather(self, subjects: Sequence[str], dataverse: Reader) -> Mapping[str, None]:
        """Ask for one row."""
        ask(dataverse, Query(tables.COMMAND, ("psac_kind",), top=1))
        return dict.fromkeys(subjects)

    def decide(self, subject: str, facts: None, refusals: Refusals) -> Decision:
        """That it was answered is all."""
        return NothingToDo("Dataverse answers.")


def _down(failure: Transient, fixed_point: FixedPoint) -> Transient | None:
    """What keeps anything from being read, if it does; it may have to do with what was asked just now."""
    if isinstance(failure, Throttled) or failure.code == "unreachable":
        return failure
    (looked,) = fixed_point.settle(_Look(), ["anything"]).values()
    return _unread(looked)


def _unread(outcome: Outcome) -> Transient | None:
    """What kept these rows from being read, where it was no word against the question."""
    if not isinstance(outcome, Unsettled) or outcome.operations != READING:
        return None
    failure = outcome.failure
    return failure if isinstance(failure, Transient) and failure.code != READ_REFUSED else None
