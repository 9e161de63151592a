"""The command line as other programs see it: speed, exit codes, the first line, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from service.cli.main import app
from service.settings import PREFIX

COMMAND = (sys.executable, "-m", "service.cli.main")
HEAVY = ("azure", "msal", "pydantic", "requests", "rich", "starlette", "uvicorn", "structlog", "sandbox", "handlers")
IN_TIME = 30


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2])} | more


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A running command of our own, ended at the end whatever happens."""
    process = subprocess.Popen(  # noqa: S603
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=clean_environment(),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=IN_TIME)


def first_line(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


@pytest.mark.parametrize("arguments", [[], ["demo"], ["run"], ["sandbox"], ["register"], ["backlog"], ["invoice"]])
def test_help_is_there_for_every_command(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: " in result.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['psa-connector', '--help']\nfrom service.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=IN_TIME,
        check=True,
    )
    loaded = set(json.loads(done.stderr.replace("'", '"')))
    assert "Usage: psa-connector" in done.stdout
    assert not loaded & set(HEAVY)


def test_a_console_that_lacks_a_character_still_gets_its_help() -> None:
    done = subprocess.run(  # noqa: S603
        [*COMMAND, "demo", "--help"],
        capture_output=True,
        text=True,
        env=clean_environment(PYTHONIOENCODING="cp1252"),
        timeout=IN_TIME,
        check=True,
    )
    assert "approve ? actuals ? ready ? invoice" in done.stdout


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(
    "arguments", [["run"], ["register"], ["backlog", "list"], ["backlog", "ready", "products", "--all"]]
)
def test_a_command_without_settings_names_all_of_them_and_exits_with_3(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.cli.main import main

    monkeypatch.setattr(sys, "argv", ["psa-connector", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (3, "")
    assert said.err.count(" is missing. Expected: ") == 8


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sandbox", "--servicebus-config", "x.json"], "--servicebus-config is not available in this version"),
        (["sandbox", "--data", "x"], "--data is not available in this version"),
        (["sandbox", "--environment", "project-operations"], "--environment project-operations is not available"),
        (["backlog", "ready", "products"], "Name row ids, or contracts with --contract, or --all"),
        (["invoice", "create"], "Name contracts, or --all."),
        (["invoice", "create", "ORD-1", "--all"], "Name contracts, or --all."),
        (["backlog", "ready", "retainers", "--all"], "retainers"),
    ],
)
def test_what_is_not_offered_or_not_said_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no name"), ModuleNotFoundError("pwd")])
@pytest.mark.parametrize("arguments", [["backlog", "ready", "products", "--all"], ["invoice", "create", "--all"]])
def test_where_the_system_knows_no_user_name_it_has_to_be_said_who_asks(
    arguments: list[str], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "say who asks with --requested-by" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_first_says_where_it_is_and_ends_in_order_when_asked(number: int, tmp_path: Path) -> None:
    with started("sandbox", "--empty", cwd=tmp_path) as process:
        told = first_line(process)
        assert sorted(told) == ["dataverse", "servicebus", "token"]
        answer = requests.get(
            f"{told['dataverse']}/api/data/v9.2/WhoAmI",
            headers={"Authorization": f"Bearer {told['token']}"},
            timeout=IN_TIME,
        )
        assert answer.status_code == 200
        assert told["servicebus"].startswith("Endpoint=sb://")
        process.send_signal(number)
        assert process.wait(IN_TIME) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "", "nothing but that one line is data"


def test_run_with_a_sandbox_works_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    with started("run", "--sandbox", cwd=tmp_path) as process:
        told = first_line(process)
        assert process.stderr is not None
        while "stop with Ctrl-C" not in (line := process.stderr.readline()):
            assert line, "it ended by itself"
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 0
        assert told["dataverse"].startswith("http://127.0.0.1:")
        assert "everything at work was finished and settled" in process.stderr.read()
