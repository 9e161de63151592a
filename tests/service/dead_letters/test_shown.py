"""One dead letter as a person sees it."""

from __future__ import annotations

from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from mappings.tables import Ref
from service.cli.dead_letters_report import show_one
from service.dead_letters.letters import Letter
from service.dead_letters.subjects import NOTHING, About
from tests.service.dead_letters.fake_boxes import QUEUE, put_aside

ENTRY = Ref("msdyn_timeentry", UUID(int=7))


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (About(entry=ENTRY, day=date(2026, 2, 3)), f"msdyn_timeentry {ENTRY.id}"),
        (NOTHING, "msdyn_projectapproval"),
    ],
)
def test_an_id_stands_beside_the_table_it_is_of(
    about: About, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An event of an approval is about the entry that it leads to."""
    monkeypatch.setenv("COLUMNS", "160")
    show_one(Letter(QUEUE, put_aside(1), "msdyn_projectapproval"), about, "https://x", ZoneInfo("UTC"), None)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "About" in line]
    assert line.split("│")[2].strip() == told
