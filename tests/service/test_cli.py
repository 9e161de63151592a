"""The command line as other programs see it: speed, exit codes, the first line, and how it ends."""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from connector.errors import Rejected
from sandbox.world import Sandbox
from service.cli.main import app, main
from service.cli.output import Column, say, show
from service.cli.remedies import REMEDIES
from service.not_configured import NotConfigured
from service.telemetry import configure_logs
from tests.service.processes import IN_TIME, clean_environment, pointing_at

HEAVY = (
    "azure",
    "msal",
    "opentelemetry",
    "pydantic",
    "requests",
    "rich",
    "starlette",
    "uvicorn",
    "structlog",
    "sandbox",
    "handlers",
)


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


@pytest.mark.parametrize(("encoding", "shown"), [("cp437", "| Zürich ? |"), ("cp1252", "| Zürich – |")])
def test_a_console_that_lacks_a_character_shows_a_question_mark_and_nothing_fails(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))

    def command() -> None:
        show("Über alles → 漢字", [Column("Zürich –")], [("漢字 ✓",)])
        say("Grüße → 漢字")
        configure_logs(format="console")
        logging.getLogger("service").warning("Straße → 漢字")

    monkeypatch.setattr("service.cli.main.app", command)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    main()
    out.flush()
    err.flush()
    table, said = (stream.buffer.getvalue().decode(encoding) for stream in (out, err))
    assert shown in table
    assert "Über alles ? ??" in table
    assert "Grüße ? ??" in said
    assert "Straße ? ??" in said


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(
    ("arguments", "needed"),
    [(["run"], 8), (["register"], 9), (["backlog", "list"], 8), (["backlog", "ready", "products", "--all"], 8)],
)
def test_a_command_without_settings_names_all_of_them_and_exits_with_3(
    arguments: list[str], needed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["psa-connector", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (3, "")
    assert said.err.count(" is missing. Expected: ") == needed
    assert said.err.startswith("Nothing is configured here: psa-connector init asks for what it needs"), "what to type"


@pytest.mark.parametrize(
    "failure",
    [Rejected("refused", "No contract \x1b[2J\x07 here."), NotConfigured(["No \x1b[2J\x07 here."])],
    ids=["refused", "not-configured"],
)
def test_a_name_that_a_sentence_quotes_gives_a_terminal_no_instructions(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise failure

    monkeypatch.setattr("service.cli.main.app", command)
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert " [2J " in said
    assert not {"\x1b", "\x07"} & set(said)


@pytest.mark.usefixtures("nothing_set")
def test_who_configured_something_is_not_sent_back_to_the_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE", "Europe/Berlin")
    monkeypatch.setattr(sys, "argv", ["psa-connector", "status"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.startswith("Not configured:\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sandbox", "--servicebus-config", "x.json"], "x.json can't be read"),
        (["run", "--data", "x"], "--data and --environment say how the sandbox is"),
        (["run", "--environment", "psa-3"], "--data and --environment say how the sandbox is"),
        (["sandbox", "--empty", "--schema", "nowhere.json"], "--schema: nowhere.json can't be read: No such file"),
        (["backlog", "ready", "products"], "Name row ids, or say by options like --contract which are meant, or"),
        (["invoice", "create"], "Name contracts, or --all."),
        (["invoice", "create", "ORD-1", "--all"], "contracts by name and --all don't go together."),
        (["backlog", "ready", "retainers", "--all"], "'retainers' is none of these: time-and-material, products"),
        (["backlog", "list", "foo"], "'foo' is none of these: time-and-material, products, milestones."),
        (["backlog", "list", "--output", "yaml"], "'yaml' is none of these: table, json, csv."),
        (["backlog", "ready", "products", "abc"], "'abc' is no id of a row; copy one from"),
        (["backlog", "resume", "x"], "'x' is no id of a command; copy one from `psa-connector audit list` or"),
        (["status", "--service", "foo"], "'foo' is no address; write it as http://127.0.0.1:8080."),
        (["status", "--service", "http://"], "'http://' is no address"),
        (["status", "--service", "http://a:b"], "'http://a:b' is no address"),
        (["invoice", "create", "--all", "--requested-by", "x" * 201], "A name of 201 characters is too long"),
        (["sandbox", "--environment", "ax"], "'ax' is none of these: psa-3, project-operations."),
        (["run", "--sandbox", "--config", "x.toml"], "--sandbox brings its own settings; leave --config out."),
    ],
)
def test_what_is_not_offered_or_not_said_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in " ".join(result.stderr.split())
    assert "Value error" not in result.stderr


@pytest.mark.parametrize("arguments", [[], ["backlog"], ["invoice"]])
def test_help_cuts_no_description(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert "..." not in result.stdout.partition("Commands:")[2]


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


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(
    ("url", "code", "remedy"),
    [
        ("http://127.0.0.1:{closed}", 1, "Check PSA_CONNECTOR_DATAVERSE__URL and the network"),
        (
            "http://127.0.0.1:{sandbox}",
            3,
            "so set PSA_CONNECTOR_DATAVERSE__TOKEN again",
        ),
    ],
)
def test_a_failure_to_get_through_says_what_to_do(
    url: str, code: int, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    with Sandbox(company=False) as world:
        address = url.format(closed=closed, sandbox=world.dataverse.rpartition(":")[2])
        for name, value in pointing_at(address, "of-yesterday", world.servicebus).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["psa-connector", "backlog", "list"])
        with pytest.raises(SystemExit) as caught:
            main()
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (code, "")
    assert remedy in said.err


def test_every_remedy_is_for_a_code_there_is_and_names_only_settings_there_are() -> None:
    from service.settings_sources import variables
    from tests.service.test_documented_codes import codes

    assert set(REMEDIES) <= {code for code, _ in codes()}
    named = {name for remedy in REMEDIES.values() for name in re.findall(r"PSA_CONNECTOR_\w+", remedy)}
    assert named <= {variable.name for variable in variables()}


@pytest.mark.parametrize("option", ["--servicebus-port", "--dataverse-port"])
def test_a_port_in_use_is_one_sentence_that_names_it_and_its_option(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        result = CliRunner().invoke(app, ["sandbox", "--empty", option, str(port)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Port {port} is in use; name another with {option}" in result.stderr


def test_one_port_for_both_is_wrong_usage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = str(somebody.getsockname()[1])
    result = CliRunner().invoke(app, ["sandbox", "--empty", "--servicebus-port", port, "--dataverse-port", port])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--servicebus-port and --dataverse-port are both {port}" in result.stderr
