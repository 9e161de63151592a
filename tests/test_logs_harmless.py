"""What every log call at info and above hands over, read off the code: nothing named like an amount or a secret.

A name is a hint and no proof: sentences (``because``, ``sentence``) are made elsewhere, and what they come to say is
looked at in ``tests/flow/test_telemetry_harmless.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("connector", "handlers", "mappings", "service", "sandbox")
LEVELS = ("info", "warning", "error", "exception", "critical")
HARMFUL = re.compile(
    r"amount|price|cost|total|sum|money|quantity|rate|balance|credit|token|secret|password|key|credential|signature"
    r"|connection_string|authorization|claims|header|body|payload|content|settings|values|columns|changes",
    re.IGNORECASE,
)
"""Names of what must not be shown, as a whole word of a name in snake case."""
HARMLESS = frozenset({"wait.total_seconds()", "self.zone.key", "settings.exporter", "settings.address", "part.key"})
"""What only sounds like it: a duration, and the names of a time zone, an exporter, where health is told, and a part of
``status``."""


def log_calls(text: str) -> Iterator[ast.Call]:
    """The calls of a module's logger at info and above."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "logger" | "logging"), attr=level)):
                if level in LEVELS:
                    yield node


def faults(text: str) -> list[str]:
    """What is wrong with the log calls of a module."""
    return [fault for call in log_calls(text) for fault in _faults(call)]


def _faults(call: ast.Call) -> Iterator[str]:
    first, *rest = call.args
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        yield f"line {call.lineno}: the message must be a constant, so that what is put into it can be seen"
    for argument in (*rest, *(keyword.value for keyword in call.keywords)):
        if ast.unparse(argument) in HARMLESS:
            continue
        for node in ast.walk(argument):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if any(HARMFUL.fullmatch(word) or HARMFUL.fullmatch(word.rstrip("s")) for word in (name, *name.split("_"))):
                yield f"line {call.lineno}: {ast.unparse(argument)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_log_call_at_info_or_above_is_given_what_is_named_like_an_amount_or_a_secret(package: str) -> None:
    found = {
        str(file.relative_to(ROOT)): wrong
        for file in (ROOT / package).rglob("*.py")
        if (wrong := faults(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_the_packages_log_at_all_so_that_something_is_looked_at() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    assert sum(len(list(log_calls(file.read_text(encoding="utf-8")))) for file in files) > 40


@pytest.mark.parametrize(
    "call",
    [
        "log.info('billed %s', line.amount)",
        "log.warning('%s', extended_prices)",
        "log.error(f'{row} costs too much')",
        "log.info('signing in with %s', str(self._token))",
        "log.info('sent', extra={'said': request.body})",
        "log.info('%s' % total)",
        "log.error('%s', connection_string)",
    ],
)
def test_a_call_that_shows_one_is_found(call: str) -> None:
    assert faults(call)


@pytest.mark.parametrize(
    "call", ["log.debug('%s', amount)", "log.info('%s: %d messages', code, len(held))", "other.info('%s', amount)"]
)
def test_what_is_not_shown_or_harmless_is_left_alone(call: str) -> None:
    assert faults(call) == []
