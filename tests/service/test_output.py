"""What people and programs read: ids stay whole, nothing is an empty table, and output that fails is one sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.cli.cannot_write import CannotWrite
from service.cli.output import (
    Column,
    as_csv,
    as_json,
    as_json_array,
    figure,
    key,
    line,
    moment,
    say,
    show,
    show_in_parts,
)
from tests.service.processes import COMMAND, IN_TIME, clean_environment

ID = "a13ec14f-b002-57c6-b6e9-e6bba0d725dd"
COLUMNS = (Column("Contract"), Column("What"), key("Number"), figure("Billable"), key("Id"))
ROW = ("ORD-C2 Contoso migration", "Design accepted", "INV-0000001", "5,000.00 EUR", ID)


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_ids_numbers_and_amounts_are_never_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    show(
        "Milestones, of which some are open and others are ready to invoice", COLUMNS, [ROW, ROW], ("", "", "2", "", "")
    )
    written = capsys.readouterr().out
    for whole in ROW[2:]:
        assert written.count(whole) == 2, written
    lines = written.splitlines()
    assert lines[0] == "Milestones, of which some are open and others are ready to invoice"
    assert (lines[1][0] == "┏") is (width >= 100), "a table where it fits"


def test_a_table_without_rows_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    show("Billing backlog", COLUMNS, [], empty="Nothing is open.")
    assert capsys.readouterr().out == "Billing backlog\nNothing is open.\n"


def test_a_long_table_comes_in_parts_under_one_title(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.cli.output.PART", 2)
    show_in_parts("Long", COLUMNS, iter([[ROW] * 3, [], [ROW]]), empty="Nothing.")
    out = capsys.readouterr().out
    assert (out.count("Long\n"), out.count(ID), out.count("\u2503 Contract")) == (1, 4, 3)
    show_in_parts("Long", COLUMNS, iter([[]]), empty="Nothing.")
    assert capsys.readouterr().out == "Long\nNothing.\n"


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": Decimal("1.10"), "b": None}, {"c": ["x\ny", {}]}, 3]])
def test_an_array_that_is_written_as_it_comes_reads_like_one_that_was_held(
    items: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    as_json_array(iter(items))
    streamed = capsys.readouterr().out
    as_json(items)
    assert streamed == capsys.readouterr().out


def test_what_is_read_before_the_next_item_is_there_is_already_written(capsys: pytest.CaptureFixture[str]) -> None:
    def items() -> Iterator[int]:
        yield 1
        assert capsys.readouterr().out == "[\n  1"
        yield 2

    as_json_array(items())
    assert capsys.readouterr().out == ",\n  2\n]\n"


def test_cells_of_csv_are_quoted_where_needed_and_never_run_by_a_spreadsheet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_csv(("a", "b"), iter([('He said "no", twice', None), ("=HYPERLINK(1)", Decimal("-1.50")), ("@x", "-1")]))
    assert capsys.readouterr().out.splitlines() == [
        "a,b",
        '"He said ""no"", twice",',
        "'=HYPERLINK(1),-1.50",
        "'@x,'-1",
    ]


def test_without_colours_bold_type_is_all_that_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show("Title", COLUMNS, [ROW])
    found = {part.partition("m")[0] for part in capsys.readouterr().out.split("\x1b[")[1:]}
    assert found <= {"0", "1"}


def test_closed_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(CannotWrite, match="closed"):
        as_json([])


@pytest.mark.posix
@pytest.mark.parametrize("arguments", [["--help"], ["sandbox", "--empty"]])
def test_a_full_disk_is_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(  # noqa: S603
            [*COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=clean_environment(),
            timeout=IN_TIME,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "The output can't be written: No space left on device.\n")


def test_an_interrupted_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from service.cli.main import main

    def interrupted(say: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("service.demo.story.tell", interrupted)
    monkeypatch.setattr(sys, "argv", ["psa-connector", "demo"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code, capsys.readouterr().err) == (130, "Interrupted.\n")


INTERRUPTED_AT_A_STAGE = """
import os, signal, sys, threading
import service.cli.output as output
from service.cli.main import main
from service.demo.patience import Patience

# Whoever runs the tests in the background may have had the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
say, give_up, given_up = output.say, Patience.give_up, threading.Event()

def say_and_interrupt(text):
    say(text)
    if "entries are approved" in text:
        os.kill(os.getpid(), signal.SIGINT)
        given_up.wait(60)

def heard(patience):
    give_up(patience)
    given_up.set()

output.say, Patience.give_up = say_and_interrupt, heard
sys.argv = ["psa-connector", "demo"]
main()
"""


@pytest.mark.posix
def test_the_demo_ends_at_ctrl_c_with_130_and_tells_no_further_stage(tmp_path: Path) -> None:
    """The stage itself interrupts, and does not end before that was heard: however busy the machine is."""
    demo = subprocess.run(  # noqa: S603
        [sys.executable, "-c", INTERRUPTED_AT_A_STAGE],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(),
        timeout=IN_TIME,
        check=False,
    )
    told = demo.stderr.splitlines()
    assert "entries are approved" in told[-2], demo.stderr
    assert (demo.returncode, demo.stdout, told[-1]) == (130, "", "Interrupted.")


def test_nobody_who_interrupts_the_demo_is_told_of_another_stage() -> None:
    from service.demo.patience import OutOfTime, Patience
    from service.demo.story import _while_wanted

    said: list[str] = []
    patience = Patience(60)
    tell = _while_wanted(said.append, patience)
    tell("one")
    patience.give_up()
    tell("two")
    with pytest.raises(OutOfTime):
        patience.until("Something", lambda: True)
    assert said == ["one"]


def test_what_somebody_wrote_can_not_give_a_terminal_instructions(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Ann\x1b[2J\x07\u202e\x9ba"
    line(name)
    say(name)
    show(name, [Column("Who")], [[name]])
    told = capsys.readouterr()
    assert not set("\x1b\x07\u202e\x9b") & set(told.out + told.err)
    assert told.err == "Ann [2J   a\n"


@pytest.mark.parametrize("width", [80, 160])
def test_words_and_addresses_are_never_broken_in_a_column_that_wraps(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings are typed, links are opened: where they don't fit, each row becomes a paragraph."""
    monkeypatch.setenv("COLUMNS", str(width))
    address = f"https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=sdkmessageprocessingstep&id={ID}"
    row = (
        "step",
        "Approval of an entry",
        "there",
        "PSA_CONNECTOR_ACTUALS__ZERO_PRICE=write is what makes it post",
        address,
    )
    show("Registered", [Column(title) for title in ("What", "Name", "Result", "What differs", "Link")], [row, row])
    written = capsys.readouterr().out
    for word in " ".join(row).split():
        assert written.count(word) >= 2, written


def test_a_table_that_wraps_is_no_wider_than_its_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    show(
        "",
        [key("Area"), Column("Verdict"), Column("Found")],
        [("settings", "no answer of anybody", "to be read " * 20)],
    )
    lines = capsys.readouterr().out.splitlines()
    assert {len(one) for one in lines} == {60}
    assert lines[0][0] == "┏"


@pytest.mark.parametrize(
    ("zone", "told"), [("Europe/Berlin", "2026-03-01 00:30 +01:00"), ("UTC", "2026-02-28 23:30 +00:00")]
)
def test_a_moment_tells_its_offset(zone: str, told: str) -> None:
    assert moment(datetime(2026, 2, 28, 23, 30, 5, tzinfo=UTC), ZoneInfo(zone)) == told
