"""A pause that a person asks for: written down where every running service sees it, obeyed, and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Conflict, Misconfigured, Transient
from connector.worker import Worker
from mappings import tables
from service.pausing import HOLD_ID, NO_REASON, Paused, read, write
from service.pausing_watch import EVERY, REMIND, Pausing
from tests.connector.fakes import JumpingTime
from tests.handlers.world import World

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LUNCH = Paused("Anna", NOON, None, "Lunch")
HOLD = Reference(tables.COMMAND, HOLD_ID)


@pytest.fixture
def world() -> World:
    return World()


def recorded(world: World, kind: str) -> list[dict[str, object]]:
    return [dict(cells) for cells in world.dataverse.rows.of(tables.COMMAND).values() if cells["psac_kind"] == kind]


def test_it_is_read_as_it_was_written_by_whoever_asks_next(world: World) -> None:
    assert read(world.dataverse).paused is None
    write(LUNCH, "Anna", world.dataverse)
    assert read(world.dataverse).paused == LUNCH
    longer = Paused("Ben", NOON, NOON + timedelta(hours=2), "Price lists")
    write(longer, "Ben", world.dataverse)
    assert read(world.dataverse).paused == longer
    write(None, "Carl", world.dataverse)
    assert read(world.dataverse).paused is None
    asked = [
        (one["psac_kind"], one["psac_requestedby"]) for kind in ("pause", "resume") for one in recorded(world, kind)
    ]
    assert asked == [("pause", "Anna"), ("pause", "Ben"), ("resume", "Carl")]
    assert len(recorded(world, "hold")) == 1


def test_two_who_say_so_at_once_are_sorted_out_and_each_is_recorded_once(world: World) -> None:
    write(LUNCH, "Anna", world.dataverse)
    world.dataverse.fail(Conflict("changed", "Somebody was faster."), lambda _: True)
    write(None, "Carl", world.dataverse)
    assert read(world.dataverse).paused is None
    assert len(recorded(world, "resume")) == 1


def test_what_can_not_be_written_is_raised(world: World) -> None:
    world.dataverse.fail(Misconfigured("missing-privilege", "No."), lambda _: True)
    with pytest.raises(Misconfigured):
        write(LUNCH, "Anna", world.dataverse)
    world.dataverse.fail(Conflict("changed", "Somebody was faster."), lambda _: True, times=9)
    with pytest.raises(Conflict):
        write(LUNCH, "Anna", world.dataverse)


def test_a_reason_gives_a_terminal_no_instructions(world: World) -> None:
    write(Paused("Anna", NOON, None, "\x1b[2JLunch\nand more"), "Anna\x1b[2J", world.dataverse)
    paused = read(world.dataverse).paused
    assert paused is not None
    assert (paused.by, paused.reason) == ("Anna [2J", "[2JLunch and more")
    world.dataverse.put(HOLD, psac_requestedby="Ben\x1b[2J")
    paused = read(world.dataverse).paused
    assert paused is not None
    assert paused.by == "Ben [2J"


def test_a_pause_that_came_in_between_is_asked_about_too(world: World) -> None:
    asked: list[Paused | None] = []

    def allow(held: Paused | None) -> None:
        asked.append(held)
        if held is None:
            write(LUNCH, "Anna", world.dataverse)
            world.dataverse.fail(Conflict("changed", "Somebody was faster."), lambda _: True)
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(Paused("Ben", NOON, None, "Quick"), "Ben", world.dataverse, allow)
    assert asked == [None, LUNCH]
    assert read(world.dataverse).paused == LUNCH


@pytest.mark.parametrize(
    "held",
    [
        "nonsense",
        "[]",
        '{"since": "yesterday", "until": "2026-03-01T13:00"}',
        '{"until": "9999-12-31T23:59:59-12:00"}',
    ],
)
def test_a_row_changed_by_hand_still_pauses(held: str, world: World) -> None:
    write(LUNCH, "Anna", world.dataverse)
    world.dataverse.put(HOLD, psac_selection=held)
    paused = read(world.dataverse).paused
    assert paused is not None
    assert (paused.by, paused.until, paused.reason) == ("Anna", None, NO_REASON)


class Held:
    """A worker that remembers what it is held for."""

    def __init__(self) -> None:
        self.why: list[str | None] = []

    def hold(self, sentence: str | None) -> None:
        """Remember it."""
        if not self.why or self.why[-1] != sentence:
            self.why.append(sentence)


class Case:
    """A running service whose clock leaps, and what is written down."""

    def __init__(self) -> None:
        self.time = JumpingTime()
        self.time.present = NOON
        self.answer: Paused | Exception | None = None
        self.worker = Held()
        self.applied = 0
        self.pausing = Pausing(self.read, self.now, (cast(Worker, self.worker),))

    def now(self) -> datetime:
        """Asked once whenever what is written down is applied."""
        self.applied += 1
        return self.time.now()

    def read(self) -> Paused | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def live(self, *steps: tuple[float, Callable[[], None]]) -> None:
        """Begin, then let so many seconds pass and do something, again and again."""

        async def run() -> None:
            stop = asyncio.Event()
            self.pausing.begin()
            self.pausing.apply()
            keeping = asyncio.ensure_future(self.pausing.keep(stop, self.time.sleep))
            for seconds, then in steps:
                for _ in range(int(seconds // EVERY)):
                    before = self.applied
                    await self.time.advance(EVERY)
                    # The look itself is in a thread.
                    while self.applied == before:
                        await asyncio.sleep(0.001)
                then()
            stop.set()
            await keeping

        asyncio.run(asyncio.wait_for(run(), 20))

    def tell(self, answer: Paused | Exception | None) -> Callable[[], None]:
        def told() -> None:
            self.answer = answer

        return told


def test_a_running_service_is_held_at_the_next_look_and_let_go_at_the_next(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    case.live((0, case.tell(LUNCH)), (EVERY, case.tell(None)), (EVERY, lambda: None))
    assert case.worker.why == [None, LUNCH.sentence, None]
    assert LUNCH.sentence == "Paused on request since 2026-03-01 12:00 UTC, until somebody resumes it: Lunch"
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[0].startswith(f"{LUNCH.sentence}. Asked for by Anna. No message is received")
    assert warnings[1:] == ["resumed: messages are received again"]


def test_one_that_starts_while_it_is_paused_receives_nothing_and_says_so_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.answer = LUNCH
    case.live((2 * REMIND.total_seconds() + EVERY, lambda: None))
    assert case.worker.why == [LUNCH.sentence]
    assert case.pausing.is_held()
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 3


def test_a_pause_ends_by_itself_when_its_time_is_up() -> None:
    case = Case()
    short = Paused("Anna", NOON, NOON + timedelta(seconds=50), "Lunch")
    case.answer = short
    case.live((2 * EVERY, lambda: None), (EVERY, lambda: None))
    assert case.worker.why == [short.sentence, None]
    assert not case.pausing.is_held()


def test_a_mistake_in_the_look_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    case.answer = LUNCH
    case.live((0, case.tell(KeyError("psac_state"))), (2 * EVERY, lambda: None))
    assert case.pausing.is_held()
    assert "the look whether somebody paused it failed; it stays as it is" in caplog.messages


@pytest.mark.parametrize("told", [LUNCH, None])
def test_where_nobody_answers_it_stays_as_it_was_told_last_and_says_so_once(
    told: Paused | None, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case()
    case.answer = told
    case.live((0, case.tell(Transient("unreachable", "Nobody answers."))), (3 * EVERY, lambda: None))
    assert case.worker.why == [None if told is None else told.sentence]
    said = [record.message for record in caplog.records if "could not be read" in record.message.lower()]
    state = "at work" if told is None else "paused"
    assert said == [
        "Whether somebody paused it could not be read (unreachable): Nobody answers. "
        f"It stays {state}, as it was told last."
    ]
    assert case.pausing.remark == said[0]


def test_it_is_said_again_for_as_long_as_it_can_not_be_read(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    case.answer = Misconfigured("missing-privilege", "It may not be read.")
    case.live((REMIND.total_seconds() + EVERY, lambda: None))
    said = [record for record in caplog.records if "It stays at work" in record.message]
    assert len(said) == 2
    assert case.pausing.remark == said[0].message
    case.live((0, case.tell(None)), (EVERY, lambda: None))
    assert case.pausing.remark is None


def test_the_first_look_waits_for_what_is_away_and_goes_on_without_what_a_person_has_to_mend() -> None:
    case = Case()
    case.answer = Transient("unreachable", "Nobody answers.")
    with pytest.raises(Transient):
        case.pausing.begin()
    case.answer = Misconfigured("missing-privilege", "It may not be read.")
    case.live((EVERY, case.tell(LUNCH)), (EVERY, lambda: None))
    assert case.worker.why == [None, LUNCH.sentence]
