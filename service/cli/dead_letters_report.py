"""Dead letters as tables and as JSON; the latter is stable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from service.cli.output import Column, figure, key, line, moment, show
from service.dead_letters.causes import what_to_do
from service.dead_letters.letters import Letter, printable
from service.dead_letters.lines import Line, Receipt, line_of, links
from service.dead_letters.subjects import About

if TYPE_CHECKING:
    from service.dead_letters.rehearsal import Rehearsed


@dataclass
class Cause:
    """How many were put aside alike, and when the first and the last of them first came."""

    queue: str
    code: str
    kind: str
    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, letter: Letter) -> None:
        """One more."""
        self.count += 1
        came = letter.first_came
        if came is not None:
            self.oldest = came if self.oldest is None else min(self.oldest, came)
            self.newest = came if self.newest is None else max(self.newest, came)

    def as_data(self) -> dict[str, object]:
        """For programs."""
        return {
            "queue": self.queue,
            "code": self.code,
            "kind": self.kind,
            "count": self.count,
            "oldest": _iso(self.oldest),
            "newest": _iso(self.newest),
            "what_to_do": what_to_do(self.code),
        }


MOST_CAUSES = 1000
"""Causes told apart; others may write whatever they like into a code."""
OTHERS = "others"


@dataclass
class Causes:
    """All of them, counted while letters pass by."""

    by: dict[tuple[str, str, str], Cause] = field(default_factory=dict)

    def add(self, letters: Iterable[Letter]) -> None:
        """Count these too."""
        for letter in letters:
            named = (letter.queue, letter.code, letter.kind)
            if named not in self.by and len(self.by) >= MOST_CAUSES:
                named = (letter.queue, OTHERS, OTHERS)
            self.by.setdefault(named, Cause(*named)).add(letter)

    @property
    def most_first(self) -> list[Cause]:
        """In the order of their numbers."""
        return sorted(self.by.values(), key=lambda one: (-one.count, one.queue, one.code, one.kind))

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(one.count for one in self.by.values())


def show_causes(causes: Causes, zone: ZoneInfo) -> None:
    """Grouped, the largest group first."""
    columns = (Column("Queue"), key("Code"), Column("About"), figure("Count"), Column("First came"))
    show(
        "Dead letters",
        (*columns, Column("What to do")),
        [
            (one.queue, one.code, one.kind, str(one.count), _span(one, zone), what_to_do(one.code))
            for one in causes.most_first
        ],
        empty="No dead letters.",
    )


def show_letters(letters: Sequence[Letter], abouts: dict[str, About], url: str) -> None:
    """Single ones, with what opens each beneath the table."""
    columns = (key("Name"), Column("Code"), Column("Whose"), Column("Project"), Column("Day"), Column("Sentence"))
    rows = []
    for one in letters:
        about = abouts[one.name]
        whose = about.name(about.person) or one.requested_by
        what = about.name(about.project) or ", ".join(about.contracts[:3])
        rows.append((one.name, one.code, whose, what, str(about.day or ""), one.sentence))
    show("", columns, rows)
    for one in letters:
        if opens := links(one, abouts[one.name], url):
            line(f"{one.name}: {' '.join(opens)}")


def show_one(letter: Letter, about: About, url: str, zone: ZoneInfo, replay: Rehearsed | None) -> None:
    """Everything about one, a line each."""
    envelope, told = letter.put_aside.envelope, line_of(letter, about)
    line(f"{letter.name}: {letter.code}", style="bold")
    facts = (
        ("Put aside", letter.sentence),
        ("What to do", what_to_do(letter.code)),
        (
            "About",
            " ".join(one for one in (letter.kind if about.entry is None else about.entry.table, told.id or "") if one),
        ),
        ("Why", printable(letter.because)),
        ("Person", told.person or told.requested_by),
        ("Project", told.project),
        ("Day", told.day),
        ("Contracts", ", ".join(told.contracts)),
        ("Command", told.command),
        ("First came", _when(letter.first_came, zone)),
        ("Tried", f"{envelope.attempt} delayed retries, {envelope.delivery_count} deliveries of the last"),
        ("Message", printable(envelope.message_id)),
        ("Opens by", " ".join(links(letter, about, url))),
        ("Sent again", "" if replay is None else f"{replay.would.value}: {replay.because}"),
    )
    show("", (key("What"), Column("Value")), [(name, value) for name, value in facts if value])
    if replay is not None and replay.changes:
        show("Would be written", (Column("Change"),), [(change,) for change in replay.changes])


def letter_as_data(letter: Letter, about: About, url: str) -> dict[str, object]:
    """One for programs."""
    envelope = letter.put_aside.envelope
    told = line_of(letter, about)
    return {
        **_of(told),
        "sequence": told.sequence,
        "sentence": letter.sentence,
        "first_came": told.first_came or None,
        "attempts": envelope.attempt,
        "message_id": envelope.message_id,
        "contracts": told.contracts,
        "requested_by": told.requested_by,
        "command": told.command,
        "what_to_do": what_to_do(letter.code),
        "links": links(letter, about, url),
    }


def whole_as_data(letter: Letter) -> dict[str, object]:
    """The message itself; what is no text of JSON or anything else is shown as far as it is one."""
    envelope = letter.put_aside.envelope
    properties = {name: _plain(value) for name, value in envelope.properties.items()}
    return {"properties": properties, "body": envelope.body.decode("utf-8", "replace")}


def replay_as_data(replay: Rehearsed) -> dict[str, object]:
    """What sending it again would come to."""
    return {"would": replay.would.value, "because": replay.because, "changes": replay.changes}


def receipt_as_data(receipt: Receipt, record: object, url: str) -> dict[str, object]:
    """One receipt for programs."""
    return {
        **_of(receipt.line),
        "receipt": receipt.came.value,
        "because": receipt.because or None,
        "record": None if record is None else str(record),
        "links": receipt.line.links(url),
    }


def receipt_in_words(receipt: Receipt, url: str) -> str:
    """One receipt in a line."""
    one = receipt.line
    whose = ", ".join(said for said in (one.person or one.requested_by, one.project, one.day) if said)
    because = f": {receipt.because}" if receipt.because else ""
    opens = " ".join(one.links(url))
    return "  ".join(said for said in (f"{one.name} {receipt.came.value}{because}", one.code, whose, opens) if said)


def _of(told: Line) -> dict[str, object]:
    return {
        "name": told.name,
        "queue": told.queue,
        "code": told.code,
        "kind": told.kind,
        "table": told.table,
        "id": told.id,
        "person": told.person,
        "project": told.project,
        "day": told.day,
    }


def _plain(value: object) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds")


def _when(instant: datetime | None, zone: ZoneInfo) -> str:
    return "" if instant is None else moment(instant, zone)


def _span(one: Cause, zone: ZoneInfo) -> str:
    oldest, newest = _when(one.oldest, zone), _when(one.newest, zone)
    return oldest if oldest == newest else f"{oldest} to {newest}"
