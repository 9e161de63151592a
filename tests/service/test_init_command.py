"""``psa-connector init``: what it asks, what it proposes and why, and the two files it writes, or does not."""

from __future__ import annotations

import json
import stat
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from dotenv import dotenv_values
from typer.testing import CliRunner, Result

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from mappings.profile import Creator, Profile
from sandbox.dataverse.product.switches import Environment
from sandbox.dataverse.seed import ORGANIZATION
from sandbox.world import Sandbox
from service.checks.creators import Creators
from service.cli import init as command
from service.cli.exits import Exit
from service.cli.main import app
from service.not_configured import NotConfigured
from service.setting_up import proposal
from service.setting_up.answers import Answers
from service.setting_up.files import env_text, toml_text
from service.setting_up.proposal import _bulk, creator_of
from service.settings_sources import load, variables

TOML, ENV = Path("psa-connector.toml"), Path(".env")
BY_PRODUCT = Creators(0, 5, 0, 0, 0)


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


@pytest.fixture(autouse=True)
def _nothing_set(nothing_set: pytest.MonkeyPatch) -> None:
    """No variable, and an empty folder."""


def init(world: Sandbox, *arguments: str, given: str | None = None) -> Result:
    where = ("--url", world.dataverse, "--token", world.tokens["service"], "--time-zone", "Europe/Berlin")
    return CliRunner().invoke(app, ["init", *where, "--servicebus", world.servicebus, *arguments], input=given)


def faults(result: Result) -> list[str]:
    assert isinstance(result.exception, NotConfigured), result.output
    return result.exception.faults


def test_flags_alone_write_settings_that_hold_and_no_secret_where_others_may_read(world: Sandbox) -> None:
    result = init(world, "--creator", "service", "--start-from", "2026-02-01", "--output", "json")
    assert result.exit_code == Exit.DONE, result.output
    assert json.loads(result.stdout)["files"] == [str(TOML), str(ENV)]
    text = TOML.read_text(encoding="utf-8")
    key = world.servicebus.partition("SharedAccessKey=")[2].partition(";")[0]
    for secret in (world.tokens["service"], key):
        assert secret not in text + result.output
    assert all(f"# {variable.path[-1]} =" in text or f"\n{variable.path[-1]} = " in text for variable in shown())
    if sys.platform != "win32":
        assert stat.S_IMODE(ENV.stat().st_mode) == 0o600
    settings = load()
    assert settings.dataverse.token is not None
    assert settings.dataverse.token.get_secret_value() == world.tokens["service"]
    assert (settings.actuals.creator, str(settings.actuals.start_from)) == ("service", "2026-02-01")
    assert (str(settings.business_time_zone), settings.organization_id) == ("Europe/Berlin", ORGANIZATION)
    told = {row["area"]: row["sentence"] for row in json.loads(result.stdout)["findings"]}
    assert told["profile"] == "This environment is psa-3."
    assert "fence mode" in told["actions"]
    assert "takes CreateMultiple" in told["bulk"]


def shown() -> list[Any]:
    return [variable for variable in variables() if not variable.is_secret]


def test_files_that_are_there_stay_unless_a_person_says_so_and_other_programs_keep_their_lines(world: Sandbox) -> None:
    ENV.write_text("OTHER=1\nexport PSA_CONNECTOR_DATAVERSE__CLIENT_SECRET=old\n# kept\n", encoding="utf-8")
    TOML.write_text("mine = 1\n", encoding="utf-8")
    assert faults(init(world, "--creator", "service")) == [
        "psa-connector.toml is there already; --yes writes it anew, with what it says.",
        ".env is there already; --yes writes it anew, with what it says.",
    ]
    assert TOML.read_text(encoding="utf-8") == "mine = 1\n"
    assert init(world, "--creator", "service", "--yes").exit_code == Exit.DONE
    assert list(dotenv_values(ENV)) == [
        "OTHER",
        "PSA_CONNECTOR_DATAVERSE__TOKEN",
        "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING",
    ]
    assert "# kept\n" in ENV.read_text(encoding="utf-8")
    assert tomllib.loads(TOML.read_text(encoding="utf-8"))["actuals"]["creator"] == "service"


def test_a_user_that_sees_only_its_own_rows_is_told_nobody(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposal, "shallow_reads", lambda *_: ["msdyn_actual"])
    monkeypatch.setattr(proposal, "creators", lambda *_: Creators(0, 0, 0, 9, 9))
    result = init(world, "--output", "json")
    assert json.loads(result.stdout)["proposed_creator"] is None
    assert "could not be seen" in faults(result)[0]
    (told,) = (one for one in json.loads(result.stdout)["findings"] if one["area"] == "creator")
    assert (told["verdict"], "msdyn_actual" in told["sentence"]) == ("not seen", True)


def test_where_one_file_cannot_be_written_the_other_stays_as_it_was(world: Sandbox) -> None:
    ENV.write_text("OTHER=1\n", encoding="utf-8")
    Path("folder").mkdir()
    for config in ("gone/x.toml", ".env/x", "folder"):
        (fault,) = faults(init(world, "--creator", "service", "--yes", "--config", config))
        assert fault.startswith(f"{Path(config)} can't be written: ")
    assert ENV.read_text(encoding="utf-8") == "OTHER=1\n"
    assert sorted(path.name for path in Path().iterdir()) == [".env", "folder"]


def test_a_dry_run_shows_the_file_and_writes_nothing(world: Sandbox) -> None:
    TOML.write_text("mine = 1\n", encoding="utf-8")
    result = init(world, "--creator", "product", "--dry-run", "--output", "json")
    assert result.exit_code == Exit.DONE
    assert tomllib.loads(json.loads(result.stdout)["settings"])["actuals"] == {"creator": "product"}
    assert (TOML.read_text(encoding="utf-8"), ENV.exists()) == ("mine = 1\n", False)
    assert "\ncreator = " in init(world, "--creator", "product", "--dry-run").stdout


def test_where_the_rows_tell_nothing_the_creator_has_to_be_said(world: Sandbox) -> None:
    (fault,) = faults(init(world))
    assert fault.startswith("Who creates actuals has to be said (--creator service or product). No entry of a project")
    assert not TOML.exists()


def test_what_no_option_says_is_taken_from_the_variable_of_any_setting(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSA_CONNECTOR_CEILING__AMOUNT", '{"USD": 5}')
    monkeypatch.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", '["a@contoso.com"]')
    monkeypatch.setenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("PSA_CONNECTOR_WORKERS__BATCH", "7")
    assert init(world, "--creator", "product").exit_code == Exit.DONE
    for name in ("CEILING__AMOUNT", "COMMANDS__ALLOWED", "BUSINESS_TIME_ZONE", "WORKERS__BATCH"):
        monkeypatch.delenv(f"PSA_CONNECTOR_{name}")
    settings = load()
    assert (settings.ceiling.amount, settings.commands.allowed) == ({"USD": Decimal(5)}, ["a@contoso.com"])
    assert (str(settings.business_time_zone), settings.workers.batch) == ("Europe/Berlin", 7)


def test_the_creator_the_rows_tell_is_proposed_and_another_takes_a_persons_word(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposal, "creators", lambda *_: BY_PRODUCT)
    (fault,) = faults(init(world, "--creator", "service"))
    assert "5 by the product or somebody else" in fault
    assert "--yes writes 'service' all the same" in fault
    assert not ENV.exists()
    assert init(world).exit_code == Exit.DONE
    assert load().actuals.creator == "product"
    assert "So approval makes the product create them." in " ".join(TOML.read_text("utf-8").replace("#", "").split())
    assert init(world, "--creator", "service", "--yes").exit_code == Exit.DONE
    assert load().actuals.creator == "service"


def test_in_project_operations_it_is_the_product_and_nobody_else() -> None:
    with Sandbox(company=False, environment=Environment.PROJECT_OPERATIONS) as world:
        (fault,) = faults(init(world, "--creator", "service"))
        assert fault == "Who creates actuals can't be 'service' there, only product."
        result = init(world, "--output", "json")
    assert result.exit_code == Exit.DONE, result.output
    assert json.loads(result.stdout)["proposed_creator"] == "product"
    said = [row["sentence"] for row in json.loads(result.stdout)["findings"] if row["area"] == "actions"]
    assert any("msdyn_MarkActualReadyToInvoiceOrNot takes" in sentence for sentence in said)


def test_everything_that_is_missing_is_named_at_once() -> None:
    found = faults(CliRunner().invoke(app, ["init", "--creator", "me"]))
    assert any("ACTUALS__CREATOR (--creator) is 'me'" in fault for fault in found)
    for name in ("DATAVERSE__URL", "DATAVERSE__CLIENT_ID", "SERVICEBUS__CONNECTION_STRING", "BUSINESS_TIME_ZONE"):
        assert any(fault.startswith(f"PSA_CONNECTOR_{name} is missing") for fault in found)
    assert not TOML.exists()


def test_an_environment_that_does_not_answer_gets_no_files(world: Sandbox) -> None:
    result = init(world, "--url", "http://127.0.0.1:9", "--creator", "service")
    assert result.exit_code == Exit.NOT_CONFIGURED
    assert "could not be reached" in " ".join(result.stdout.replace("│", " ").split())
    assert "Nothing was written." in result.stderr
    assert "No entry of a project was approved" not in result.stdout
    assert not TOML.exists()


def test_at_a_terminal_what_is_missing_is_asked_for(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    seen = CliRunner().invoke(
        app, ["init", "--token", "t"], input=f"{world.dataverse}\nUTC\nx.servicebus.windows.net\n\n"
    )
    assert any("NAMESPACE is set, but a fixed token" in fault for fault in faults(seen))
    # What can't be is asked for again at once, and is not shown.
    lines = (
        "here",
        world.dataverse,
        world.servicebus,
        "Europe/Berlin",
        world.servicebus,
        world.servicebus,
        "me",
        "service",
    )
    typed = "\n".join(lines) + "\n"
    result = CliRunner().invoke(app, ["init", "--token", world.tokens["service"]], input=typed)
    assert result.exit_code == Exit.DONE, result.output
    assert "Who creates actuals there, service or product" in result.stderr
    assert not [line for line in result.output.splitlines() if "Error" in line and "SharedAccessKey" in line]
    assert load().actuals.creator == "service"
    assert load().servicebus.event_sender is not None
    assert "Next, as an administrator: psa-connector register, then psa-connector role apply runtime" in result.stderr


@pytest.mark.parametrize(
    ("found", "creator", "reason"),
    [
        (Creators(0, 0, 0, 0, 0), None, "Approve a test entry"),
        (Creators(0, 3, 0, 1, 1), "product", "makes the product create them"),
        (Creators(3, 0, 0, 1, 0), "service", "has been their creator"),
        (Creators(0, 0, 0, 4, 3), "service", "own creation is off"),
        (Creators(0, 0, 0, 180, 2), None, "may as well have failed"),
        (None, None, "could not be seen"),
        (Creators(0, 0, 0, 2, 0), None, "wait half an hour"),
        (Creators(1, 1, 0, 0, 0), None, "Find out first"),
        (Creators(0, 0, 1, 0, 0), None, "Find out first"),
    ],
)
def test_who_creates_actuals_is_concluded_only_from_rows_that_agree(
    found: Creators | None, creator: str | None, reason: str
) -> None:
    proposed, why = creator_of(Profile(), found)
    assert proposed == creator
    assert reason in why
    only = Profile(name="project-operations", creators=frozenset({Creator.PRODUCT}))
    assert creator_of(only, found)[0] == "product"


def test_awkward_values_come_back_as_they_were() -> None:
    secret = "a'b\\c\"d#e$f=g $HOME ü"  # invented
    answers = Answers({"DATAVERSE__CLIENT_SECRET": secret, "DATAVERSE__CERTIFICATE": 'C:\\keys\\"x".pfx'})
    ENV.write_text(env_text(answers), encoding="utf-8")
    with pytest.raises(NotConfigured, match=r"which a \.env file can't"):
        env_text(Answers({"DATAVERSE__CLIENT_SECRET": "${HOME}"}))
    assert dotenv_values(ENV)["PSA_CONNECTOR_DATAVERSE__CLIENT_SECRET"] == secret
    assert tomllib.loads(toml_text(answers, {}))["dataverse"] == {"certificate": 'C:\\keys\\"x".pfx'}
    assert secret not in repr(answers)


def test_bulk_messages_are_asked_for_by_message_and_table() -> None:
    with responses.RequestsMock() as mock:
        mock.get("https://contoso.crm4.dynamics.com/api/data/v9.2/sdkmessagefilters", json={"value": []})
        (found,) = _bulk(DataverseClient("https://contoso.crm4.dynamics.com", StaticToken("t")))
        query = parse_qs(urlsplit(str(mock.calls[0].request.url)).query)
    assert "does not take CreateMultiple" in found.sentence
    assert query["$filter"] == ["sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq 'msdyn_actual'"]
