"""What `check` says of the endpoint and its steps: every fault it names is made once and recognised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from service.checks.finding import Finding, Verdict
from service.checks.registration import registration
from service.registering.wanted import ENDPOINT, WATCHED
from service.settings_sources import load
from tests.service.registering_environment import API, Environment, our_step, ours

SENDER = "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER"
KEY = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send-events;SharedAccessKey=the-key"


@pytest.fixture
def environment() -> Iterator[Environment]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        environment = Environment(mock)
        environment.rows["serviceendpoints"] = [ours()]
        environment.rows["sdkmessageprocessingsteps"] = [our_step(number) for number in range(len(WATCHED))]
        yield environment


def look() -> list[Finding]:
    client = DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("t"), sleep=lambda _: None)
    try:
        return list(registration(client, load()))
    finally:
        client.close()


@pytest.mark.usefixtures("all_set")
def test_what_is_as_registered_is_well_in_three_requests(environment: Environment) -> None:
    (found,) = look()
    assert (found.verdict, found.sentence) == (
        Verdict.OK,
        "3 steps post to approvals at contoso.servicebus.windows.net.",
    )
    assert [path.partition("?")[0] for path in environment.filters] == [
        "serviceendpoints",
        "sdkmessageprocessingsteps",
        "sdkmessageprocessingstepimages",
    ]
    assert environment.writes == []


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize(
    ("others", "verdict", "words"),
    [
        (None, Verdict.WRONG, "is not there: no event is posted"),
        ({"path": "other"}, Verdict.DRIFT, "posts to other at contoso.servicebus.windows.net; this service receives"),
        (
            {"namespaceaddress": "sb://x.servicebus.windows.net/"},
            Verdict.DRIFT,
            "approvals at x.servicebus.windows.net",
        ),
        ({"issaskeyset": False}, Verdict.WRONG, "has no key: Dataverse can't post"),
        ({"messageformat": 1}, Verdict.DRIFT, "messageformat: 1 -> 2"),
        ({"contract": 7}, Verdict.DRIFT, "contract: 7 -> 6"),
        ({"authtype": 1}, Verdict.DRIFT, "authtype: 1 -> 2"),
    ],
)
def test_a_fault_of_the_endpoint_is_named_with_what_to_type(
    environment: Environment, others: dict[str, object] | None, verdict: Verdict, words: str
) -> None:
    environment.rows["serviceendpoints"] = [] if others is None else [ours(**others)]
    (found,) = look()
    assert found.verdict is verdict
    assert words in found.sentence
    assert str(ENDPOINT) in found.sentence
    assert "psa-connector register" in found.remedy
    assert ("APPROVALS_QUEUE misspelt?" in found.remedy) is (others == {"path": "other"})


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize(
    ("others", "verdict", "words"),
    [
        (None, Verdict.WRONG, "is not there: changes of it are not told"),
        ({"statecode": 1}, Verdict.DRIFT, "is switched off: its events are not posted"),
        ({"filteringattributes": "msdyn_date"}, Verdict.DRIFT, "filteringattributes: msdyn_date -> msdyn_entrystatus"),
        ({"mode": 0}, Verdict.DRIFT, "mode: 0 -> 1"),
        ({"stage": 20}, Verdict.DRIFT, "stage: 20 -> 40"),
        ({"asyncautodelete": False}, Verdict.DRIFT, "asyncautodelete: False -> True"),
        ({"_eventhandler_value": str(WATCHED[0].id)}, Verdict.DRIFT, f"-> {ENDPOINT}"),
    ],
)
def test_a_fault_of_a_step_is_named_with_what_to_type(
    environment: Environment, others: dict[str, object] | None, verdict: Verdict, words: str
) -> None:
    there = [] if others is None else [our_step(0, **others)]
    environment.rows["sdkmessageprocessingsteps"] = [*there, our_step(1), our_step(2)]
    (found,) = look()
    assert found.verdict is verdict
    assert words in found.sentence
    assert "PSA Connector: Update of msdyn_timeentry" in found.sentence
    assert "psa-connector register" in found.remedy


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("APPROVALS_NAMESPACE", "events.servicebus.windows.net"),
        ("APPROVALS_CONNECTION_STRING", KEY.replace("contoso", "events")),
    ],
)
def test_approvals_of_another_namespace_have_to_be_posted_there(
    environment: Environment, all_set: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    if variable == "APPROVALS_NAMESPACE":
        all_set.delenv("PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING")
        all_set.setenv("PSA_CONNECTOR_SERVICEBUS__NAMESPACE", "contoso.servicebus.windows.net")
    all_set.setenv(f"PSA_CONNECTOR_SERVICEBUS__{variable}", value)
    (found,) = look()
    assert found.verdict is Verdict.DRIFT
    assert found.sentence.endswith("this service receives from approvals at events.servicebus.windows.net.")
    all_set.setenv(SENDER, KEY)
    (wrong,) = look()
    assert wrong.verdict is Verdict.WRONG
    assert "is for contoso.servicebus.windows.net, but events are received from events." in wrong.sentence
    environment.rows["serviceendpoints"] = [ours(namespaceaddress="sb://events.servicebus.windows.net/")]
    all_set.delenv(SENDER)
    (well,) = look()
    assert well.verdict is Verdict.OK


def test_what_is_only_worth_knowing_is_a_note(environment: Environment, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv(SENDER, KEY.replace("send-events", "other"))
    environment.rows["sdkmessageprocessingsteps"][0] |= {"name": "Renamed", "rank": 5}
    double = ours(serviceendpointid=str(WATCHED[0].id), name="By hand")
    environment.rows["serviceendpoints"].append(double)
    image: dict[str, Any] = {"sdkmessageprocessingstepimageid": str(ENDPOINT), "name": "All", "attributes": None}
    environment.rows["sdkmessageprocessingstepimages"] = [
        image | {"_sdkmessageprocessingstepid_value": str(WATCHED[1].id)}
    ]
    found = look()
    assert [one.verdict for one in found] == [Verdict.NOTE] * 3 + [Verdict.OK]
    assert "signs as send-events; PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER names other" in found[0].sentence
    assert "The service endpoint By hand" in found[1].sentence
    assert "The image All" in found[2].sentence


@pytest.mark.usefixtures("all_set")
def test_who_may_not_see_the_registration_is_told_so() -> None:
    denied = {"error": {"code": "0x80040220", "message": "is missing prvReadServiceEndpoint privilege"}}
    with responses.RequestsMock() as mock:
        mock.get(f"{API}serviceendpoints", status=403, json=denied)
        (found,) = look()
    assert found.verdict is Verdict.NOT_SEEN
