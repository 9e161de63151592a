"""What the command table tells: the last success, calls in doubt, what was broken off, and what reconcile left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, any_of, equals
from connector.errors import Misconfigured
from handlers import watermarks
from handlers.command_record import Kind, State
from handlers.reading import ask
from mappings import tables
from mappings.row import Row
from mappings.tables import Ref
from mappings.watermark import MOST_OPEN, Watermark
from service import pausing
from service.contracts import contracts_of
from service.reconciling import MARK
from service.status.counting import counted
from service.status.part import FEW, MAY_NOT, Named, Part, ago, number
from service.status.part import State as Stands

PAUSED, SUCCESS, DOUBT, BROKEN_OFF, RECONCILED = "pause", "last-success", "in-doubt", "broken-off", "reconcile"
AT_WORK = timedelta(hours=2)
"""What was begun longer ago and has no end is not at work any more, unless it is very large."""
LONG = timedelta(days=1)
"""Beyond it, a pause that has an end is looked at all the same."""
LOOKED_UP = timedelta(minutes=30)
"""Beyond the patience: by then somebody should have looked what came of a call."""
COLUMNS = ("psac_kind", "psac_subject", "psac_state", "psac_requestedby", "modifiedon")
COMMANDS = (Kind.COMMAND, Kind.ATTEMPT, Kind.SWEEP, Kind.RUN)
"""The records of what somebody asked for; the others keep things in mind."""
CARRY_ON = {
    Kind.RUN: "psa-connector invoice create --resume {subject}",
    Kind.COMMAND: "psa-connector backlog resume {id}",
}
"""What to type to go on with what was broken off. A sweep is gone on with by the next one, whatever its record says."""


@dataclass(frozen=True, slots=True)
class Records:
    """The looks at one environment's records. ``patience``: how long an invoice may take to be seen."""

    client: DataverseClient
    now: datetime
    patience: timedelta

    def pause(self) -> Iterator[Part]:
        """Whether somebody holds the running services. Raises ``ConnectorError``."""
        held = pausing.read(self.client).paused
        if held is None or held.is_over(self.now):
            yield Part(PAUSED, Stands.OK, "Nobody holds the running services.")
            return
        is_long = held.until is None or self.now - held.since > LONG
        state = Stands.ATTENTION if is_long else Stands.OK
        yield Part(PAUSED, state, f"{held.sentence} (asked by {held.by})", "psa-connector resume", oldest=held.since)

    def last_success(self, me: UUID, *, creates: bool) -> Iterator[Part]:
        """The last command that ended, and the last actual that this user wrote. Raises ``ConnectorError``."""
        ended = all_of(equals("psac_state", State.DONE), any_of("psac_kind", COMMANDS))
        questions = [Query(tables.COMMAND, ("modifiedon",), ended, ("modifiedon desc",), 1)]
        if creates:
            questions.append(Query(tables.ACTUAL, ("createdon",), equals("createdby", me), ("createdon desc",), 1))
        commands, *actuals = ask(self.client, *questions)
        command = commands[0].instant("modifiedon") if commands else None
        actual = actuals[0][0].instant("createdon") if actuals and actuals[0] else None
        said = [f"The last command ended {ago(self.now, command)} ago" if command else "No command has ended yet"]
        if creates:
            when = f"the last was written {ago(self.now, actual)} ago" if actual else "none was written yet"
            said.append(f"of actuals, {when}")
        figures = {"command": _iso(command), "actual": _iso(actual)}
        yield Part(SUCCESS, Stands.OK, f"{'; '.join(said)}.", figures=figures)

    def in_doubt(self) -> Iterator[Part]:
        """Calls of which nobody can say what came of them, or of which nobody has asked for long."""
        is_attempt = equals("psac_kind", Kind.ATTEMPT)
        doubt = counted(
            self.client,
            Query(tables.COMMAND, COLUMNS, all_of(is_attempt, equals("psac_state", State.IN_DOUBT)), ("modifiedon",)),
        )
        forgotten = Compare("modifiedon", "lt", self.now - self.patience - LOOKED_UP)
        open_ = counted(
            self.client,
            Query(
                tables.COMMAND,
                COLUMNS,
                all_of(is_attempt, any_of("psac_state", (State.CALLING, State.CALLED)), forgotten),
                ("modifiedon",),
            ),
        )
        rows = (*doubt.rows, *open_.rows)
        todo = f"psa-connector invoice resolve {rows[0].id} --invoice ID, or with --nothing" if rows else ""
        yield Part(
            DOUBT,
            Stands.ATTENTION if rows else Stands.OK,
            f"{number(doubt.count, 'call for an invoice is', 'calls for an invoice are', is_more=doubt.is_more)} in "
            f"doubt; nobody looked up what came of {number(open_.count, 'other', 'others', is_more=open_.is_more)}.",
            todo,
            doubt.count + open_.count,
            doubt.is_more or open_.is_more,
            min((moment for one in rows if (moment := one.instant("modifiedon"))), default=None),
            self._attempts(rows[:FEW]),
            {"in_doubt": doubt.count, "not_looked_up": open_.count},
        )

    def _attempts(self, rows: Sequence[Row]) -> tuple[Named, ...]:
        """The contracts of attempts, by number and name as far as they can be read; or else the attempts themselves."""
        ids = {row.id: id for row in rows if (id := _id(row.text("psac_subject"))) is not None}
        try:
            names = {one.id: one.displayed for one in contracts_of(self.client, ids.values())}
        except Misconfigured as error:
            if error.code not in MAY_NOT:
                raise
            # That there is a doubt must not be hidden by who may not read contracts.
            names = {}

        def named(row: Row) -> Named:
            ref = Ref(tables.CONTRACT, ids[row.id]) if row.id in ids else row.ref
            return Named(ref, names.get(ref.id, str(ref)), f"Attempt {row.id}, {row.text('psac_state')}.")

        return tuple(map(named, rows))

    def broken_off(self) -> Iterator[Part]:
        """Runs and markings that were begun and have no end."""
        found = counted(
            self.client,
            Query(
                tables.COMMAND,
                COLUMNS,
                all_of(
                    any_of("psac_kind", tuple(CARRY_ON)),
                    equals("psac_state", State.RESOLVED),
                    Compare("modifiedon", "lt", self.now - AT_WORK),
                ),
                ("modifiedon",),
            ),
        )
        said = number(found.count, "run or marking was", "runs and markings were", is_more=found.is_more)
        yield Part(
            BROKEN_OFF,
            Stands.ATTENTION if found.count else Stands.OK,
            f"{said} begun more than {AT_WORK.seconds // 3600} hours ago and not brought to an end.",
            _carry_on(found.rows[0]) if found.rows else "",
            found.count,
            found.is_more,
            found.rows[0].instant("modifiedon") if found.rows else None,
            tuple(
                Named(
                    one.ref,
                    f"{one.text('psac_kind')} of {one.text('psac_requestedby') or 'nobody named'}",
                    _carry_on(one),
                )
                for one in found.rows
            ),
        )


def mark_of(client: DataverseClient) -> Watermark | None:
    """How far ``reconcile`` has looked; ``None`` where it never did. Raises ``ConnectorError``."""
    return watermarks.read(MARK, client).mark


def reconciled(mark: Watermark | None, now: datetime) -> Part:
    """When ``reconcile`` looked last, and what it left open."""
    todo = "psa-connector reconcile"
    if mark is None:
        return Part(RECONCILED, Stands.OK, "It was never run; once a night is a good rhythm.", todo)
    when = f"It looked {ago(now, mark.until)} ago"
    if not mark.open:
        return Part(
            RECONCILED, Stands.OK, f"{when} and left nothing open.", count=0, figures={"until": _iso(mark.until)}
        )
    is_more = len(mark.open) >= MOST_OPEN
    said = f"{when} and left {number(len(mark.open), 'entry', 'entries')} open."
    if is_more:
        left = number(len(mark.open), "entry", "entries", is_more=True)
        said = f"It left {left} open: what was changed since {mark.until:%Y-%m-%d %H:%M} UTC is looked at again."
    return Part(
        RECONCILED,
        Stands.ATTENTION,
        said,
        f"{todo}, then {todo} --repair",
        len(mark.open),
        is_more,
        rows=tuple(Named(one, str(one)) for one in mark.open[:FEW]),
        figures={"until": _iso(mark.until)},
    )


def _carry_on(row: Row) -> str:
    return CARRY_ON[Kind(row.text("psac_kind") or "")].format(subject=row.text("psac_subject"), id=row.id)


def _id(text: str | None) -> UUID | None:
    """An id; ``None`` where somebody wrote something else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
