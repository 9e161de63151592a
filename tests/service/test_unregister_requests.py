"""What taking back asks and sends, request by request, against mocked HTTP; and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from connector.errors import Conflict, Misconfigured
from service.pausing import HOLD_ID
from service.registering.removal import NAMED, Removal, removal, remove
from service.registering.wanted import ENDPOINT, WATCHED
from tests.service.registering_environment import API, our_step, ours

TABLE = {"LogicalName": "psac_command", "EntitySetName": "psac_commands", "IsManaged": False}


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client() -> DataverseClient:
    return DataverseClient(API.removesuffix("/api/data/v9.2/"), StaticToken("t"), sleep=lambda _: None)


def answers(mock: responses.RequestsMock, path: str, *rows: dict[str, Any], count: int | None = None) -> None:
    counted = {} if count is None else {"@odata.count": count}
    mock.get(API + path, json={"value": list(rows), **counted})


def registered(mock: responses.RequestsMock, *others: dict[str, Any], **endpoint: object) -> None:
    answers(mock, "serviceendpoints", ours(**endpoint))
    answers(mock, "sdkmessageprocessingsteps", *(our_step(number) for number in range(len(WATCHED))), *others)
    answers(mock, "sdkmessageprocessingstepimages")


def look(client: DataverseClient, *, with_table: bool = False) -> Removal:
    return removal(client, "approvals", with_table=with_table)


def test_steps_go_first_then_the_endpoint_and_what_waits_is_counted(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    registered(mock)
    answers(mock, "asyncoperations", count=7)
    found = look(client)
    assert [one.path for one in found.going] == [
        *(f"sdkmessageprocessingsteps({watched.id})" for watched in WATCHED),
        f"serviceendpoints({ENDPOINT})",
    ]
    assert found.refusals == []
    assert found.losses == [
        "7 events wait to be posted and are lost; `psa-connector reconcile` finds what they told of."
    ]
    assert len(mock.calls) == 4
    asked = unquote(str(mock.calls[-1].request.url))
    assert f"statecode ne 3 and (_owningextensionid_value eq {WATCHED[0].id} or " in asked
    assert ("$count=true" in asked, "$top" in asked) == (True, False)
    assert mock.calls[-1].request.headers["Prefer"] == "odata.maxpagesize=1"
    gone = [mock.delete(API + one.path, status=204) for one in found.going]
    for one in found.going:
        remove(client, one)
    assert [one.call_count for one in gone] == [1, 1, 1, 1]


def test_nothing_is_there_and_nothing_more_is_asked(mock: responses.RequestsMock, client: DataverseClient) -> None:
    answers(mock, "serviceendpoints")
    answers(mock, "sdkmessageprocessingsteps")
    answers(mock, "EntityDefinitions")
    assert look(client, with_table=True) == Removal([], [], [])
    assert len(mock.calls) == 3


def test_what_can_not_be_seen_is_said_to_be_lost(mock: responses.RequestsMock, client: DataverseClient) -> None:
    registered(mock)
    denied = {"error": {"code": "0x80040220", "message": "is missing prvReadAsyncOperation privilege"}}
    mock.get(f"{API}asyncoperations", status=403, json=denied)
    assert "can't be seen by this user" in look(client).losses[0]


def test_a_count_that_can_not_be_is_not_told(mock: responses.RequestsMock, client: DataverseClient) -> None:
    registered(mock)
    answers(mock, "asyncoperations", {"asyncoperationid": str(ENDPOINT)}, count=-1)
    assert "can't be seen by this user" in look(client).losses[0]
    answers(mock, "EntityDefinitions", TABLE)
    answers(mock, "psac_commands", TABLE, count=0)
    with pytest.raises(Misconfigured, match="counts 0 rows of psac_commands and shows 1"):
        look(client, with_table=True)


def test_a_pause_is_lost_with_the_table_and_keeps_nothing(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    answers(mock, "serviceendpoints")
    answers(mock, "sdkmessageprocessingsteps")
    answers(mock, "EntityDefinitions", TABLE)
    said = '{"since": "2026-03-01T12:00:00+00:00", "until": null, "reason": "Lunch"}'
    held = {"psac_commandid": str(HOLD_ID), "psac_requestedby": "Anna", "psac_state": "held", "psac_selection": said}
    answers(mock, "psac_commands", held, count=1)
    found = look(client, with_table=True)
    assert found.refusals == []
    assert found.losses[1] == (
        "The services are paused, and nothing holds them once the table is gone. Paused on request since "
        "2026-03-01 12:00 UTC, until somebody resumes it: Lunch (asked by Anna)"
    )


def test_a_managed_solution_and_steps_of_others_keep_it(mock: responses.RequestsMock, client: DataverseClient) -> None:
    theirs = our_step(0, sdkmessageprocessingstepid=str(ENDPOINT), name="Theirs")
    registered(mock, theirs, ismanaged=True)
    answers(mock, "asyncoperations", count=0)
    found = look(client)
    assert found.losses == []
    managed, other = found.refusals
    assert "managed solution" in managed
    assert f"The step Theirs ({ENDPOINT}) posts to the service endpoint too" in other


def test_the_table_is_kept_by_what_is_in_doubt_and_what_it_holds_is_told(
    mock: responses.RequestsMock, client: DataverseClient
) -> None:
    answers(mock, "serviceendpoints")
    answers(mock, "sdkmessageprocessingsteps")
    answers(mock, "EntityDefinitions", TABLE)
    doubt = {"psac_commandid": str(ENDPOINT), "psac_name": "Invoice", "psac_subject": "c", "psac_state": "calling"}
    kept = mock.get(f"{API}psac_commands", json={"value": [doubt] * (NAMED + 2), "@odata.count": 5000})
    found = look(client, with_table=True)
    assert "holds 5000 or more rows" in found.losses[0]
    assert len(found.refusals) == NAMED + 1
    assert "Invoice for c is calling" in found.refusals[0]
    assert f"etn=psac_command&id={ENDPOINT}" in found.refusals[0]
    assert found.refusals[-1] == "2 more rows say so of others."
    asked = unquote(str(kept.calls[-1].request.url))
    assert "psac_state eq 'calling' or psac_state eq 'called' or psac_state eq 'in-doubt'" in asked
    with pytest.raises(Conflict):
        remove(client, found.going[0])
