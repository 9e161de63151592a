"""Runs as they are recorded: begun, carried on, ended, listed and shown, from the rows the runs themselves wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from connector.dataverse.access import Dataverse, Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Query, equals
from connector.errors import Conflict, ConnectorError
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.fixed_point import Settled, Unsettled
from handlers.invoice_runs import RunFacts
from handlers.reading import ask
from handlers.run_attempts import attempts_of
from handlers.run_end import CALLED
from mappings import keys, tables
from mappings.invoice_run import Due, Outcome, Preview, contracts_in, outcome, word_of
from mappings.messages import CreateManyInvoices
from mappings.row import Row
from service.app import App
from service.contracts import Contract, contracts_of
from service.invoice_runs import Invoiced, Run, told
from service.unreadable import FAILURES

LATEST = 20
"""Runs that a list shows unless told otherwise."""
LOOKS = 3
"""How often the end of a run is written when somebody else ends it at the same moment."""

WITHDRAWN = "The call came to nothing; it is made again when the run is resumed."


class NoSuchRun(Exception):
    """No run was recorded under this id, or none that can be read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as its row tells of it; ``ended`` counts contracts by their outcome, as far as the run told.

    ``confirmed``: a person saw how much was ``expected`` of it. ``untold``: contracts whose events could not be sent.
    Of one that is not readable nothing but who asked, and when, is told.
    """

    id: UUID
    asked_on: datetime
    requested_by: str
    contracts: tuple[UUID, ...]
    expected: dict[str, Any]
    confirmed: bool
    is_done: bool
    ended: dict[str, int]
    failed: dict[UUID, tuple[Outcome, str]]
    untold: int = 0
    is_readable: bool = True

    @property
    def left(self) -> int:
        """Contracts that resuming the run would have a look at."""
        final = sum(count for word, count in self.ended.items() if Outcome(word).is_final)
        return len(self.contracts) - final


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run to be carried on. ``due``: what is left of it as things stand; ``over``: what of that is above a ceiling
    and more than a person saw when the run was begun.
    """

    record: Recorded
    run: Run
    due: Preview
    over: tuple[str, ...]


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
            return Run(asked.command, contracts, asked.requested_by, quiet, confirmed=asked.confirmed)


def resumed(app: App, id: UUID, *, confirmed: bool) -> Resumed:
    """A run to be carried on; ``confirmed``: whatever it is by now. Raises ``NoSuchRun``, ``ConnectorError``."""
    run = recorded(app.dataverse, id)
    attempts = attempts_of(id, run.contracts, app.dataverse)
    known = {one.id: one for one in contracts_of(app.dataverse, run.contracts)}
    missing = [Contract(id, "", f"{tables.CONTRACT}({id})", "", 2) for id in run.contracts if id not in known]
    contracts = [known[id] for id in run.contracts if id in known]
    ended = {id: one for id, one in attempts.items() if one.is_done}
    again = {id: one.generation + one.is_refused for id, one in attempts.items()}
    done = frozenset(id for id, one in ended.items() if not one.is_refused)
    left = tuple(one.id for one in contracts if one.id not in done)
    facts = RunFacts(None)
    if left:
        facts = preview(app, CreateManyInvoices(command=id, requested_by=run.requested_by, contracts=left))
    brought = [_brought(one, ended[one.id].outcome) for one in contracts if one.id in done]
    is_known = confirmed or (run.confirmed and facts.preview.is_within(run.expected, brought))
    carried_on = Run(id, [*contracts, *missing], run.requested_by, done, again, confirmed=is_known)
    return Resumed(run, carried_on, facts.preview, () if is_known else facts.over)


def _brought(contract: Contract, outcome: dict[str, Any]) -> Due:
    """What the run's command called for, of what a person saw when the run was begun."""
    total = Decimal(str(outcome.get("expected_total", 0)))
    return Due(contract.id, int(outcome.get("rows", 0)), total, contract.currency, contract.precision)


def end(dataverse: Dataverse, run: Run, ended: Sequence[Invoiced]) -> ConnectorError | None:
    """Write down what came of a run, now or before; what can't be written is returned."""
    id, now = run.id, {one.contract.id: (one.outcome, one.because) for one in ended}
    is_open = any(one.open for one in ended)
    failure: ConnectorError | None = None
    for _ in range(LOOKS):
        try:
            before = attempts_of(id, [one.id for one in run.contracts if one.id not in now], dataverse)
        except ConnectorError as error:
            failure = error
            break
        every = now | {id: (word_of(one.outcome), one.because) for id, one in before.items() if one.is_ended}
        left = [(id, word, why) for id, (word, why) in every.items() if not word.is_final]
        untold = sum(bool(one.untold) for one in ended)
        told = outcome(len(run.contracts), Counter(word for word, _ in every.values()), left, untold)
        # As long as others may be at it, whoever looks for the end of a run by message has the last word.
        state = State.DONE if told["outcome"] == "done" and not is_open else State.RESOLVED
        (result,) = dataverse.commit([ChangeSet((command_record.turned(_row(dataverse, id), state, told),))])
        failure = result if isinstance(result, ConnectorError) else None
        if not isinstance(failure, Conflict):
            break
    return failure


def recorded(dataverse: Reader, id: UUID) -> Recorded:
    """One run. Raises ``NoSuchRun``."""
    row = _row(dataverse, id)
    try:
        return _recorded(row)
    except FAILURES as error:
        raise NoSuchRun(f"What was recorded of run {id} in {row.ref} can't be read; somebody changed it.") from error


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
    return [_told(row) for row in found]


def shown(dataverse: Reader, id: UUID) -> tuple[Recorded, list[Invoiced], list[Contract]]:
    """A run, what came of its contracts, and those of which nothing is recorded. Raises ``NoSuchRun``."""
    run = recorded(dataverse, id)
    attempts = attempts_of(id, run.contracts, dataverse)
    by_id = {one.id: one for one in contracts_of(dataverse, run.contracts)}
    ended: list[Invoiced] = []
    open: list[Contract] = []
    for contract_id in run.contracts:
        contract = by_id.get(contract_id, Contract(contract_id, "", f"{tables.CONTRACT}({contract_id})", "", 2))
        attempt = attempts.get(contract_id)
        command = keys.run_command_id(id, contract_id, attempt.generation if attempt else 0)
        if attempt is not None and attempt.is_ended:
            ended.append(told(contract, command, attempt.outcome))
        elif contract_id in run.failed:
            word, because = run.failed[contract_id]
            ended.append(Invoiced(contract, command, word, because=because))
        elif attempt is not None and attempt.state is not State.WITHDRAWN:
            ended.append(Invoiced(contract, command, Outcome.RUNNING, because=CALLED))
        elif attempt is not None:
            ended.append(Invoiced(contract, command, Outcome.FAILED, because=f"{attempt.because} {WITHDRAWN}".strip()))
        else:
            open.append(contract)
    return run, ended, open


def _row(dataverse: Reader, id: UUID) -> Row:
    wanted = equals(f"{tables.COMMAND}id", keys.run_row_id(id))
    (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    if not found:
        raise NoSuchRun(f"{id} is no run that was recorded here. `psa-connector invoice runs list` shows the latest.")
    return found[0]


def _told(row: Row) -> Recorded:
    """The run, or that its row can't be read: one that somebody changed hides none of the others."""
    try:
        return _recorded(row)
    except FAILURES:
        who = row.text("psac_requestedby") or ""
        return Recorded(row.id, _asked_on(row), who, (), {}, False, False, {}, {}, is_readable=False)


def _recorded(row: Row) -> Recorded:
    asked = cast(dict[str, Any], command_record.selection_of(row))
    brought = cast(dict[str, Any], command_record.outcome_of(row))
    return Recorded(
        UUID(asked["run"]),
        _asked_on(row),
        row.text("psac_requestedby") or "",
        contracts_in(asked),
        dict(asked["expected"]),
        bool(asked.get("confirmed", False)),
        brought.get("outcome") == "done",
        dict(brought.get("ended", {})),
        {UUID(id): (Outcome(word), because) for id, (word, because) in brought.get("failed", {}).items()},
        brought.get("untold", 0),
    )


def _asked_on(row: Row) -> datetime:
    if (asked_on := row.instant("createdon")) is None:
        raise TypeError(f"{row.ref}: createdon is empty.")
    return asked_on
