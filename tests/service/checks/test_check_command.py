"""``psa-connector check`` on a running sandbox: what is well, and faults with their remedies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mappings.choices import ProductType
from sandbox.dataverse.security.privileges import ADMINISTRATOR, assign, make_role
from sandbox.dataverse.seed import ORGANIZATION, USERS
from sandbox.world import Sandbox
from service.checks import needed
from service.checks.needed import NEEDED, Need
from service.checks.shown_settings import HIDDEN
from service.cli.exits import Exit
from service.cli.main import app
from service.local_world import register_in
from tests.service.processes import pointing_at

GLOBAL, USER = 8, 1


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        register_in(world)
        yield world


@pytest.fixture
def configured(world: Sandbox, nothing_set: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in pointing_at(world.dataverse, world.tokens["service"], world.servicebus).items():
        nothing_set.setenv(name, value)
    nothing_set.setenv("PSA_CONNECTOR_ORGANIZATION_ID", str(ORGANIZATION))
    nothing_set.setenv("PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER", world.servicebus)
    yield nothing_set
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        assign(uow, USERS["service"], ADMINISTRATOR)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def said(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def findings(result: Result, area: str, verdict: str) -> list[tuple[str, str]]:
    rows = said(result)["findings"]
    return [(row["sentence"], row["remedy"] or "") for row in rows if (row["area"], row["verdict"]) == (area, verdict)]


@pytest.mark.usefixtures("configured")
def test_a_registered_sandbox_is_well_and_only_what_cannot_be_seen_is_open(world: Sandbox) -> None:
    result = check("--output", "json")
    assert result.exit_code == Exit.DONE, result.output
    rows = said(result)["findings"]
    assert {row["verdict"] for row in rows} <= {"ok", "note", "not seen"}
    areas = "settings sign-in clock tables columns choices keys privileges profile actions creator queues"
    assert set(areas.split()) <= {row["area"] for row in rows}
    unseen = findings(result, "queues", "not seen")
    assert [sentence.partition(":")[0] for sentence, _ in unseen] == ["Settings of approvals", "Settings of commands"]
    assert all("portal" in remedy for _, remedy in unseen)
    for secret in (world.tokens["service"], world.servicebus.partition("SharedAccessKey=")[2].partition(";")[0]):
        assert secret not in result.output


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("code", "verdict"), [(35, "ok"), (110, "note")])
def test_the_users_time_zone_is_held_against_the_business_one(world: Sandbox, code: int, verdict: str) -> None:
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        if uow.get("usersettings", USERS["service"]) is None:
            uow.create("usersettings", {}, USERS["service"])
        uow.update("usersettings", USERS["service"], {"timezonecode": code})
    ((sentence, _),) = findings(check("--output", "json"), "time zone", verdict)
    assert f"(code {code})" in sentence


def test_settings_are_shown_with_where_they_come_from_and_secrets_are_not(configured: pytest.MonkeyPatch) -> None:
    Path("psa-connector.toml").write_text(
        'business_time_zone = "Europe/Berlin"\n[ceiling]\namount = {USD = 5}\n[workers]\nbatch = 7\n', encoding="utf-8"
    )
    Path(".env").write_text("PSA_CONNECTOR_WORKERS__BATCH=9\n", encoding="utf-8")
    shown = {row["name"]: (row["value"], row["source"]) for row in said(check("--output", "json"))["settings"]}
    assert shown["PSA_CONNECTOR_BUSINESS_TIME_ZONE"] == ("America/New_York", "environment")
    assert shown["PSA_CONNECTOR_WORKERS__BATCH"] == ("9", ".env")
    assert shown["PSA_CONNECTOR_CEILING__AMOUNT"] == ('{"USD": "5"}', "psa-connector.toml")
    assert shown["PSA_CONNECTOR_CEILING__ROWS"] == ("250", "default")
    assert shown["PSA_CONNECTOR_DATAVERSE__TOKEN"] == (HIDDEN, "environment")
    assert shown["PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING"] == (HIDDEN, "environment")
    assert shown["PSA_CONNECTOR_PROFILE"] == (None, "default")


@pytest.mark.usefixtures("nothing_set")
def test_settings_that_are_missing_are_all_named_and_nothing_else_is_tried() -> None:
    result = check("--output", "json")
    assert result.exit_code == Exit.NOT_CONFIGURED
    sentences = [sentence for sentence, _ in findings(result, "settings", "not configured")]
    assert any(sentence.startswith("PSA_CONNECTOR_DATAVERSE__URL is missing. Expected:") for sentence in sentences)
    assert len(sentences) == len(said(result)["findings"]) > 5


@pytest.mark.usefixtures("configured")
def test_privileges_that_are_missing_or_too_shallow_are_named_with_what_that_means(world: Sandbox) -> None:
    rights = {table: dict.fromkeys(need.rights, GLOBAL) for table, need in NEEDED.items() if need.rights}
    rights.pop("msdyn_organizationalunit_pricelevel")
    rights["msdyn_actual"]["Read"] = USER
    del rights["msdyn_expense"]["Read"]
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        assign(uow, USERS["service"], make_role(uow, "too little", rights))
    result = check("--output", "json", "--problems")
    assert result.exit_code == Exit.NOT_CONFIGURED
    told = findings(result, "privileges", "not configured")
    assert [sentence for sentence, _ in told] == [
        "msdyn_expense: missing Read (prvReadmsdyn_expense).",
        "msdyn_actual: prvReadmsdyn_actual reaches only *user*: rows of others are not there for it, and what is "
        "there already could be made a second time.",
        "prvActOnBehalfOfAnotherUser is missing: a command that comes as a message can't be carried out as the person "
        "who asks.",
    ]
    assert all(remedy for _, remedy in told)


def test_what_the_environment_lacks_is_drift_and_named(configured: pytest.MonkeyPatch) -> None:
    configured.setitem(NEEDED, "msdyn_gone", Need(("Read",), ()))
    expense = NEEDED["msdyn_expense"]
    configured.setitem(NEEDED, "msdyn_expense", Need(expense.rights, (*expense.columns, "msdyn_gone")))
    configured.setitem(needed.CHOICES, ("msdyn_expense", "msdyn_expensestatus"), ProductType)
    result = check("--output", "json", "--problems")
    assert result.exit_code == Exit.WORK_LEFT
    assert [one["sentence"] for one in said(result)["findings"]] == [
        "The table msdyn_gone is missing.",
        "The column msdyn_expense.msdyn_gone is missing.",
        "msdyn_expense.msdyn_expensestatus lacks product (1), project based service (5).",
    ]
    assert all(one["remedy"] for one in said(result)["findings"])


def test_everything_that_is_wrong_is_said_at_once(world: Sandbox, configured: pytest.MonkeyPatch) -> None:
    head, _, _ = world.servicebus.partition("SharedAccessKey=")
    configured.setenv(
        "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING", f"{head}SharedAccessKey=wrong;UseDevelopmentEmulator=true"
    )
    configured.setenv("PSA_CONNECTOR_ORGANIZATION_ID", "3b1c7f6e-0000-4000-8000-000000000001")
    configured.setenv("PSA_CONNECTOR_UNIT_TIME_ZONES", '{"3b1c7f6e-0000-4000-8000-000000000002": "Asia/Tokyo"}')
    result = check("--problems")
    assert result.exit_code == Exit.NOT_CONFIGURED
    for words in (
        "the settings name 3b1c7f6e",
        "000000000002, which is not in this",
        "Service Bus refused the sign-in",
    ):
        assert words in " ".join(result.stdout.replace("│", " ").split()), result.stdout


def test_nobody_at_home_fails_and_the_queues_are_looked_at_all_the_same(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("PSA_CONNECTOR_DATAVERSE__URL", "http://127.0.0.1:9")
    result = check("--output", "json")
    assert result.exit_code == Exit.FAILED
    ((sentence, remedy),) = findings(result, "sign-in", "no answer")
    assert "could not be reached" in sentence
    assert "PSA_CONNECTOR_DATAVERSE__URL" in remedy
    assert ("Queue approvals can be received from.", "") in findings(result, "queues", "ok")


def test_before_registering_the_command_table_is_named_with_the_command_to_type(
    nothing_set: pytest.MonkeyPatch,
) -> None:
    with Sandbox(company=False) as bare:
        for name, value in pointing_at(bare.dataverse, bare.tokens["service"], bare.servicebus).items():
            nothing_set.setenv(name, value)
        result = check("--output", "json")
    assert result.exit_code == Exit.NOT_CONFIGURED
    ((sentence, remedy),) = findings(result, "tables", "not configured")
    assert (sentence, "psa-connector register" in remedy) == ("The table psac_command is not there yet.", True)
    assert findings(result, "columns", "ok")


@pytest.mark.usefixtures("configured")
def test_a_user_whose_role_was_taken_away_is_told_what_to_type_once(world: Sandbox) -> None:
    with world.web.organisation.transaction(USERS["administrator"]) as uow:
        assign(uow, USERS["service"])
    result = check("--output", "json")
    remedies = [one["remedy"] or "" for one in said(result)["findings"]]
    assert result.exit_code == Exit.NOT_CONFIGURED
    assert sum(f"role apply runtime --to {USERS['service']}" in remedy for remedy in remedies) == 1
    assert any("For the reason told above" in one["sentence"] for one in said(result)["findings"])


def test_a_queue_that_is_not_there_is_told_by_the_setting_that_names_it(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE", "aprovals")
    found = findings(check("--output", "json", "--problems"), "queues", "not configured")
    assert found
    assert all("APPROVALS_QUEUE" in remedy and "COMMANDS_QUEUE" not in remedy for _, remedy in found)
    assert not any("registered" in sentence for sentence, _ in found)
