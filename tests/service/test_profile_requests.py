"""What is asked of an environment to find out which product it is, and what its answers mean, against mocked HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from mappings import tables
from mappings.profile import PROJECT_OPERATIONS, PSA_3, Tie
from service.not_configured import NotConfigured
from service.profiles import profile_of
from service.settings import Settings
from service.settings_sources import load

API = "https://contoso.crm4.dynamics.com/api/data/v9.2/"
ACTION = "msdyn_MarkActualReadyToInvoiceOrNot"
COST_LISTS = "msdyn_organizationalunit_pricelevel"
Columns = dict[str, str]
"""Attribute types by column name; a date's type is its behaviour."""


class Environment:
    """A mocked environment: tables with columns, and the names of its messages."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.tables: dict[str, Columns] = {
            tables.ACTUAL: {"msdyn_salescontractlineid": "Lookup", "msdyn_documentdate": "UserLocal"},
            tables.TIME_ENTRY: {"msdyn_date": "UserLocal"},
            tables.EXPENSE: {"msdyn_transactiondate": "UserLocal"},
            tables.APPROVAL: {"msdyn_date": "UserLocal"},
        }
        self.messages: set[str] = set()
        self.asked: list[str] = []
        self.broken: object = None
        mock.add_callback("GET", re.compile(f"{re.escape(API)}.*"), self._answer)

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(request.url)
        path, query = parts.path.removeprefix("/api/data/v9.2/"), unquote(parts.query)
        self.asked.append(f"{path}?{query}")
        if self.broken is not None:
            return 200, {}, json.dumps(self.broken)
        if path == "sdkmessages":
            return 200, {}, json.dumps({"value": [{"name": name} for name in self.messages if f"'{name}'" in query]})
        if dated := re.match(r"EntityDefinitions\(LogicalName='(\w+)'\)/Attributes/.*DateTimeAttributeMetadata", path):
            return 200, {}, json.dumps({"value": [_dated(*one) for one in self.tables[dated[1]].items()]})
        found = [table for table in self.tables if f"'{table}'" in query]
        return 200, {}, json.dumps({"value": [_table(name, self.tables[name]) for name in found]})


def _table(name: str, columns: Columns) -> dict[str, Any]:
    valid = {"IsValidForRead": True, "IsValidForCreate": True, "IsValidForUpdate": True}
    attributes = [
        {"LogicalName": column, "AttributeType": "DateTime" if _is_date(type) else type, **valid}
        for column, type in columns.items()
    ]
    return {"LogicalName": name, "Attributes": attributes, "ManyToOneRelationships": []}


def _dated(column: str, behavior: str) -> dict[str, Any]:
    return {"LogicalName": column, "DateTimeBehavior": {"Value": behavior}}


def _is_date(type: str) -> bool:
    return type in ("UserLocal", "DateOnly", "TimeZoneIndependent")


@pytest.fixture
def environment() -> Iterator[Environment]:
    with responses.RequestsMock() as mock:
        yield Environment(mock)


@pytest.fixture
def settings(all_set: pytest.MonkeyPatch) -> Settings:
    all_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    return load()


@pytest.fixture
def client() -> DataverseClient:
    return DataverseClient("https://contoso.crm4.dynamics.com", StaticToken("token"), sleep=lambda _: None)


def test_one_request_asks_for_all_tables_and_one_for_the_action(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    assert profile_of(client, settings).name == PSA_3
    definitions, messages, *dates = environment.asked
    assert definitions.startswith("EntityDefinitions?$select=LogicalName&$filter=LogicalName eq '")
    assert "'msdyn_projectcontractlinetask'" in definitions
    assert definitions.endswith(
        "&$expand=Attributes($select=LogicalName,AttributeType,IsValidForRead,IsValidForCreate,IsValidForUpdate),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity)"
    )
    assert messages == f"sdkmessages?$select=name&$filter=name eq '{ACTION}'"
    assert dates == [
        f"EntityDefinitions(LogicalName='{table}')/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
        "?$select=LogicalName,DateTimeBehavior"
        for table in (tables.TIME_ENTRY, tables.EXPENSE)
    ]


def test_the_action_that_marks_actuals_ready_makes_it_project_operations(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.messages.add(ACTION)
    assert profile_of(client, settings).name == PROJECT_OPERATIONS


@pytest.mark.parametrize("table", ["msdyn_projectcontractsplitbillingrules", "msdyn_subcontractline"])
def test_a_table_that_only_project_operations_has_is_enough(
    table: str, environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.tables[table] = {}
    assert profile_of(client, settings).name == PROJECT_OPERATIONS
    assert not any("sdkmessages" in asked for asked in environment.asked)


def test_the_service_may_create_in_psa_3_and_not_in_project_operations(
    environment: Environment, client: DataverseClient, all_set: pytest.MonkeyPatch
) -> None:
    assert profile_of(client, load()).name == PSA_3
    environment.messages.add(ACTION)
    with pytest.raises(NotConfigured, match="only the product creates actuals: since update release 55"):
        profile_of(client, load())


def test_an_earlier_version_whose_contract_lines_are_text_is_refused_by_name(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.tables[tables.ACTUAL] = {"msdyn_salescontractline": "String"}
    with pytest.raises(Misconfigured, match="neither Project Service Automation 3 nor Project Operations") as caught:
        profile_of(client, settings)
    assert caught.value.code == "unknown-product"


def test_an_environment_without_actuals_has_neither_product(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.tables.clear()
    with pytest.raises(Misconfigured, match="has no table msdyn_actual; neither product is installed there") as caught:
        profile_of(client, settings)
    assert caught.value.code == "no-project-service"


def test_a_date_column_that_holds_a_day_is_preferred_to_one_that_holds_an_instant(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.messages.add(ACTION)
    environment.tables[tables.ACTUAL]["msdyn_transactiondate"] = "DateOnly"
    environment.tables[tables.TIME_ENTRY] = {"msdyn_transactiondate": "UserLocal", "msdyn_date": "TimeZoneIndependent"}
    profile = profile_of(client, settings)
    assert profile.day_of(tables.ACTUAL) == "msdyn_transactiondate"
    assert profile.day_of(tables.TIME_ENTRY) == "msdyn_date"
    assert profile.day_of(tables.EXPENSE) is None


@pytest.mark.parametrize(
    ("table", "column"), [(tables.TIME_ENTRY, "msdyn_date"), (tables.EXPENSE, "msdyn_transactiondate")]
)
def test_an_entry_that_no_longer_tells_its_moment_is_refused(
    table: str, column: str, environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.tables[table][column] = "DateOnly"
    with pytest.raises(Misconfigured, match=f"The behaviour of {table}.{column} was changed to Date Only") as caught:
        profile_of(client, settings)
    assert caught.value.code == "date-only"


def test_the_cost_lists_of_units_are_found_where_their_table_is_there(
    environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    assert profile_of(client, settings).unit_cost_lists is None
    environment.tables[COST_LISTS] = {"msdyn_organizationalunitid": "Uniqueidentifier"}
    assert profile_of(client, settings).unit_cost_lists is None
    environment.tables[COST_LISTS]["pricelevelid"] = "Uniqueidentifier"
    assert profile_of(client, settings).unit_cost_lists == Tie(COST_LISTS, "msdyn_organizationalunitid", "pricelevelid")


def test_a_file_that_is_no_toml_keeps_it_from_asking_at_all(
    client: DataverseClient, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "profile.toml"
    file.write_text("[[[", encoding="utf-8")
    with pytest.raises(NotConfigured, match="is no TOML file"):
        profile_of(client, settings.model_copy(update={"profile": file}))


@pytest.mark.parametrize(
    ("broken", "code"),
    [([], "unreadable-answer"), ({"value": [{"LogicalName": "msdyn_actual"}]}, "unreadable-metadata")],
)
def test_an_answer_of_another_shape_is_named(
    broken: object, code: str, environment: Environment, client: DataverseClient, settings: Settings
) -> None:
    environment.broken = broken
    with pytest.raises(Misconfigured) as caught:
        profile_of(client, settings)
    assert caught.value.code == code
