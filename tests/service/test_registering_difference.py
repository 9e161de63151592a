"""What registering finds, request by request, and what it makes of it: the difference, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from service.registering.difference import Standing
from service.registering.wanted import ENDPOINT, WATCHED
from service.registration import Result, carry_out
from tests.service.registering_environment import API, UPDATE, Environment, difference_of, our_step, ours


@pytest.fixture
def environment() -> Iterator[Environment]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Environment(mock)


def test_looking_takes_five_requests_and_writes_nothing(environment: Environment) -> None:
    environment.rows["sdkmessageprocessingsteps"] = [our_step(0)]
    difference_of()
    assert environment.writes == []
    asked = [path.partition("?")[0] for path in environment.filters]
    assert asked == [
        "EntityDefinitions",
        "serviceendpoints",
        "sdkmessageprocessingsteps",
        "sdkmessageprocessingstepimages",
        "sdkmessagefilters",
    ]
    assert "sdkmessageid/name eq 'Update' and (primaryobjecttypecode eq 'msdyn_timeentry' or" in environment.filters[-1]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"namespaceaddress": "sb://CONTOSO.servicebus.windows.net"}, []),
        ({"namespaceaddress": "sb://fabrikam.servicebus.windows.net/"}, ["namespaceaddress", "key"]),
        ({"saskeyname": "RootManageSharedAccessKey"}, ["saskeyname", "key"]),
        ({"issaskeyset": False}, ["key"]),
        ({"messageformat": 1, "contract": 7}, ["contract", "messageformat", "key"]),
    ],
)
def test_the_difference_of_an_endpoint_is_told_and_never_its_key(
    environment: Environment, others: dict[str, object], said: list[str]
) -> None:
    environment.rows["serviceendpoints"] = [ours(**others)]
    item = next(one for one in difference_of() if one.what == "service endpoint")
    assert [one.what for one in item.differs] == said
    assert item.standing is (Standing.DIFFERS if said else Standing.THERE)
    assert "the-key" not in repr(item)
    assert item.changes is (len(said) > 1), "handing over a key where there is none changes nothing that is there"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"filteringattributes": "MSDYN_EntryStatus "}, []),
        ({"filteringattributes": None}, ["filteringattributes: empty -> msdyn_entrystatus"]),
        ({"mode": 0, "asyncautodelete": False}, ["mode: 0 -> 1", "asyncautodelete: False -> True"]),
        (
            {"_eventhandler_value": "22222222-0000-0000-0000-000000000002"},
            ["service endpoint: 22222222-0000-0000-0000-"],
        ),
    ],
)
def test_the_difference_of_a_step_is_told(environment: Environment, others: dict[str, object], said: list[str]) -> None:
    environment.rows["sdkmessageprocessingsteps"] = [our_step(0, **others)]
    item = next(one for one in difference_of() if one.name == "msdyn_timeentry")
    assert len(item.differs) == len(said)
    assert all(str(one).startswith(start) for one, start in zip(item.differs, said, strict=True))
    assert item.changes is bool(said)


def test_doubles_and_images_of_others_are_named_and_left_alone(environment: Environment) -> None:
    other, step = "33333333-0000-0000-0000-000000000003", "44444444-0000-0000-0000-000000000004"
    elsewhere = ours(serviceendpointid=step, namespaceaddress="sb://fabrikam.servicebus.windows.net/", name="Else")
    environment.rows["serviceendpoints"] = [ours(), ours(serviceendpointid=other, name="By hand"), elsewhere]
    double = our_step(0, sdkmessageprocessingstepid=step, name="Time again", _eventhandler_value=other)
    environment.rows["sdkmessageprocessingsteps"] = [our_step(0), double]
    image = {"sdkmessageprocessingstepimageid": other, "name": "All", "attributes": None}
    image["_sdkmessageprocessingstepid_value"] = str(WATCHED[0].id)
    environment.rows["sdkmessageprocessingstepimages"] = [image]
    strange = [one for one in difference_of() if one.standing is Standing.STRANGER]
    assert [(one.what, one.name) for one in strange] == [
        ("service endpoint", "By hand"),
        ("step", "Time again"),
        ("image", "All"),
    ]
    assert all(one.note and not one.writes for one in strange)


def test_a_step_that_is_off_is_left_off_unless_it_is_asked_for(environment: Environment) -> None:
    environment.rows["sdkmessageprocessingsteps"] = [our_step(0, statecode=1)]
    left = next(one for one in difference_of() if one.name == "msdyn_timeentry")
    assert (left.standing, left.writes) == (Standing.OFF, ())
    on = next(one for one in difference_of(switch_on=True) if one.name == "msdyn_timeentry")
    assert [write.body for write in on.writes] == [{"statecode": 0, "statuscode": 1}]
    assert not on.changes, "it was asked for by name"


def test_a_solution_is_made_first_and_everything_is_made_in_it(environment: Environment) -> None:
    items = difference_of("PSAConnector")
    assert [one.what for one in items][:3] == ["publisher", "solution", "table"]
    (publisher,), (solution,) = items[0].writes, items[1].writes
    assert (publisher.path, publisher.body["customizationprefix"]) == ("publishers", "psac")
    assert solution.body["publisherid@odata.bind"] == f"/publishers({items[0].id})"
    made = [write for one in items[2:] for write in one.writes]
    assert {write.headers["MSCRM.SolutionUniqueName"] for write in made} == {"PSAConnector"}


def test_what_is_there_already_is_added_to_the_solution(environment: Environment) -> None:
    environment.rows["solutions"] = [{"solutionid": UPDATE, "uniquename": "Mine", "ismanaged": False}]
    environment.rows["solutioncomponents"] = [{"objectid": str(WATCHED[0].id)}]
    environment.rows["serviceendpoints"] = [ours()]
    environment.rows["sdkmessageprocessingsteps"] = [our_step(0)]
    items = {(one.what, one.name): one for one in difference_of("Mine")}
    assert items["step", "msdyn_timeentry"].standing is Standing.THERE
    (added,) = items["service endpoint", "approvals"].writes
    assert (added.method, added.path) == ("POST", "AddSolutionComponent")
    assert added.body == {
        "ComponentId": str(ENDPOINT),
        "ComponentType": 95,
        "SolutionUniqueName": "Mine",
        "AddRequiredComponents": False,
    }
    environment.rows["solutions"][0]["ismanaged"] = True
    managed = {(one.what, one.name): one for one in difference_of("Mine")}
    assert managed["service endpoint", "approvals"].writes == (), "nothing is added to a managed solution"


def test_carrying_out_a_difference_twice_over_says_what_was_done(environment: Environment) -> None:
    environment.rows["serviceendpoints"] = [ours(issaskeyset=False)]
    client = DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("administrator"))
    done = carry_out(client, difference_of("Mine"))
    client.close()
    assert [(one.what, one.result) for one in done][:4] == [
        ("publisher", Result.MADE),
        ("solution", Result.MADE),
        ("table", Result.MADE),
        ("service endpoint", Result.CHANGED),
    ]
    assert environment.writes[3][:2] == ("PATCH", f"serviceendpoints({ENDPOINT})")
    assert environment.writes[4][1] == "AddSolutionComponent"
