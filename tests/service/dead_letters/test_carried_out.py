"""What the record says came of dead letters is true, also where nobody takes the receipts."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from handlers.command_record import Kind
from service.app import App
from service.cli import dead_letters_carried_out as carried_out
from service.cli.cannot_write import CannotWrite
from service.cli.dead_letters_carried_out import Chosen, How, carry_out, preview, rehearse
from service.cli.exits import Exit
from service.cli.options import Output
from service.dead_letters.choosing import Post
from service.dead_letters.letters import Letter
from service.dead_letters.rehearsal import Rehearsal
from tests.handlers.fake_dataverse import FakeDataverse
from tests.service.dead_letters.fake_boxes import QUEUE, FakeBoxes, put_aside


class World:
    """Three dead letters, which are taken two at a time, and a service that has only what recording them takes."""

    def __init__(self) -> None:
        self.boxes = FakeBoxes({one: put_aside(one) for one in (1, 2, 3)})
        self.dataverse = FakeDataverse()

    def carry_out(self, way: Kind, receipts: Path | None = None, *, limit: int = 10) -> None:
        letters = [Letter(QUEUE, one, "msdyn_timeentry") for one in self.boxes.letters.values()]
        meant = Chosen(Post(self.boxes, {}, None), iter([letters[:2], letters[2:]]), limit)
        dataverse = SimpleNamespace(query=self.dataverse.query, commit=self.dataverse.commit, url="https://example")
        service = SimpleNamespace(dataverse=dataverse, settings=SimpleNamespace(ceiling=SimpleNamespace(rows=250)))
        carry_out(cast(App, service), meant, How(way, "x", "Rita", False, receipts, Output.TABLE))

    @property
    def outcome(self) -> dict[str, Any]:
        (record,) = self.dataverse.rows.of("psac_command").values()
        return cast(dict[str, Any], json.loads(record["psac_outcome"]))


@pytest.mark.parametrize("failure", [CannotWrite("Full."), SystemExit(1)], ids=["full", "closed"])
@pytest.mark.parametrize(("way", "word"), [(Kind.DISCARD, "discarded"), (Kind.REPLAY, "sent-again")])
def test_a_closed_pipe_leaves_a_record_of_what_was_done_and_of_what_was_not_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: Kind, word: str, failure: BaseException
) -> None:
    world = World()

    def closed(text: str) -> None:
        raise failure

    monkeypatch.setattr(carried_out, "line", closed)
    with pytest.raises(CannotWrite):
        world.carry_out(way)
    assert list(world.boxes.letters) == [3]
    assert world.outcome == {
        "outcome": "left",
        "left": {"approvals/3": "not-begun"},
        "counts": {word: 2, "not-begun": 1},
    }
    told = capsys.readouterr().err
    assert f"3 messages chosen; 2 {word}; 1 not-begun. Recorded as " in told


def test_a_full_disk_under_the_receipts_is_said_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    with pytest.raises(CannotWrite, match="/dev/full: No space left on device"):
        world.carry_out(Kind.DISCARD, Path("/dev/full"))
    assert world.outcome["counts"] == {"discarded": 2, "not-begun": 1}
    assert "Recorded as" in capsys.readouterr().err


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_that_leaves_some_behind_says_so_and_ends_with_work_left(
    limit: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    with pytest.raises(typer.Exit) as ended:
        world.carry_out(Kind.DISCARD, limit=limit)
    assert (ended.value.exit_code, len(world.boxes.letters)) == (Exit.WORK_LEFT, 3 - limit)
    assert "There are more" in capsys.readouterr().err


def test_a_limit_that_is_just_enough_leaves_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.carry_out(Kind.DISCARD, limit=3)
    assert world.boxes.letters == {}
    assert "There are more" not in capsys.readouterr().err


@pytest.mark.parametrize("output", [Output.TABLE, Output.JSON])
@pytest.mark.parametrize("way", [Kind.REPLAY, Kind.DISCARD])
def test_a_dry_run_for_a_person_nobody_knows_fails_as_the_run_itself_would(way: Kind, output: Output) -> None:
    service = cast(App, SimpleNamespace(dataverse=SimpleNamespace(url="https://example")))
    meant = Chosen(Post(FakeBoxes({}), {}, None), iter([]), 10, is_nobody=True)
    rehearsal = cast(Rehearsal, None)
    dry = preview if way is Kind.DISCARD else partial(rehearse, rehearsal=rehearsal)
    with pytest.raises(typer.Exit) as ended:
        dry(service, meant, output=output)
    assert ended.value.exit_code == Exit.FAILED
