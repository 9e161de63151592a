"""Dead letters are found by the names that lists show."""

from __future__ import annotations

import pytest
import typer

from handlers.parsing import parse_command
from service.cli.dead_letter_options import named
from service.dead_letters.choosing import LAST, Post
from tests.service.dead_letters.fake_boxes import QUEUE, FakeBoxes, put_aside

POST = Post(FakeBoxes({one: put_aside(one) for one in (1, 2)}), {QUEUE: parse_command}, None)


def test_one_that_is_written_in_two_ways_is_one_and_what_is_gone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    letters, gone = named(POST, [f"{QUEUE}/2", f"{QUEUE}/002", f"{QUEUE}/999"])
    assert ([one.name for one in letters], gone) == ([f"{QUEUE}/2"], [f"{QUEUE}/999"])
    assert f"No longer there: {QUEUE}/999." in capsys.readouterr().err


@pytest.mark.parametrize("number", [str(LAST + 1), "\u00b2", "-1", ""])
def test_what_is_no_number_of_a_message_names_none(number: str) -> None:
    with pytest.raises(typer.BadParameter, match="names no dead letter"):
        named(POST, [f"{QUEUE}/{number}"])


def test_where_none_is_left_the_command_fails() -> None:
    with pytest.raises(typer.Exit):
        named(POST, [f"{QUEUE}/{LAST}"])
