"""One chosen dead letter, and what came of it, in so few words that thousands are held at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from connector.replays import replay_id
from mappings.tables import CONTRACT, Ref
from service.dead_letters.letters import Letter
from service.dead_letters.subjects import About
from service.reconcile_report import link

LONGEST = 200
"""Characters of a name."""
NO_RUN = UUID(int=0)
"""It is only looked at."""
MOST_SAID = 2000
"""Characters of what a command said, or of what was said against a message that names nothing."""


class Came(StrEnum):
    """What came of one dead letter."""

    SENT = "sent-again"
    DISCARDED = "discarded"
    STILL_THERE = "sent-again-not-removed"
    NOT_CONFIRMED = "not-confirmed"
    LOCKED = "locked"
    GONE = "gone"
    UNFIT = "not-carried-over"
    NOT_BEGUN = "not-begun"
    NOT_TOLD = "not-told"

    @property
    def is_left(self) -> bool:
        """Somebody has to do something about it still; what is gone, somebody else took."""
        return self not in (Came.SENT, Came.DISCARDED, Came.GONE)


@dataclass(frozen=True, slots=True)
class Line:
    """A dead letter by what it is about; ``copy``: the message id that its copy bears, if
    it is sent again by this run.

    ``said``: whatever stood in the queue of commands, as it was given; of an event that names no row, why it was put
    aside.
    """

    name: str
    queue: str
    sequence: int
    code: str
    kind: str
    copy: str
    first_came: str
    table: str | None = None
    id: str | None = None
    person: str | None = None
    project: str | None = None
    day: str | None = None
    contracts: tuple[str, ...] = ()
    requested_by: str | None = None
    command: str | None = None
    said: str | None = None

    opens: tuple[Ref, ...] = ()

    def links(self, url: str) -> list[str]:
        """The addresses that open what it is about: the entry, or the contracts of a command."""
        return [link(url, one) for one in self.opens]

    def as_data(self) -> dict[str, object]:
        """As it is recorded: what there is."""
        told = asdict(self) | {"opens": None}
        return {name: value for name, value in told.items() if value not in (None, ())}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of one, and why where there is something to say."""

    line: Line
    came: Came
    because: str = ""


def line_of(letter: Letter, about: About, run: UUID = NO_RUN) -> Line:
    """It, as long as names are; ``run``: which is to carry it out."""
    envelope = letter.put_aside.envelope
    row = about.entry or letter.row
    return Line(
        name=letter.name,
        queue=letter.queue,
        sequence=letter.put_aside.sequence,
        code=letter.code[:LONGEST],
        kind=letter.kind[:LONGEST],
        copy=replay_id(envelope, run),
        first_came="" if letter.first_came is None else letter.first_came.isoformat(timespec="seconds"),
        table=None if row is None else row.table[:LONGEST],
        id=None if row is None else str(row.id),
        person=about.name(about.person)[:LONGEST] or None,
        project=about.name(about.project)[:LONGEST] or None,
        day=None if about.day is None else about.day.isoformat(),
        contracts=tuple(one[:LONGEST] for one in about.contracts[:10]),
        requested_by=letter.requested_by[:LONGEST] or None,
        command=None if letter.command is None else str(letter.command),
        said=_said(letter, row),
        opens=_opens(letter, about),
    )


def _opens(letter: Letter, about: About) -> tuple[Ref, ...]:
    row = about.entry or letter.own_row
    return (row,) if row is not None else tuple(Ref(CONTRACT, id) for id in letter.contracts[:10])


def _said(letter: Letter, row: Ref | None) -> str | None:
    if letter.is_command:
        return letter.put_aside.envelope.body.decode("utf-8", "replace")[:MOST_SAID]
    return None if row is not None else letter.sentence[:MOST_SAID] or None


def links(letter: Letter, about: About, url: str) -> list[str]:
    """The addresses that open what a letter is about."""
    return line_of(letter, about).links(url)
