"""Runs as they are recorded: begun, carried on, ended, listed and shown, from the rows the runs themselves wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from connector.dataverse.access import Dataverse, Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Query, any_of, equals
from connector.errors import Conflict, ConnectorError
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.fixed_point import Settled, Unsettled
from handlers.invoice_runs import RunFacts
from handlers.reading import ask
from mappings import keys, tables
from mappings.invoice_run import Outcome, contracts_in, may_be_tried_again, outcome
from mappings.messages import CreateManyInvoices
from mappings.row import Row
from service.app import App
from service.contracts import Contract, contracts_of
from service.invoice_runs import Invoiced, Run, told

LATEST = 20
"""Runs that a list shows unless told otherwise."""
CHUNK = 500
"""Attempts that are read together."""
LOOKS = 3
"""How often the end of a run is written when somebody else ends it at the same moment."""


CALLED = "The call was made; what came of it is looked up when the run is resumed."


class NoSuchRun(Exception):
    """No run was recorded under this id."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as its row tells of it; ``ended`` counts contracts by their outcome, as far as the run told."""

    id: UUID
    asked_on: datetime
    requested_by: str
    contracts: tuple[UUID, ...]
    expected: dict[str, Any]
    is_done: bool
    ended: dict[str, int]
    failed: dict[UUID, tuple[Outcome, str]]

    @property
    def left(self) -> int:
        """Contracts that resuming the run would have a look at."""
        final = sum(count for word, count in self.ended.items() if Outcome(word).is_final)
        return len(self.contracts) - final


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a run's command on a contract recorded; ``generation``: how many before it were refused."""

    generation: int
    is_done: bool
    outcome: dict[str, Any]

    @property
    def is_refused(self) -> bool:
        """Nothing can come of it any more, and another may be made."""
        return self.is_done and may_be_tried_again(self.outcome)


def preview(app: App, asked: CreateManyInvoices) -> RunFacts:
    """What a run would bring as things stand; nothing is written. Raises ``ConnectorError``."""
    as_dry_run = asked.model_copy(update={"dry_run": True})
    return app.mission.runs.gather([as_dry_run], app.dataverse)[as_dry_run]


def begin(app: App, asked: CreateManyInvoices, facts: RunFacts, contracts: Sequence[Contract]) -> Run:
    """Write the run down. Raises ``ConnectorError``: without a record nothing is begun."""
    (end,) = app.fixed_point.settle(app.mission.runs, [asked]).values()
    match end:
        case Unsettled(failure=failure):
            raise failure
        case Settled():
            quiet = frozenset(one.contract for one in facts.preview.due if not one.rows)
            return Run(asked.command, contracts, asked.requested_by, quiet)


def resumed(app: App, id: UUID) -> tuple[Recorded, Run]:
    """A run to be carried on. Raises ``NoSuchRun``, ``ConnectorError``."""
    run = recorded(app.dataverse, id)
    attempts = _attempts(app.dataverse, run)
    known = {one.id: one for one in contracts_of(app.dataverse, run.contracts)}
    missing = [Contract(id, "", f"{tables.CONTRACT}({id})", "", 2) for id in run.contracts if id not in known]
    contracts = [known[id] for id in run.contracts if id in known]
    ended = {id: one for id, one in attempts.items() if one.is_done}
    again = {id: one.generation + one.is_refused for id, one in attempts.items()}
    done = frozenset(id for id, one in ended.items() if not one.is_refused)
    return run, Run(id, [*contracts, *missing], run.requested_by, done, again)


def end(dataverse: Dataverse, id: UUID, contracts: int, ended: Iterable[Invoiced]) -> ConnectorError | None:
    """Write down what came of a run, or of this part of it; what can't be written is returned."""
    found = list(ended)
    counts = Counter(one.outcome for one in found)
    left = [(one.contract.id, one.outcome, one.because) for one in found if not one.outcome.is_final]
    told = outcome(contracts, counts, left)
    failure: ConnectorError | None = None
    for _ in range(LOOKS):
        (result,) = dataverse.commit([ChangeSet((command_record.finished(_row(dataverse, id), told),))])
        failure = result if isinstance(result, ConnectorError) else None
        if not isinstance(failure, Conflict):
            break
    return failure


def recorded(dataverse: Reader, id: UUID) -> Recorded:
    """One run. Raises ``NoSuchRun``."""
    return _recorded(_row(dataverse, id))


def latest(dataverse: Reader, most: int = LATEST) -> list[Recorded]:
    """The runs, the newest first."""
    wanted = Query(
        tables.COMMAND,
        command_record.COLUMNS,
        equals("psac_kind", Kind.RUN),
        order_by=("createdon desc",),
        top=most,
    )
    (found,) = ask(dataverse, wanted)
    return [_recorded(row) for row in found]


def shown(dataverse: Reader, id: UUID) -> tuple[Recorded, list[Invoiced], list[Contract]]:
    """A run, what came of its contracts, and those of which nothing is recorded. Raises ``NoSuchRun``."""
    run = recorded(dataverse, id)
    attempts = _attempts(dataverse, run)
    by_id = {one.id: one for one in contracts_of(dataverse, run.contracts)}
    ended: list[Invoiced] = []
    open: list[Contract] = []
    for contract_id in run.contracts:
        contract = by_id.get(contract_id, Contract(contract_id, "", f"{tables.CONTRACT}({contract_id})", "", 2))
        attempt = attempts.get(contract_id)
        command = keys.run_command_id(id, contract_id, attempt.generation if attempt else 0)
        if attempt is not None and attempt.outcome:
            ended.append(told(contract, command, attempt.outcome))
        elif attempt is not None:
            ended.append(Invoiced(contract, command, Outcome.IN_DOUBT, because=CALLED))
        elif contract_id in run.failed:
            word, because = run.failed[contract_id]
            ended.append(Invoiced(contract, command, word, because=because))
        else:
            open.append(contract)
    return run, ended, open


def _row(dataverse: Reader, id: UUID) -> Row:
    wanted = equals(f"{tables.COMMAND}id", keys.run_row_id(id))
    (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    if not found:
        raise NoSuchRun(f"{id} is no run that was recorded here. `psa-connector invoice runs list` shows the latest.")
    return found[0]


def _recorded(row: Row) -> Recorded:
    asked = cast(dict[str, Any], command_record.selection_of(row))
    brought = cast(dict[str, Any], command_record.outcome_of(row))
    asked_on = row.instant("createdon")
    if asked_on is None:
        raise TypeError(f"{row.ref}: createdon is empty.")
    return Recorded(
        UUID(asked["run"]),
        asked_on,
        row.text("psac_requestedby") or "",
        contracts_in(asked),
        asked["expected"],
        brought.get("outcome") == "done",
        brought.get("ended", {}),
        {UUID(id): (Outcome(word), because) for id, (word, because) in brought.get("failed", {}).items()},
    )


def _attempts(dataverse: Reader, run: Recorded) -> dict[UUID, Attempt]:
    """The latest attempt of a run on each contract that has one."""
    latest: dict[UUID, Attempt] = {}
    wanted, generation = list(run.contracts), 0
    while wanted:
        found = _of_generation(dataverse, run.id, wanted, generation)
        latest |= found
        wanted, generation = [id for id, one in found.items() if one.is_refused], generation + 1
    return latest


def _of_generation(dataverse: Reader, run: UUID, contracts: Sequence[UUID], generation: int) -> dict[UUID, Attempt]:
    ids = {keys.attempt_id(one, keys.run_command_id(run, one, generation)): one for one in contracts}
    every = sorted(ids)
    found: list[Row] = []
    for begin in range(0, len(every), CHUNK):
        wanted = any_of(f"{tables.COMMAND}id", every[begin : begin + CHUNK])
        found += ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))[0]
    return {
        ids[row.id]: Attempt(generation, command_record.state_of(row) is State.DONE, command_record.outcome_of(row))
        for row in found
    }
