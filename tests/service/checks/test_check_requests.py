"""What `check` asks of a live environment, request by request, and what its answers mean, against mocked HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import responses
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusConnectionError

from connector.auth import StaticToken
from connector.bus_connection import failure
from connector.dataverse.client import DataverseClient, WhoAmI
from connector.errors import Misconfigured
from connector.queue_settings import QueueSettings
from service.checks.creators import Creators, suits
from service.checks.finding import Finding, Verdict, looked
from service.checks.privileges import depths, privileges
from service.checks.queues import fits
from service.checks.schema import versions_and_keys
from service.checks.who import clock, signed_in, time_zone
from service.cli.remedies import REMEDIES
from service.settings_sources import load

API = "https://contoso.crm4.dynamics.com/api/data/v9.2/"
ME = WhoAmI(UUID("11111111-0000-4000-8000-000000000001"), UUID("22222222-0000-4000-8000-000000000002"))
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client() -> DataverseClient:
    return DataverseClient(API.partition("/api")[0], StaticToken("t"), sleep=lambda _: None)


def asked(mock: responses.RequestsMock, call: int = -1) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(str(mock.calls[call].request.url))
    return parts.path.removeprefix("/api/data/v9.2/"), parse_qs(parts.query)


def answer(mock: responses.RequestsMock, path: str, json: Mapping[str, Any] | list[Any]) -> None:
    mock.get(API + path, json=json if isinstance(json, Mapping) else {"value": json})


def only(findings: Iterator[Finding], verdict: Verdict) -> Finding:
    (found,) = [one for one in findings if one.verdict is verdict]
    return found


def test_depths_are_asked_by_name_fifty_at_a_time_and_the_deepest_counts(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    path = f"systemusers({ME.user_id})/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)"
    held = [{"PrivilegeName": "prvReadA", "Depth": depth} for depth in ("Basic", "Global", "Local")]
    answer(mock, path, {"RolePrivileges": held})
    assert depths(client, ME.user_id, [f"prv{number}" for number in range(51)]) == {"prvReadA": "Global"}
    batches = [json.loads(asked(mock, call)[1]["@n"][0]) for call in range(len(mock.calls))]
    assert [len(names) for names in batches] == [50, 1]
    assert asked(mock)[0] == path


@pytest.mark.usefixtures("all_set")
def test_where_the_product_creates_actuals_no_right_to_create_them_is_missed_and_guarded_tables_are_not_asked_for(
    mock: responses.RequestsMock, client: DataverseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = ("Read", "Create", "Write", "Append", "AppendTo", "Assign")
    actual = [{"PrivilegeType": kind, "Name": f"prv{kind}msdyn_actual"} for kind in kinds]
    tables = {"msdyn_actual": actual, "salesorderdetail": []}
    answer(mock, "EntityDefinitions", [{"LogicalName": name, "Privileges": them} for name, them in tables.items()])
    path = f"systemusers({ME.user_id})/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@n)"
    names = ("prvReadmsdyn_actual", "prvWritemsdyn_actual", "prvAppendmsdyn_actual", "prvAppendTomsdyn_actual")
    answer(mock, path, {"RolePrivileges": [{"PrivilegeName": name, "Depth": "Global"} for name in names]})
    monkeypatch.setenv("PSA_CONNECTOR_COMMANDS__ACTING", "service")
    monkeypatch.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", '["a@contoso.com"]')
    creating = list(privileges(client, ME.user_id, load()))
    assert [one.sentence for one in creating] == [
        "msdyn_actual: missing Create (prvCreatemsdyn_actual), Assign (prvAssignmsdyn_actual)."
    ]
    monkeypatch.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    (verifying,) = privileges(client, ME.user_id, load())
    assert (verifying.verdict, verifying.sentence) == (
        Verdict.OK,
        "All 4 privileges are held, for the organization.",
    )
    assert json.loads(asked(mock)[1]["@n"][0]) == list(names)
    assert asked(mock, 0)[1]["$select"] == [
        "LogicalName,IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,Privileges"
    ]


def test_tables_without_versions_and_keys_that_do_not_hold_are_named(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    def table(name: str, *, versions: bool, tracked: bool, keys: Mapping[str, str]) -> dict[str, Any]:
        facts = {"LogicalName": name, "IsOptimisticConcurrencyEnabled": versions, "ChangeTrackingEnabled": tracked}
        return facts | {"Keys": [{"LogicalName": key, "EntityKeyIndexStatus": status} for key, status in keys.items()]}

    answer(
        mock,
        "EntityDefinitions",
        [
            table("msdyn_actual", versions=False, tracked=True, keys={"new_ok": "Active", "new_key": "Failed"}),
            table("msdyn_timeentry", versions=False, tracked=True, keys={}),
            table("msdyn_expense", versions=True, tracked=True, keys={}),
            table("msdyn_projectapproval", versions=True, tracked=False, keys={}),
        ],
    )
    found = {one.sentence: one.verdict for one in versions_and_keys(client)}
    assert found == {
        "The rows of msdyn_actual have no version to change them by (optimistic concurrency is off).": Verdict.WRONG,
        "The alternate key new_key of msdyn_actual is Failed: it keeps nothing unique.": Verdict.NOTE,
        "Whether rows of msdyn_contractlineinvoiceschedule, msdyn_contractlinescheduleofvalue, psac_command, "
        "salesorderdetail have versions is not told: no such table, or it can't be seen.": Verdict.NOT_SEEN,
        "Changes of msdyn_projectapproval are not tracked: `reconcile` looks for them by the day they were made.": (
            Verdict.NOTE
        ),
    }
    assert asked(mock)[1]["$expand"] == ["Keys($select=LogicalName,EntityKeyIndexStatus)"]


@pytest.mark.parametrize(
    ("apart", "verdict", "words"),
    [
        (0, Verdict.OK, "agrees"),
        (59, Verdict.OK, "agrees"),
        (-90, Verdict.DRIFT, "90 s behind"),
        (90, Verdict.DRIFT, "90 s ahead of"),
        (301, Verdict.WRONG, "301 s ahead of"),
    ],
)
def test_the_clock_is_held_against_the_date_of_an_answer(
    mock: responses.RequestsMock, client: DataverseClient, apart: int, verdict: Verdict, words: str
) -> None:
    mock.get(f"{API}WhoAmI", json={}, headers={"Date": "Tue, 03 Mar 2026 12:00:00 GMT"})
    (found,) = clock(client, lambda: NOON + timedelta(seconds=apart))
    assert found.verdict is verdict
    assert words in found.sentence
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_a_date_without_a_zone_is_utc(mock: responses.RequestsMock, client: DataverseClient) -> None:
    mock.get(f"{API}WhoAmI", json={}, headers={"Date": "Tue, 03 Mar 2026 12:00:00 -0000"})
    (found,) = clock(client, lambda: NOON)
    assert found.verdict is Verdict.OK


def test_odd_answers_are_a_finding_and_hide_no_other() -> None:
    def odd() -> Iterator[Finding]:
        yield Finding("keys", Verdict.OK, "The first.")
        raise KeyError("LogicalName")

    first, second = looked("keys", odd, lambda code: code)
    assert (first.verdict, second.verdict) == (Verdict.OK, Verdict.FAILED)
    assert "can't be read (KeyError: 'LogicalName')" in second.sentence


@pytest.mark.usefixtures("all_set")
def test_definitions_that_are_not_told_are_not_well(mock: responses.RequestsMock, client: DataverseClient) -> None:
    answer(mock, "EntityDefinitions", {})
    for look in (partial(privileges, client, ME.user_id, load()), partial(versions_and_keys, client)):
        (found,) = looked("privileges", look, lambda code: "")
        assert (found.verdict, "does not tell the definitions" in found.sentence) == (Verdict.FAILED, True)
    mock.reset()
    answer(mock, "EntityDefinitions", [])
    (found,) = privileges(client, ME.user_id, load())
    assert found.verdict is Verdict.FAILED
    assert Verdict.OK not in {one.verdict for one in versions_and_keys(client)}


def test_an_answer_without_a_date_proves_nothing(mock: responses.RequestsMock, client: DataverseClient) -> None:
    mock.get(f"{API}WhoAmI", json={})
    (found,) = clock(client, lambda: NOON)
    assert found.verdict is Verdict.NOT_SEEN


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize(("hour", "verdict"), [("13", Verdict.OK), ("07", Verdict.NOTE)])
def test_the_users_time_zone_is_asked_by_its_hours(
    mock: responses.RequestsMock, client: DataverseClient, hour: str, verdict: Verdict
) -> None:
    answer(mock, "usersettingscollection", [{"timezonecode": 110}])
    for local in (f"2026-01-15T{hour}:00:00Z", f"2026-07-15T{int(hour) + 1:02}:00:00Z"):
        answer(mock, "LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)", {"LocalTime": local})
    (found,) = time_zone(client, ME, load(), NOON)
    assert found.verdict is verdict
    assert asked(mock) == (
        "LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)",
        {"@c": ["110"], "@t": ["2026-07-15T12:00:00Z"]},
    )


@pytest.mark.usefixtures("all_set")
def test_roles_that_this_user_may_not_read_are_not_made_up(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    answer(mock, f"systemusers({ME.user_id})", {"fullname": "PSA Connector"})
    refused = {"error": {"code": "0x80040220", "message": "missing prvReadRole"}}
    mock.get(f"{API}systemusers({ME.user_id})/systemuserroles_association", json=refused, status=403)
    found = list(signed_in(client, ME, load()))
    assert found[0].sentence.startswith(
        "Signed in by client-secret to https://contoso.crm4.dynamics.com as PSA Connector"
    )
    assert only(iter(found), Verdict.NOT_SEEN).sentence.startswith("Which roles this user has can't be seen")
    assert f"PSA_CONNECTOR_ORGANIZATION_ID={ME.organization_id}" in only(iter(found), Verdict.NOTE).remedy


def test_the_ip_firewall_of_an_environment_is_recognised(mock: responses.RequestsMock, client: DataverseClient) -> None:
    message = "The request you are trying to make is rejected as access to your IP is blocked."
    mock.get(f"{API}WhoAmI", json={"error": {"code": "0x80095ffe", "message": message}}, status=403)

    def look() -> Iterator[Finding]:
        client.who_am_i()
        yield Finding("sign-in", Verdict.OK, "")

    (found,) = looked("sign-in", look, lambda code: REMEDIES[code])
    assert found.verdict is Verdict.WRONG
    assert found.sentence.endswith("(ip-firewall)")
    assert "IP firewall" in found.remedy


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "CBS Token authentication failed. Status code: 401 LocalAuthDisabled: Authorization failed because SAS "
            "authentication has been disabled for the namespace.",
            "bus-local-auth",
        ),
        ("Ip has been prevented to connect to the endpoint. TrackingId:1", "bus-firewall"),
    ],
)
def test_a_namespace_that_takes_no_keys_or_not_this_address_is_told_from_a_wrong_key(said: str, code: str) -> None:
    for error in (ServiceBusAuthenticationError(message=said), ServiceBusConnectionError(message=said)):
        meant = failure(error, "approvals")
        assert isinstance(meant, Misconfigured)
        assert meant.code == code
        assert REMEDIES[code]
    assert failure(ServiceBusAuthenticationError(message="InvalidSignature"), "approvals").code == "bus-sign-in"


GOOD = QueueSettings(timedelta(minutes=1), 50, True, False, timedelta(days=14))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(GOOD, detects_duplicates=False), "does not detect duplicates"),
        (replace(GOOD, deliveries=10), "10 deliveries"),
        (replace(GOOD, lock=timedelta(seconds=30)), "for 30 s only"),
        (replace(GOOD, has_sessions=True), "has sessions"),
        (replace(GOOD, time_to_live=timedelta(hours=1)), "expire after 1:00:00"),
        (replace(GOOD, expired_are_kept=False), "is gone without a word"),
        (replace(GOOD, dead_letters_to="sb://contoso/other"), "is forwarded to sb://contoso/other"),
        (replace(GOOD, forwards_to="sb://contoso/other"), "forwards every message to sb://contoso/other"),
        (replace(GOOD, deleted_after=timedelta(minutes=5)), "deletes itself, with all that is on it"),
    ],
)
def test_each_setting_of_a_queue_that_does_not_go_with_trying_again_is_named(found: QueueSettings, words: str) -> None:
    (fault,) = fits("approvals", found, timedelta(hours=22))
    assert (fault.verdict, words in fault.sentence, bool(fault.remedy)) == (Verdict.DRIFT, True, True)
    (fine,) = fits("approvals", GOOD, timedelta(hours=22))
    assert fine.verdict is Verdict.OK


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize(
    ("creator", "found", "verdict"),
    [
        ("service", Creators(0, 0, 0, 0, 0), Verdict.NOT_SEEN),
        ("service", Creators(3, 0, 0, 1, 0), Verdict.OK),
        # One that is long without any is one that nobody creates; it may be the first of many.
        ("service", Creators(3, 0, 0, 1, 1), Verdict.DRIFT),
        ("service", Creators(0, 0, 0, 180, 180), Verdict.DRIFT),
        ("product", Creators(0, 0, 0, 180, 180), Verdict.DRIFT),
        ("service", Creators(3, 1, 0, 0, 0), Verdict.WRONG),
        ("service", Creators(3, 0, 1, 0, 0), Verdict.WRONG),
        ("product", Creators(0, 3, 0, 1, 0), Verdict.OK),
        ("product", Creators(1, 3, 0, 0, 0), Verdict.DRIFT),
    ],
)
def test_the_creator_is_held_against_who_made_the_actuals(
    monkeypatch: pytest.MonkeyPatch, creator: str, found: Creators, verdict: Verdict
) -> None:
    monkeypatch.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", creator)
    (told,) = suits(found, load())
    assert (told.verdict, bool(told.remedy)) == (verdict, verdict is not Verdict.OK)
