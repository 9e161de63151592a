"""Each dead letter ends with a receipt that is true, whatever happens on the way."""

from __future__ import annotations

from uuid import UUID

import pytest

from connector.errors import Transient
from handlers.command_record import Kind
from service.dead_letters.carrying_out import CarryingOut
from service.dead_letters.letters import Letter
from service.dead_letters.lines import Came, Line, line_of
from service.dead_letters.subjects import NOTHING
from tests.service.dead_letters.fake_boxes import QUEUE, FakeBoxes, put_aside

RUN = UUID(int=1)


def lines(*numbers: int) -> list[Line]:
    return [line_of(Letter(QUEUE, put_aside(one), "msdyn_timeentry"), NOTHING) for one in numbers]


def boxes(*numbers: int) -> FakeBoxes:
    return FakeBoxes({one: put_aside(one) for one in numbers})


def came(run: CarryingOut, *numbers: int) -> dict[int, Came]:
    return {one.line.sequence: one.came for part in run.receipts(lines(*numbers)) for one in part}


def test_what_is_sent_again_is_removed_and_nothing_else_is_touched() -> None:
    world = boxes(1, 2, 3, 4)
    assert came(CarryingOut(Kind.REPLAY, world, RUN), 1, 3, 4) == dict.fromkeys((1, 3, 4), Came.SENT)
    assert (world.sent, list(world.letters), world.given_back) == ([1, 3, 4], [2], [])


def test_what_is_discarded_is_not_sent() -> None:
    world = boxes(1, 2)
    assert came(CarryingOut(Kind.DISCARD, world, RUN), 1) == {1: Came.DISCARDED}
    assert (world.sent, list(world.letters)) == ([], [2])


def test_what_somebody_else_has_at_work_is_told_from_what_they_took() -> None:
    world = boxes(1, 2)
    world.locked = {2}
    assert came(CarryingOut(Kind.REPLAY, world, RUN), 1, 2, 9) == {1: Came.SENT, 2: Came.LOCKED, 9: Came.GONE}
    assert world.sent == [1]


def test_what_nobody_confirmed_as_removed_is_said_to_be_there_still() -> None:
    world = boxes(1)
    world.unconfirmed = {1}
    ((receipt,),) = CarryingOut(Kind.REPLAY, world, RUN).receipts(lines(1))
    assert (receipt.came, receipt.came.is_left) == (Came.STILL_THERE, True)
    assert came(CarryingOut(Kind.DISCARD, world, RUN), 1) == {1: Came.NOT_CONFIRMED}


def test_what_can_not_be_carried_over_stays_but_may_be_discarded() -> None:
    world = boxes(1, 2)
    world.letters[3] = put_aside(3, is_whole=False)
    world.too_large = {2}
    receipts = came(CarryingOut(Kind.REPLAY, world, RUN), 1, 2, 3)
    assert receipts == {1: Came.SENT, 2: Came.UNFIT, 3: Came.UNFIT}
    assert (world.sent, list(world.letters), sorted(world.given_back)) == ([1], [2, 3], [2, 3])
    assert came(CarryingOut(Kind.DISCARD, world, RUN), 2, 3) == dict.fromkeys((2, 3), Came.DISCARDED)


def test_stopping_finishes_the_part_at_work_and_names_what_was_not_begun() -> None:
    world = boxes(1, 2, 3)
    run = CarryingOut(Kind.REPLAY, world, RUN, is_stopped=lambda: bool(world.sent))
    assert came(run, 1, 2, 3) == {1: Came.SENT, 2: Came.SENT, 3: Came.NOT_BEGUN}
    assert came(CarryingOut(Kind.REPLAY, world, RUN), 1, 2, 3) == {1: Came.GONE, 2: Came.GONE, 3: Came.SENT}


def test_a_queue_that_takes_no_copy_keeps_its_dead_letters_and_they_are_given_back() -> None:
    world = boxes(1, 2)
    world.sending_fails = True
    with pytest.raises(Transient, match="bus-unreachable"):
        came(CarryingOut(Kind.REPLAY, world, RUN), 1, 2)
    assert (list(world.letters), world.given_back) == ([1, 2], [1, 2])
