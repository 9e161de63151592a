"""Both ways of calling for an invoice, on an environment that takes the one or only the other; and workers that die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from connector.auth import StaticToken
from connector.dataverse.access import Dataverse
from connector.dataverse.changes import Call, ChangeSet, Committed, Record
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from connector.settlement import Settlement
from handlers.invoicing import ACTION
from handlers.recorded import InvoiceCalls, Mode
from mappings.messages import CreateInvoices
from tests.flow.world import World

PATIENCE_IS_OVER = timedelta(minutes=31)


class Killed(BaseException):
    """The worker's process is gone."""


class Office:
    """A world that invoices in one mode; ``recorded``: its environment takes no action inside a change set."""

    def __init__(self, world: World, mode: Mode) -> None:
        self.world, self.mode = world, mode
        world.sandbox.web.organisation.switches.actions_in_change_sets = mode is Mode.FENCE

    def calling(self, dataverse: Dataverse | None = None) -> InvoiceCalls:
        return InvoiceCalls(dataverse or self.world.client, lambda: self.mode)

    def give(self, command: CreateInvoices, dataverse: Dataverse | None = None) -> Settlement:
        """One delivery of a command to a worker."""
        (end,) = self.world.command(command, self.calling(dataverse))
        return end

    def impatient(self) -> DataverseClient:
        """A client that gives an answer up after a third of a second."""
        token = StaticToken(self.world.sandbox.tokens["service"])
        return DataverseClient(self.world.sandbox.dataverse, token, tag="psa-connector", timeout=(5.0, 0.3))

    def lose_the_answer_to_the_call(self) -> None:
        self.world._lost.append(self.world.sandbox.faults.lose_reply(path=r"\$batch", containing=ACTION))


class Dies:
    """A Dataverse whose worker is killed right before, or right after, it commits what ``fits``."""

    def __init__(
        self, dataverse: Dataverse, fits: Callable[[ChangeSet], bool], *, after: bool = False, times: int = 1
    ) -> None:
        self._dataverse, self._fits, self._after, self.left = dataverse, fits, after, times

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        dies = self.left > 0 and any(map(self._fits, change_sets))
        self.left -= dies
        if dies and not self._after:
            raise Killed
        outcomes = self._dataverse.commit(change_sets)
        if dies:
            raise Killed
        return outcomes


def calls(change_set: ChangeSet) -> bool:
    """It calls for an invoice."""
    return any(isinstance(change, Call) for change in change_set.changes)


def records(change_set: ChangeSet) -> bool:
    """It writes an attempt, whether or not it calls in the same breath."""
    first = change_set.changes[0]
    return not isinstance(first, Call) and first.values.get("psac_kind") == "attempt"
