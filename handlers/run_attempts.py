"""What the commands of a run recorded on its contracts: the latest attempt of each, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers import command_record
from handlers.command_record import State
from handlers.given_up import GIVEN_UP
from handlers.reading import ask
from mappings import keys, tables
from mappings.invoice_run import may_be_tried_again
from mappings.row import Row

CHUNK = 500
"""Attempts that are read together."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a run's command on a contract recorded; ``generation``: how many before it came to nothing."""

    generation: int
    state: State
    outcome: dict[str, Any]

    @property
    def is_done(self) -> bool:
        """What came of it is known for good."""
        return self.state is State.DONE

    @property
    def is_ended(self) -> bool:
        """Nothing comes of it any more by itself: it is done, it was given up, or a person has to say."""
        return self.state in (State.DONE, State.IN_DOUBT) or GIVEN_UP in self.outcome

    @property
    def because(self) -> str:
        """Why it came to that, where that is told."""
        return str(self.outcome.get("because", ""))

    @property
    def is_refused(self) -> bool:
        """Nothing can come of it any more, and another may be made."""
        return self.is_done and may_be_tried_again(self.outcome)


def attempts_of(run: UUID, contracts: Sequence[UUID], dataverse: Reader) -> dict[UUID, Attempt]:
    """The latest attempt of a run on each of these contracts that has one. Raises ``ConnectorError``."""
    latest: dict[UUID, Attempt] = {}
    wanted, generation = list(contracts), 0
    while wanted:
        found = _of_generation(run, wanted, generation, dataverse)
        latest |= found
        wanted, generation = [id for id, one in found.items() if one.is_refused], generation + 1
    return latest


def _of_generation(run: UUID, contracts: Sequence[UUID], generation: int, dataverse: Reader) -> dict[UUID, Attempt]:
    ids = {keys.attempt_id(one, keys.run_command_id(run, one, generation)): one for one in contracts}
    every = sorted(ids)
    found: list[Row] = []
    for begin in range(0, len(every), CHUNK):
        wanted = any_of(f"{tables.COMMAND}id", every[begin : begin + CHUNK])
        found += ask(dataverse, Query(tables.COMMAND, ("psac_state", "psac_outcome"), wanted))[0]
    return {
        ids[row.id]: Attempt(generation, command_record.state_of(row), command_record.outcome_of(row)) for row in found
    }
