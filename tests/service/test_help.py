"""Help of every command: an example that the parser takes, and no character that a console might not have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from service.cli.main import app

EXAMPLE = re.compile(r"^Example:\s+(psa-connector .+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by what is typed for it."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("typed", COMMANDS)
def test_every_command_has_an_example_of_itself_that_the_parser_takes(typed: str) -> None:
    command = COMMANDS[typed]
    (example,) = EXAMPLE.findall(command.help or "")
    words = shlex.split(" ".join(example.split()))
    assert words[1 : 1 + len(typed.split())] == typed.split()
    root = typer.main.get_command(app)
    ((_, inner),) = [one for one in leaves(root) if one[0] == typed]
    reached: list[dict[str, Any]] = []
    inner.callback = lambda **given: reached.append(given)
    root.main(words[1:], prog_name="psa-connector", standalone_mode=False)
    assert len(reached) == 1


@pytest.mark.parametrize("typed", COMMANDS)
def test_help_is_made_of_characters_that_every_console_has(typed: str) -> None:
    said = CliRunner().invoke(app, [*typed.split(), "--help"]).stdout
    assert said.startswith(f"Usage: psa-connector {typed}")
    assert said.encode("ascii", "replace").decode() == said
