"""Which product an environment is, and columns of one's own in it: found out on a running sandbox, never assumed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from handlers.verification import VerificationHandler
from mappings import tables
from mappings.choices import TransactionClass, TransactionType
from mappings.profile import OwnColumn, Profile, ReadyMarking, SeveralCostLists, Source, Tie
from mappings.tables import Ref
from sandbox.dataverse.product import Environment
from sandbox.world import Sandbox
from service.app import compose
from service.cli.main import app as command_line
from service.local_world import register_in, sandbox_settings, signed_in
from service.not_configured import NotConfigured
from service.profiles import profile_of
from tests.service.processes import IN_TIME, pointing_at, started

OWN: dict[str, dict[str, Any]] = {
    "new_code": {"type": "string", "length": 20},
    "new_long": {"type": "string", "length": 200},
    "new_note": {"type": "memo", "length": 2000},
    "new_whole": {"type": "integer"},
    "new_flag": {"type": "boolean"},
    "new_kind": {"type": "picklist", "choices": {"1": "One", "2": "Two"}},
    "new_share": {"type": "decimal", "precision": 2},
    "new_money": {"type": "money"},
    "new_day": {"type": "datetime", "behavior": "DateOnly", "format": "DateOnly"},
    "new_moment": {"type": "datetime"},
    "new_customer": {"type": "lookup", "to": {"account": "new_Customer"}},
    "new_worked": {"type": "string", "length": 20, "readonly": True},
    "new_several": {"type": "multiselectpicklist", "choices": {"1": "One"}},
}
MORE = {
    "new_kind": {"type": "picklist", "choices": {"1": "One", "3": "Three"}},
    "new_share": {"type": "decimal", "precision": 4},
    "new_day": {"type": "datetime"},
    "new_customer": {"type": "lookup", "to": {"contact": "new_Customer"}},
    "new_overtime": {"type": "boolean"},
}
TIE = {
    "table": "new_unitlist",
    "label": "Unit list",
    "set": "new_unitlists",
    "id": "new_unitlistid",
    "name": "new_name",
    "common": ["createdon", "modifiedon", "ownerid", "statecode", "statuscode", "versionnumber"],
    "columns": {
        "new_unitlistid": {"type": "id"},
        "new_name": {"type": "string", "length": 50},
        "new_unit": {"type": "lookup", "to": {"msdyn_organizationalunit": "new_Unit"}},
        "new_list": {"type": "lookup", "to": {"pricelevel": "new_List"}},
    },
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Actuals and approvals have columns of one's own; time entries have some of them otherwise; expenses a few."""
    folder = tmp_path_factory.mktemp("schema")
    described: list[dict[str, Any]] = [
        {"table": tables.ACTUAL, "columns": OWN},
        {"table": tables.APPROVAL, "columns": OWN},
        {"table": tables.TIME_ENTRY, "columns": {**OWN, **MORE}},
        {"table": tables.EXPENSE, "columns": {"new_code": OWN["new_code"], "new_whole": OWN["new_whole"]}},
        TIE,
    ]
    for one in described:
        (folder / f"{one['table']}.json").write_text(json.dumps(one), encoding="utf-8")
    with Sandbox(schema=[folder]) as world:
        register_in(world)
        yield world


def profile_with(world: Sandbox, text: str, folder: Path) -> Profile:
    file = folder / "profile.toml"
    file.write_text(text, encoding="utf-8")
    settings = sandbox_settings(world).model_copy(update={"profile": file})
    with signed_in(world, "service") as client:
        return profile_of(client, settings)


def faults_with(world: Sandbox, text: str, folder: Path) -> list[str]:
    with pytest.raises(NotConfigured) as caught:
        profile_with(world, text, folder)
    return [fault.removeprefix(f"{folder / 'profile.toml'}, ") for fault in caught.value.faults]


def column(actual: str, **given: str) -> str:
    return f"[[columns]]\nactual = '{actual}'\n" + "".join(f"{key} = {value}\n" for key, value in given.items())


def test_the_sandbox_is_psa_3_and_has_no_columns_of_its_own(world: Sandbox) -> None:
    with signed_in(world, "service") as client:
        profile = profile_of(client, sandbox_settings(world))
    assert profile == Profile(
        unit_cost_lists=Tie("msdyn_organizationalunit_pricelevel", "msdyn_organizationalunitid", "pricelevelid")
    )
    assert (profile.name, profile.ready_marking) == ("psa-3", ReadyMarking.BILLING_STATUS)


def test_project_operations_is_recognised_and_only_verified() -> None:
    with Sandbox(environment=Environment.PROJECT_OPERATIONS, company=False) as world:
        register_in(world)
        settings = sandbox_settings(world)
        assert settings.actuals.creator == "product"
        app = compose(settings, now=world.clock.now)
        app.check()
        assert app.profile is not None
        assert (app.profile.name, app.profile.several_cost_lists, app.profile.ready_marking) == (
            "project-operations",
            SeveralCostLists.MOST_RECENT,
            ReadyMarking.ACTION,
        )
        assert isinstance(app.mission.entries, VerificationHandler)
        app.close()

        creating = settings.actuals.model_copy(update={"creator": "service", "start_from": date(2026, 1, 1)})
        app = compose(settings.model_copy(update={"actuals": creating}))
        with pytest.raises(NotConfigured) as caught:
            app.check()
        app.close()
    (fault,) = caught.value.faults
    assert fault.startswith("PSA_CONNECTOR_ACTUALS__CREATOR is `service`, but this environment is Project Operations")
    assert fault.endswith("Set it to `product`.")


def test_columns_are_taken_over_from_entry_approval_or_a_constant(world: Sandbox, tmp_path: Path) -> None:
    profile = profile_with(
        world,
        column("new_code", from_entry="'new_code'")
        + column("new_flag", from_entry="'new_overtime'", entries="['time']", on="['cost']")
        + column("new_note", from_approval="'new_long'")
        + column("new_share", from_approval="'new_whole'"),
        tmp_path,
    )
    assert profile.columns == (
        OwnColumn("new_code", Source.ENTRY, "new_code"),
        OwnColumn(
            "new_flag",
            Source.ENTRY,
            "new_overtime",
            on=frozenset({TransactionType.COST}),
            entries=frozenset({TransactionClass.TIME}),
        ),
        OwnColumn("new_note", Source.APPROVAL, "new_long"),
        OwnColumn("new_share", Source.APPROVAL, "new_whole"),
    )


@pytest.mark.parametrize(
    ("actual", "written", "value"),
    [
        ("new_code", "'psa'", "psa"),
        ("new_whole", "7", 7),
        ("new_flag", "false", False),
        ("new_kind", "2", 2),
        ("new_share", "1.25", Decimal("1.25")),
        ("new_share", "100", Decimal(100)),
        ("new_day", "2026-03-01", date(2026, 3, 1)),
        ("new_moment", "2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("new_customer", f"'{UUID(int=5)}'", Ref("account", UUID(int=5))),
        ("new_customer", f"'account({UUID(int=5)})'", Ref("account", UUID(int=5))),
    ],
)
def test_a_constant_has_the_type_of_its_column(
    actual: str, written: str, value: object, world: Sandbox, tmp_path: Path
) -> None:
    (own,) = profile_with(world, column(actual, constant=written), tmp_path).columns
    assert own.constant == value
    assert type(own.constant) is type(value)


@pytest.mark.parametrize(
    ("actual", "written", "described"),
    [
        ("new_code", "'a text of more than twenty characters'", "text of at most 20 characters"),
        ("new_code", "7", "text of at most 20 characters"),
        ("new_whole", "true", "a whole number"),
        ("new_whole", "1.5", "a whole number"),
        ("new_flag", "1", "yes or no"),
        ("new_kind", "3", "a choice of 1, 2"),
        ("new_share", "1.255", "a number with at most 2 decimal places"),
        ("new_share", "inf", "a number with at most 2 decimal places"),
        ("new_day", "2026-03-01T12:00:00Z", "a day"),
        ("new_moment", "2026-03-01T12:00:00", "a moment (UserLocal)"),
        ("new_customer", f"'contact({UUID(int=5)})'", "a lookup to account"),
        ("new_customer", "'Adatum'", "a lookup to account"),
    ],
)
def test_a_constant_of_another_type_is_refused(
    actual: str, written: str, described: str, world: Sandbox, tmp_path: Path
) -> None:
    (fault,) = faults_with(world, column(actual, constant=written), tmp_path)
    assert fault.startswith("line 3: ")
    assert fault.endswith(f" is no value for `{actual}`, {described}.")


@pytest.mark.parametrize(
    ("actual", "source", "reason"),
    [
        ("new_code", "new_long", "it has room for 20 characters, and the other for 200"),
        ("new_share", "new_share", "it keeps 2 decimal places, and the other 4"),
        ("new_kind", "new_kind", "it has no choice 3"),
        ("new_day", "new_day", "the one is a day, the other a moment (UserLocal)"),
        ("new_customer", "new_customer", "it can't point at contact"),
        ("new_whole", "new_flag", "the one is a whole number, the other yes or no"),
        ("new_whole", "new_several", "columns of type Virtual are not supported"),
    ],
)
def test_a_column_that_cannot_hold_what_the_other_may_hold_is_refused(
    actual: str, source: str, reason: str, world: Sandbox, tmp_path: Path
) -> None:
    faults = faults_with(world, column(actual, from_entry=f"'{source}'", entries="['time']"), tmp_path)
    assert faults == [f"line 3: `{actual}` can't take over `msdyn_timeentry.{source}`: {reason}."]


def test_everything_wrong_with_file_and_environment_is_said_at_once_in_the_order_of_the_file(
    world: Sandbox, tmp_path: Path
) -> None:
    faults = faults_with(
        world,
        column("new_typo", from_entry="'new_codes'")
        + column("new_worked", constant="'x'")
        + column("new_money", from_approval="'new_money'")
        + column("new_code", from_entry="'new_moment'")
        + column("new_flag")
        + "[line_tasks]\ntable = 'new_none'\nline = 'a'\ntask = 'b'\n"
        + "[unit_cost_lists]\ntable = 'new_unitlist'\nunit = 'new_unit'\nprice_list = 'new_lists'\n",
        tmp_path,
    )
    only = 'Name the entries that have it, as `entries = ["time"]`.'
    money = (
        "money stands in the currency of its row, and an actual's may be another one than the entry's; use a column "
    )
    money += "of type decimal."
    assert faults == [
        "line 2: `msdyn_actual` has no column `new_typo` in this environment.",
        f"line 3: `msdyn_timeentry` has no column `new_codes` in this environment. {only}",
        f"line 3: `msdyn_expense` has no column `new_codes` in this environment. {only}",
        "line 5: `msdyn_actual.new_worked` can't be written.",
        f"line 8: `msdyn_actual.new_money`: {money}",
        "line 12: `new_code` can't take over `msdyn_timeentry.new_moment`: the one is text of at most 20 characters, "
        "the other a moment (UserLocal).",
        f"line 12: `msdyn_expense` has no column `new_moment` in this environment. {only}",
        "line 13: it needs one of `from_entry`, `from_approval`, `constant`, and has none.",
        "line 16: this environment has no table `new_none`.",
        "line 19: `new_unitlist` has no column `new_lists` in this environment.",
    ]


def test_a_tie_under_a_name_of_ones_own_is_taken(world: Sandbox, tmp_path: Path) -> None:
    text = "[unit_cost_lists]\ntable = 'new_unitlist'\nunit = 'new_unit'\nprice_list = 'new_list'\n"
    assert profile_with(world, text, tmp_path).unit_cost_lists == Tie("new_unitlist", "new_unit", "new_list")


def test_the_mistakes_of_the_documented_profile_are_told_as_the_page_shows(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
    schema = [tmp_path / f"{number}.json" for number in range(2)]
    for file, text in zip(schema, re.findall(r"<<'JSON'\n(.*?)\nJSON\n", page, re.DOTALL), strict=True):
        file.write_text(text, encoding="utf-8")
    (profile,) = re.findall(r"<<'TOML'\n(.*?)TOML\n", page, re.DOTALL)
    (said,) = re.findall(r"<!-- said -->\n```\n(.*?)```", page, re.DOTALL)
    with Sandbox(schema=schema, company=False) as world:
        told = faults_with(world, profile, tmp_path)
    assert [f"  profile.toml, {fault}" for fault in told] == said.splitlines()


def test_no_command_that_works_on_the_environment_starts_with_a_wrong_profile(
    world: Sandbox, nothing_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(column("new_typo", constant="1"), encoding="utf-8")
    variables = pointing_at(world.dataverse, world.token, world.servicebus)
    variables["PSA_CONNECTOR_PROFILE"] = str(file)
    for name, value in variables.items():
        nothing_set.setenv(name, value)
    for command in (["backlog", "list"], ["reconcile"], ["reconcile", "--repair", "--yes"]):
        result = CliRunner().invoke(command_line, command)
        assert isinstance(result.exception, NotConfigured), command
    with started("run", cwd=tmp_path, **variables) as process:
        _, said = process.communicate(timeout=IN_TIME)
    assert process.returncode == 3
    assert said.endswith(
        f"Not configured:\n  {file}, line 2: `msdyn_actual` has no column `new_typo` in this environment.\n"
    )
