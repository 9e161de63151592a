"""A command's record: that it was given, what it selected, and what came of it, kept where the money is kept.

One table holds these kinds of row. A *command* row says what a command selected and brought; an *attempt* row says that
this command invoiced this contract, and is written in the same change set as the invoice; a *lease* row per contract is
moved on by every attempt, so that two of them can't both succeed; a *claim* row per command is created with its
attempt, so that one id is not called with for two contracts. A *sweep* row says what came of a command to invoice what
is due; a *run* row says which contracts a run invoices. A *replay* or *discard* row says which dead letters a person
sent again or removed, and why. The one *hold* row says whether the running services are paused, a *pause* or *resume*
row that somebody asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from connector.dataverse.changes import Create, Reference, Update
from mappings import tables
from mappings.row import Row

COLUMNS = (
    "psac_name",
    "psac_kind",
    "psac_subject",
    "psac_requestedby",
    "psac_state",
    "psac_selection",
    "psac_outcome",
    "psac_mark",
    "createdon",
    "createdby",
    "modifiedon",
    "modifiedby",
)


LONGEST = 1_048_576
"""Characters that a text of these rows holds."""

RECORD = "record"
"""The token of whoever wrote a record before its call."""
_CALLED_AT, _CALLED_BY = "called_at", "called_by"


class Kind(StrEnum):
    """What a row of the command table records."""

    COMMAND = "command"
    ATTEMPT = "attempt"
    LEASE = "lease"
    CLAIM = "claim"
    WATERMARK = "watermark"
    SWEEP = "sweep"
    RUN = "run"
    HOLD = "hold"
    PAUSE = "pause"
    RESUME = "resume"
    REPLAY = "replay"
    DISCARD = "discard"


class State(StrEnum):
    """How far a command has come."""

    RESOLVED = "resolved"
    CALLING = "calling"
    """The product's action may have been called; its answer is not known."""
    WITHDRAWN = "withdrawn"
    """It is known that nothing came of the call, and the same command may call again."""
    CALLED = "called"
    IN_DOUBT = "in-doubt"
    """What came of the call was looked for in vain; a person has to say."""
    DONE = "done"
    HELD = "held"


def reference(id: UUID) -> Reference:
    """A row of the command table."""
    return Reference(tables.COMMAND, id)


def created(
    id: UUID,
    kind: Kind,
    subject: str,
    requested_by: str,
    state: State,
    *,
    selection: object = None,
    outcome: Mapping[str, object] | None = None,
    mark: int = 0,
    name: str | None = None,
) -> Create:
    """The intention to record a command, an attempt or a lease; it fails when somebody recorded it first.

    ``name``: what it is found by, other than its kind and subject.
    """
    return Create(
        reference(id),
        {
            "psac_name": (name or f"{kind} {subject}")[:200],
            "psac_kind": kind,
            "psac_subject": subject,
            "psac_requestedby": requested_by,
            "psac_state": state,
            "psac_mark": mark,
            "psac_selection": None if selection is None else text(selection),
            "psac_outcome": None if outcome is None else text(outcome),
        },
    )


def attempt_name(command: UUID) -> str:
    """The name of the attempts of a command, on whichever contract."""
    return f"{Kind.ATTEMPT} {command}"


def command_in(attempt: Row) -> UUID | None:
    """The command in the name of an attempt; ``None`` where it is named after something else."""
    kind, _, id = (attempt.text("psac_name") or "").partition(" ")
    return UUID(id) if kind == Kind.ATTEMPT and id and id != attempt.text("psac_subject") else None


def finished(record: Row, outcome: Mapping[str, object]) -> Update:
    """The intention to record what came of it; it fails when somebody else did."""
    return turned(record, State.DONE, outcome)


def turned(record: Row, state: State, outcome: Mapping[str, object]) -> Update:
    """The intention to put it into another state; it fails when somebody else did."""
    return Update(reference(record.id), {"psac_state": state, "psac_outcome": text(outcome)}, record.version)


def told_of(attempt: Row, state: State, outcome: Mapping[str, object]) -> Update:
    """The intention to write down what is known of a call, when and by whom it was made; it fails as others do.

    In doubt it keeps its token: whoever made the call may know more, and say so later.
    """
    begun: dict[str, object] = {_CALLED_AT: called_at(attempt).isoformat()}
    if state is State.IN_DOUBT and (token := outcome_of(attempt).get(RECORD)) is not None:
        begun[RECORD] = token
    if (who := _called_by(attempt)) is not None:
        begun[_CALLED_BY] = str(who)
    return turned(attempt, state, {**outcome, **begun})


def called_at(attempt: Row) -> datetime:
    """When its call was begun, by the clock of Dataverse; of one that has ended, not later than its end.

    A withdrawn attempt may be made again much later than it was created; the call follows the write that says so.
    """
    told = outcome_of(attempt).get(_CALLED_AT)
    if isinstance(told, str):
        return datetime.fromisoformat(told)
    written = attempt.instant("modifiedon") or attempt.instant("createdon")
    if written is None:
        raise TypeError(f"{attempt.ref}: modifiedon is empty.")
    return written


def age(attempt: Row, now: datetime) -> timedelta:
    """How long ago its call was begun."""
    return now - called_at(attempt)


def callers(attempt: Row) -> frozenset[UUID]:
    """The users who may have made its call: who wrote it last before the call, and who created it.

    A withdrawn attempt may be made again by somebody else than whoever recorded it first.
    """
    return frozenset(id for id in (_called_by(attempt), attempt.link_id("createdby")) if id is not None)


def _called_by(attempt: Row) -> UUID | None:
    told = outcome_of(attempt).get(_CALLED_BY)
    return UUID(told) if isinstance(told, str) else attempt.link_id("modifiedby")


def moved(record: Row, selection: object, requested_by: str) -> Update:
    """The intention to replace what it holds; it fails when somebody else did."""
    values = {"psac_selection": text(selection), "psac_requestedby": requested_by}
    return Update(reference(record.id), values, record.version)


def state_of(record: Row) -> State:
    """How far it has come."""
    return State(record.text("psac_state") or "")


def selection_of(record: Row) -> object:
    """What it selected, as it was written down."""
    return json.loads(record.text("psac_selection") or "null")


def outcome_of(record: Row) -> dict[str, object]:
    """What came of it."""
    outcome = json.loads(record.text("psac_outcome") or "{}")
    if not isinstance(outcome, dict):
        raise TypeError(f"{record.ref}: the outcome is not an object.")
    return outcome


def text(value: object) -> str:
    """A value as these rows keep it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
