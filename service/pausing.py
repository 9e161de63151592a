"""Whether the running services are paused, by whom and why: one row that all of them see, on whichever machine.

Beside it every pause and every end of one is a row of its own, for the audit list.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4, uuid5

from connector.dataverse.access import Dataverse, Reader
from connector.dataverse.changes import ChangeSet, Committed, Create, Update
from connector.dataverse.query import Query, equals
from connector.errors import Conflict
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.reading import ask
from mappings import keys, tables
from mappings.row import Row

HOLD_ID = uuid5(keys.NAMESPACE, "hold")
"""The row that says so; of the same id in every environment."""
SUBJECT = "every running service"
LONGEST_REASON = 500
"""Characters."""
TRIES = 3
"""How often two who say so at once are sorted out."""
NO_REASON = "no reason is written down"


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause somebody asked for. Instants are aware UTC, by Dataverse's clock; without ``until``, it is open-ended."""

    by: str
    since: datetime
    until: datetime | None
    reason: str

    def is_over(self, now: datetime) -> bool:
        """Whether its time is up."""
        return self.until is not None and self.until <= now

    @property
    def sentence(self) -> str:
        """What it is, without who asked: where this is shown, anybody may read it."""
        until = "until somebody resumes it" if self.until is None else f"until {_shown(self.until)}"
        return f"Paused on request since {_shown(self.since)}, {until}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is written down: the pause, also one whose time is up, and the row that holds it."""

    paused: Paused | None
    record: Row | None


def read(dataverse: Reader) -> Kept:
    """What is written down now, in one small request. Raises ``ConnectorError``."""
    wanted = Query(tables.COMMAND, command_record.COLUMNS, equals(f"{tables.COMMAND}id", HOLD_ID))
    (found,) = ask(dataverse, wanted)
    if not found:
        return Kept(None, None)
    (record,) = found
    return Kept(_paused(record) if record.text("psac_state") == State.HELD else None, record)


def write(
    to: Paused | None, who: str, dataverse: Dataverse, allow: Callable[[Paused | None], None] = lambda _: None
) -> None:
    """Pause them, or let them go on; either with a row for the audit list. Raises ``ConnectorError``.

    ``allow`` is handed the pause whose place this takes, as it is when it is written; it raises to keep that one.
    """
    conflict: Conflict | None = None
    who = printable(who)
    for _ in range(TRIES):
        found = read(dataverse)
        allow(found.paused)
        (outcome,) = dataverse.commit([ChangeSet((_kept(found.record, to, who), _told(to, who)))])
        if isinstance(outcome, Committed):
            return
        if not isinstance(outcome, Conflict):
            raise outcome
        conflict = outcome
    if conflict is not None:
        raise conflict


def _kept(record: Row | None, to: Paused | None, who: str) -> Create | Update:
    state = State.DONE if to is None else State.HELD
    if record is None:
        return command_record.created(HOLD_ID, Kind.HOLD, SUBJECT, who, state, selection=_plain(to))
    values = {
        "psac_state": state,
        "psac_requestedby": who,
        "psac_selection": command_record.text(_plain(to)),
    }
    return Update(command_record.reference(HOLD_ID), values, record.version)


def _told(to: Paused | None, who: str) -> Create:
    kind, outcome = (Kind.RESUME, "resumed") if to is None else (Kind.PAUSE, "paused")
    id, told = keys.command_row_id(uuid4()), {"outcome": outcome}
    return command_record.created(id, kind, SUBJECT, who, State.DONE, selection=_plain(to), outcome=told)


def _plain(paused: Paused | None) -> dict[str, object]:
    if paused is None:
        return {}
    until = None if paused.until is None else paused.until.isoformat()
    return {"since": paused.since.isoformat(), "until": until, "reason": paused.reason}


def _paused(record: Row) -> Paused:
    changed = record.instant("modifiedon") or datetime.min.replace(tzinfo=UTC)
    return paused_of(record.text("psac_requestedby"), record.text("psac_selection"), changed)


def paused_of(who: str | None, selection: str | None, changed: datetime) -> Paused:
    """What the row says, as far as it can be read: whoever changed it by hand meant to pause."""
    try:
        held = json.loads(selection or "{}")
    except ValueError:
        held = {}
    told = held if isinstance(held, dict) else {}
    since, until = _instant(told.get("since")), _instant(told.get("until"))
    reason = printable(str(told.get("reason") or "")) or NO_REASON
    return Paused(printable(who or "") or "unknown", since or changed, until, reason)


def printable(text: str) -> str:
    """A reason or a name on one line, without what would give a terminal instructions; as long as one may be."""
    return "".join(one if one.isprintable() else " " for one in text).strip()[:LONGEST_REASON]


def _instant(text: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(text))
        return read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _shown(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
