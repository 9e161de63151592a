"""What the command says to do is what the documents say."""

from __future__ import annotations

import re
from pathlib import Path

from service.dead_letters.causes import OTHERS, what_to_do

PAGE = (Path(__file__).parents[3] / "docs" / "dead-letters.md").read_text(encoding="utf-8")
HEADINGS = ("Put aside", "By Service Bus")


def plain(text: str) -> str:
    """Links as the names of the pages they lead to."""
    return re.sub(
        r"\[([^\]]+)\]\(([^)#]+)(#[^)]*)?\)",
        lambda link: f"docs/{link[2]}" if link[1] == link[2] else f"{link[1]} (docs/{link[2]})",
        text,
    )


def test_every_code_is_explained_in_the_words_of_the_page() -> None:
    parts = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(HEADINGS)]
    rows = [row for part in parts for row in re.findall(r"^\| (`.*?) \| .*? \| (.*?) \|$", part, re.MULTILINE)]
    told = {code: plain(what) for codes, what in rows for code in re.findall(r"`([^`]+)`", codes)}
    assert len(told) > 80
    assert {code: what_to_do(code) for code in told} == told


def test_a_code_of_somebody_else_is_said_to_be_theirs() -> None:
    assert what_to_do("their-own") == OTHERS
