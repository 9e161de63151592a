"""What commands were given, by whom, and what changed from what to what; read from their records, page by page.

The records are those of every version: an older one holds fewer of the things that are told.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader, Scanner
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, equals
from handlers import people, rows
from handlers.backlog_rows import of_contracts
from handlers.command_record import Kind, State
from handlers.given_up import GIVEN_UP
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import NAMES, Acting, Mode
from mappings.backlog import Backlog
from mappings.row import Row
from service.audit_record import (
    DISCARDING,
    INVOICING,
    PAUSING,
    REPLAYING,
    RESUMING,
    RUNNING,
    SWEEPING,
    Change,
    about,
)
from service.names import names
from service.unreadable import FAILURES, UNREADABLE

log = logging.getLogger(__name__)

_RECORDED = {
    INVOICING: Kind.ATTEMPT,
    RUNNING: Kind.RUN,
    SWEEPING: Kind.SWEEP,
    REPLAYING: Kind.REPLAY,
    DISCARDING: Kind.DISCARD,
    PAUSING: Kind.PAUSE,
    RESUMING: Kind.RESUME,
}
"""How the commands that make invoices, what is done about dead letters, and pauses are recorded; all others are
markings."""
HELD_AT_ONCE = 25
"""Records whose selections and outcomes, up to two million characters each, are held at once."""

_LIGHT = ("psac_kind", "psac_subject", "psac_requestedby", "psac_state", "createdon", "createdby", "modifiedon")
_HEAVY = ("psac_selection", "psac_outcome")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which commands are meant. Days are business days, both included; ``who``: any of these names.

    ``each_row``: what came of each contract of a run is looked up, too.
    """

    since: date | None = None
    until: date | None = None
    who: Sequence[str] = ()
    kind: str | None = None
    contract: UUID | None = None
    command: UUID | None = None
    each_row: bool = False


@dataclass(frozen=True, slots=True)
class Audited:
    """One command: who asked for what and when, who wrote the record as Dataverse knows it, and what came of it."""

    record: UUID
    kind: str
    about: str
    requested_by: str
    asked_on: datetime
    written_by: str
    ended_on: datetime | None
    outcome: str
    changes: tuple[Change, ...] = field(default=())
    words: Mapping[str, int] = field(default_factory=dict)

    def count(self, *outcomes: str) -> int:
        """How many rows ended so."""
        return sum(self.words.get(one, 0) for one in outcomes)


def audited(dataverse: Scanner, asked: Asked, zone: ZoneInfo) -> Iterator[Audited]:
    """The commands that are meant, the newest first. Raises ``ConnectorError``."""
    of_contract = None if asked.contract is None else _rows_of(asked.contract, dataverse)
    question = Query(tables.COMMAND, _LIGHT, _condition(asked, zone), order_by=("createdon desc",))
    for page in dataverse.scan(question):
        found = [one for one in map(rows.row, page) if _is_meant(one, asked)]
        for begin in range(0, len(found), HELD_AT_ONCE):
            yield from _told(found[begin : begin + HELD_AT_ONCE], asked, of_contract, dataverse)


def names_of(dataverse: Reader, who: str) -> tuple[str, ...]:
    """This name and the others that whoever goes by it goes by: one person may have asked under each."""
    found = people.people(ask(dataverse, *people.questions(Acting(Mode.USER), [who])))
    others = {
        name
        for person in found
        if person.goes_by(who)
        for name in (str(person.object_id or ""), *(person.row.text(column) for column in NAMES))
        if name
    }
    return (who, *sorted(others - {who}))


def _condition(asked: Asked, zone: ZoneInfo) -> Condition:
    parts: list[Condition] = [any_of("psac_kind", (Kind.COMMAND, *_RECORDED.values()))]
    if asked.kind in _RECORDED:
        parts = [equals("psac_kind", _RECORDED[asked.kind])]
    elif asked.kind is not None:
        parts = [any_of("psac_subject", (f"{asked.kind} {backlog}" for backlog in Backlog))]
    if asked.since is not None:
        parts.append(Compare("createdon", "ge", _begin(asked.since, zone)))
    if asked.until is not None:
        parts.append(Compare("createdon", "lt", _begin(asked.until + timedelta(days=1), zone)))
    if asked.who:
        parts.append(any_of("psac_requestedby", asked.who))
    return all_of(*parts)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _is_meant(record: Row, asked: Asked) -> bool:
    """What a filter of Dataverse can't say: ids are derived from the command, and from the contract."""
    kind = record.text("psac_kind")
    if kind != Kind.ATTEMPT:
        named = keys.run_row_id if kind == Kind.RUN else keys.command_row_id
        return asked.command is None or record.id == named(asked.command)
    try:
        contract = UUID(record.text("psac_subject") or "")
    except ValueError:
        # It may be about anything; only the one command that is asked for is surely another.
        return asked.command is None
    if asked.contract not in (None, contract):
        return False
    return asked.command is None or record.id == keys.attempt_id(contract, asked.command)


def _rows_of(contract: UUID, dataverse: Reader) -> frozenset[UUID]:
    """Every row of the contract's three backlogs, whatever its status."""
    found = of_contracts(list(Backlog), [contract], lambda _: all_of(), dataverse)
    return frozenset(one.row.id for one in found)


def _told(
    records: Sequence[Row], asked: Asked, of_contract: frozenset[UUID] | None, dataverse: Reader
) -> Iterator[Audited]:
    (heavy,) = ask(dataverse, Query(tables.COMMAND, _HEAVY, any_of(f"{tables.COMMAND}id", [one.id for one in records])))
    held = {one.id: one for one in heavy}
    known = names(dataverse, [one.link("createdby") for one in records])
    for record in records:
        try:
            one = _one(record, held.get(record.id), asked, of_contract, dataverse)
        except FAILURES:
            log.debug("%s can't be read; somebody changed it", record.ref, exc_info=True)
            one = _said(record, _kind(record), "what can't be read", UNREADABLE, (), {})
        if one is not None:
            writer = record.link("createdby")
            yield replace(one, written_by="" if writer is None else known.get(writer, str(writer)))


def _one(
    record: Row, heavy: Row | None, asked: Asked, of_contract: frozenset[UUID] | None, dataverse: Reader
) -> Audited | None:
    """What one record tells; ``None`` where that has nothing to do with the contract that is asked about."""
    selection, outcome = (_json(heavy, column) for column in _HEAVY)
    told = about(record, selection, outcome, dataverse if asked.each_row else None)
    changes, words, contract = told.changes, told.words, asked.contract
    if contract is not None and record.text("psac_kind") != Kind.ATTEMPT:
        is_marking = record.text("psac_kind") == Kind.COMMAND
        wanted = of_contract if is_marking and of_contract is not None else {contract}
        changes, words = tuple(change for change in changes if change.row in wanted), None
        if not changes and not (is_marking and str(contract) in selection.get("contracts", ())):
            return None
    if words is None:
        words = Counter(change.outcome for change in changes)
    return _said(record, told.kind, told.what, _outcome(record, outcome), changes, words)


def _said(
    record: Row, kind: str, what: str, outcome: str, changes: tuple[Change, ...], words: Mapping[str, int]
) -> Audited:
    asked_on, is_done = record.instant("createdon"), record.text("psac_state") == State.DONE
    if asked_on is None:
        raise TypeError(f"{record.ref}: createdon is empty.")
    who, ended_on = record.text("psac_requestedby") or "", record.instant("modifiedon") if is_done else None
    return Audited(record.id, kind, what, who, asked_on, "", ended_on, outcome, changes, words)


def _kind(record: Row) -> str:
    """The kind of command, as far as the columns that are short tell it."""
    recorded = record.text("psac_kind")
    known = (name for name, kind in _RECORDED.items() if kind == recorded)
    return next(known, (record.text("psac_subject") or "").partition(" ")[0])


def _outcome(record: Row, outcome: dict[str, Any]) -> str:
    """Its word; what is in doubt or was given up has one before its end."""
    state = record.text("psac_state")
    if state in (State.DONE, State.IN_DOUBT) or GIVEN_UP in outcome:
        return str(outcome.get("outcome", "done"))
    return "not finished"


def _json(record: Row | None, column: str) -> dict[str, Any]:
    held = json.loads((record.text(column) if record is not None else None) or "{}")
    return cast(dict[str, Any], held) if isinstance(held, dict) else {}
