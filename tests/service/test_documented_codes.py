"""Every code under which a message is put aside, or the service pauses, is in the documents with what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from handlers.plan import NOT_YET, ON_DRAFT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
ASIDE = {"Refusal", "Refuse", "AgainstTheRules", "Rejected", "PersonRefused", "Conflict"}
ASIDE |= {"Transient", "UnknownOutcome"}
PAUSING = {"Misconfigured"}
KINDS = {"Kind.REJECTED": "aside", "Kind.CONFLICT": "aside", "Kind.TRANSIENT": "aside", "Kind.MISCONFIGURED": "pause"}


def _named() -> dict[str, str]:
    """Codes that are given by a name: texts that a module sets at its top."""
    found: dict[str, str] = {}
    for package in ("connector", "handlers", "mappings"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    found |= {
                        ast.unparse(one): node.value.value for one in node.targets if isinstance(node.value.value, str)
                    }
    return found


def codes() -> Iterator[tuple[str, str]]:
    """(code, ``aside`` or ``pause``) as the code says them; a throttled request is never put aside."""
    names = _named()
    for package in ("connector", "handlers", "mappings"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = ast.unparse(node.func)
                    if name in ASIDE | PAUSING and isinstance(node.args[0].value, str):
                        yield node.args[0].value, "pause" if name in PAUSING else "aside"
                if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "Unpriced":
                    yield from ((names[name], "aside") for name in [ast.unparse(node.args[0])] if name in names)
                if isinstance(node, ast.Tuple) and len(node.elts) >= 2:
                    kind, code = ast.unparse(node.elts[-2]), node.elts[-1]
                    if kind in KINDS and isinstance(code, ast.Constant):
                        yield str(code.value), KINDS[kind]


def documented(heading: str) -> set[str]:
    """The codes in the first column of the tables under headings that begin so."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    rows = [
        row for part in parts if part.startswith(heading) for row in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    ]
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_every_code_under_which_a_message_is_put_aside_is_documented_with_what_to_do() -> None:
    assert documented("Put aside") == {code for code, what in codes() if what == "aside"} | {NOT_YET, ON_DRAFT}


def test_every_code_under_which_the_service_pauses_is_documented_with_what_to_do() -> None:
    assert documented("Paused") == {code for code, what in codes() if what == "pause"} | {"sign-in-…"}
