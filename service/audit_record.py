"""What the record of one command tells: what it was about, and what came of each row or contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connector.dataverse.access import Reader
from handlers.command_record import Kind
from handlers.marking_record import outcome_in
from handlers.run_attempts import attempts_of
from mappings import tables
from mappings.backlog import Backlog
from mappings.invoice_run import word_of
from mappings.marking import Mark
from mappings.row import Row

INVOICING, RUNNING, SWEEPING = "create-invoices", "create-many-invoices", "create-due-invoices"
REPLAYING, DISCARDING = "replay-dead-letters", "discard-dead-letters"
PAUSING, RESUMING = "pause", "resume"
COMMANDED = "commanded"
"""A contract that a run or sweep had a command for, as long or as far as nothing else is told of it there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What came of one row: the outcome's word, its status before and after, and why where it is told.

    Of runs and sweeps the rows are contracts; ``was`` is then the day one was due, ``to`` its invoices.
    """

    row: UUID
    outcome: str
    was: str = ""
    to: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What a record is about; ``words``: how many rows ended how, where not every row tells it."""

    kind: str
    what: str
    changes: tuple[Change, ...]
    words: Mapping[str, int] | None = None


def about(record: Row, selection: dict[str, Any], outcome: dict[str, Any], attempts: Reader | None) -> About:
    """It from the record's selection and outcome; ``attempts``: where a run's contracts are looked up, if they are."""
    subject = record.text("psac_subject") or ""
    match record.text("psac_kind"):
        case Kind.ATTEMPT:
            return About(INVOICING, f"{tables.CONTRACT}({subject})", _invoiced(UUID(subject), selection, outcome))
        case Kind.RUN:
            changes = _run(UUID(subject), selection, outcome, attempts)
            return About(RUNNING, _many(len(changes)), changes, outcome.get("ended", {}))
        case Kind.SWEEP:
            _, until, count = subject.split(" ")
            until = outcome.get("until") or selection.get("until") or until
            many = "all contracts" if count == "all" else _many(int(count))
            return About(SWEEPING, f"due {until}, {many}", _swept(selection, outcome))
        case Kind.REPLAY:
            return About(REPLAYING, subject, _letters(selection, outcome, "sent-again"))
        case Kind.DISCARD:
            because = selection.get("reason", "")
            return About(DISCARDING, f"{subject}: {because}", _letters(selection, outcome, "discarded"))
        case Kind.PAUSE:
            until = f" until {selection['until']}" if selection.get("until") else ""
            return About(PAUSING, f"{subject}{until}: {selection.get('reason', '')}", ())
        case Kind.RESUME:
            return About(RESUMING, subject, ())
    kind, _, backlog = subject.partition(" ")
    return About(kind, backlog, _marked(record, selection, outcome))


def _many(contracts: int) -> str:
    return "1 contract" if contracts == 1 else f"{contracts} contracts"


def _marked(record: Row, selection: dict[str, Any], outcome: dict[str, Any]) -> tuple[Change, ...]:
    """Row by row; while nothing has come of it yet, what was chosen."""
    kind, _, name = (record.text("psac_subject") or "").partition(" ")
    backlog, mark = Backlog(name), Mark(kind)
    if not outcome:
        chosen = selection.get("rows", ())
        return tuple(Change(UUID(id), "chosen", _word(backlog, was[0]) if was else "") for id, _, *was in chosen)
    told, to = outcome_in(outcome), _word(backlog, mark.writes(backlog))
    return (
        *(Change(id, mark.done, _word(backlog, told.was.get(id)), to) for id in told.done),
        *(Change(id, "already", to, to) for id in told.already),
        *(Change(id, "refused", why=why) for id, why in told.refused.items()),
        *(Change(id, "changed", why=why) for id, why in told.changed.items()),
    )


def _invoiced(contract: UUID, selection: dict[str, Any], outcome: dict[str, Any]) -> tuple[Change, ...]:
    """The rows that were ready when the invoice was called for, and the invoices that came of it.

    Of a command that called for none the contract tells why.
    """
    numbers, because = _numbers(outcome), str(outcome.get("because", ""))
    if because and not selection.get("rows"):
        return (Change(contract, str(outcome.get("outcome", "refused")), why=because),)
    word, why = ("invoiced", "") if numbers else ("chosen", because)
    return tuple(Change(UUID(id), word, "ready", numbers, why) for _, id in selection.get("rows", ()))


def _run(id: UUID, selection: dict[str, Any], outcome: dict[str, Any], dataverse: Reader | None) -> tuple[Change, ...]:
    """What came of each contract: by its own attempt where those are asked for, else as far as the run tells."""
    contracts = [UUID(one) for one in selection.get("contracts", ())]
    attempts = {} if dataverse is None else attempts_of(id, contracts, dataverse)
    left = outcome.get("failed", {})
    changes: list[Change] = []
    for one in contracts:
        attempt = attempts.get(one)
        if attempt is not None and attempt.is_ended:
            word, to = word_of(attempt.outcome), _numbers(attempt.outcome)
            changes.append(Change(one, word, to=to, why=attempt.because))
        else:
            word, why = left.get(str(one), (COMMANDED, ""))
            changes.append(Change(one, word, why=why))
    return tuple(changes)


def _swept(selection: dict[str, Any], outcome: dict[str, Any]) -> tuple[Change, ...]:
    """What came of each contract and day; while nothing has yet, what was found due. And what could not be invoiced."""
    if not outcome:
        return tuple(Change(UUID(contract), COMMANDED, day) for contract, day, _ in selection.get("runs", ()))
    return (
        *(
            Change(UUID(run["contract"]), run["outcome"], run["day"], _numbers(run), str(run.get("because", "")))
            for run in outcome.get("runs", ())
        ),
        *(Change(UUID(one["row"]), "unfit", one["day"], why=one["why"]) for one in outcome.get("unfit", ())),
    )


def _letters(selection: dict[str, Any], outcome: dict[str, Any], done: str) -> tuple[Change, ...]:
    """What came of each dead letter; the row is the one it was about, where it named one."""
    left = outcome.get("left", {})
    return tuple(
        Change(
            UUID(one.get("id") or one.get("command") or one["copy"]),
            left.get(one["name"], done) if outcome else "chosen",
            one["code"],
            why=", ".join(one[word] for word in ("name", "person", "requested_by", "project", "day") if word in one),
        )
        for one in selection.get("letters", ())
    )


def _numbers(outcome: Mapping[str, Any]) -> str:
    return ", ".join(str(one.get("number") or one["id"]) for one in outcome.get("invoices", ()))


def _word(backlog: Backlog, status: int | None) -> str:
    if status == backlog.ready:
        return "ready"
    return "open" if status in backlog.open_statuses else str(status)
