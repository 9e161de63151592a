"""Help of every command: an example that the parser takes, and no character that a console might not have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from service.cli.exits import Exit
from service.cli.main import app
from service.not_configured import NotConfigured
from tests.service.conftest import logging_kept

UNCONFIGURED = ("demo", "run", "sandbox", "init", "completion", "role show")
"""Commands whose examples need no settings."""
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


@pytest.mark.parametrize("typed", [typed for typed in COMMANDS if typed not in UNCONFIGURED])
def test_every_example_is_taken_up_to_the_point_where_settings_are_read(
    typed: str, nothing_set: pytest.MonkeyPatch
) -> None:
    (example,) = EXAMPLE.findall(COMMANDS[typed].help or "")
    with logging_kept():
        ended = CliRunner().invoke(app, shlex.split(" ".join(example.split()))[1:])
    assert isinstance(ended.exception, NotConfigured) or ended.exit_code == Exit.NOT_CONFIGURED, ended.output


@pytest.mark.parametrize("typed", COMMANDS)
def test_help_is_made_of_characters_that_every_console_has(typed: str) -> None:
    said = CliRunner().invoke(app, [*typed.split(), "--help"]).stdout
    assert said.startswith(f"Usage: psa-connector {typed}")
    assert said.encode("ascii", "replace").decode() == said


@pytest.mark.parametrize("typed", COMMANDS)
def test_what_is_copied_from_help_stands_in_one_line_and_no_type_of_python_is_shown(typed: str) -> None:
    said = CliRunner().invoke(app, [*typed.split(), "--help"], env={"COLUMNS": "80"}).stdout
    (example,) = EXAMPLE.findall(COMMANDS[typed].help or "")
    assert f"  Example: {' '.join(example.split())}\n" in said
    assert not re.search(r" <\w|\[\[|\]\]|psa-\n", said)
    assert not set("{}") & set(said.splitlines()[0])
    if "--yes" in said:
        assert "-y, --yes" in said, "the short form is the same everywhere"


@pytest.mark.parametrize("command", ["source <(psa-connector completion bash)", "Out-String | Invoke-Expression"])
def test_how_completion_is_set_up_can_be_copied(command: str) -> None:
    assert command in CliRunner().invoke(app, ["completion", "--help"], env={"COLUMNS": "80"}).stdout


def test_there_is_one_way_to_complete() -> None:
    assert "completion  " in CliRunner().invoke(app, ["--help"]).stdout
    assert CliRunner().invoke(app, ["--show-completion"]).exit_code == 2
