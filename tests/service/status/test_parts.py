"""How a failure to look is told, how counts end, and that what is asked does not grow with what there is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import requests

from connector.dataverse.client import DataverseClient
from connector.dataverse.metadata import Table
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient
from mappings.refusal import Refusal
from service.app import App
from service.status.counting import LIMIT, counted
from service.status.part import Part, State, ago, looked, number
from tests.flow.due_world import DueWorld
from tests.service.status.conftest import parts

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
ACTUALS = Table("msdyn_actual", "msdyn_actuals", "msdyn_actualid", {"msdyn_description": "String"}, {})


@pytest.mark.parametrize(
    ("error", "is_optional", "state"),
    [
        (Transient("unreachable", "Nobody."), False, State.NO_ANSWER),
        (Rejected("too-many-rows", "Too many."), False, State.NO_ANSWER),
        (Misconfigured("missing-privilege", "Not you."), True, State.NOT_SEEN),
        (Misconfigured("unknown-table", "No such table."), True, State.NOT_SEEN),
        (Misconfigured("missing-privilege", "Not you."), False, State.ATTENTION),
        (Misconfigured("sign-in-refused", "No."), True, State.ATTENTION),
    ],
)
def test_a_failure_to_look_is_told_under_every_key(error: ConnectorError, is_optional: bool, state: State) -> None:
    def look() -> Iterable[Part]:
        raise error

    found = looked(["one", "two"], look, lambda code: f"<{code}>", is_optional=is_optional)
    assert [(part.key, part.state, part.next) for part in found] == [
        ("one", state, f"<{error.code}>"),
        ("two", state, f"<{error.code}>"),
    ]
    assert found[0].sentence == f"{error.sentence} ({error.code})"


@pytest.mark.parametrize("error", [TypeError("a str, not an int"), ValueError("no id"), Refusal("code", "Unknown.")])
def test_rows_that_nobody_understands_hide_no_other_part(error: Exception) -> None:
    def look() -> Iterable[Part]:
        raise error

    (part,) = looked(["one"], look, str)
    assert (part.state, "can't be read" in part.sentence) == (State.NO_ANSWER, True)


@pytest.mark.parametrize(
    ("minutes", "said"), [(-3, "0 minutes"), (1, "a minute"), (119, "119 minutes"), (120, "2 hours"), (4000, "2 days")]
)
def test_how_long_ago_is_told_to_the_unit_that_matters(minutes: int, said: str) -> None:
    assert ago(NOW, NOW - timedelta(minutes=minutes)) == said


def client(answer: object) -> DataverseClient:
    metadata = SimpleNamespace(learn=lambda _: None, table=lambda _: ACTUALS)
    return cast(DataverseClient, SimpleNamespace(metadata=metadata, url="x", send=lambda *_, **__: answer))


def test_a_count_at_dataverses_limit_is_said_to_be_more() -> None:
    answer: Any = SimpleNamespace(json={"@odata.count": LIMIT, "value": []})
    found = counted(client(answer), Query("msdyn_actual", ("msdyn_description",)))
    assert found.is_more
    assert number(found.count, "row", "rows", is_more=found.is_more) == "5,000 or more rows"


def test_what_is_said_to_be_more_is_more_whatever_the_count_is_of() -> None:
    rows = [{"msdyn_actualid": str(uuid4()), "msdyn_description": "x"} for _ in range(5)]
    page = {"@odata.count": 5, "value": rows}
    exceeded = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
    for more, expected in (({}, False), ({"@odata.nextLink": "x"}, True), ({exceeded: True}, True)):
        answer: Any = SimpleNamespace(json=page | more)
        assert counted(client(answer), Query("msdyn_actual", ("msdyn_description",))).is_more is expected


def test_a_count_is_asked_for_with_a_page_and_not_with_top() -> None:
    asked: list[tuple[str, str]] = []

    def send(_: str, path: str, headers: dict[str, str]) -> Any:
        asked.append((path, headers["Prefer"]))
        return SimpleNamespace(json={"@odata.count": 0, "value": []})

    metadata = SimpleNamespace(learn=lambda _: None, table=lambda _: ACTUALS)
    counted(
        cast(DataverseClient, SimpleNamespace(metadata=metadata, url="x", send=send)),
        Query("msdyn_actual", ("msdyn_description",), top=3),
    )
    ((path, prefer),) = asked
    assert ("$count=true" in path, "$top" in path, prefer.startswith("odata.maxpagesize=5,")) == (True, False, True)


@pytest.mark.parametrize(
    "json",
    [
        None,
        {"value": []},
        {"@odata.count": "3", "value": []},
        {"@odata.count": 3},
        {"@odata.count": -1, "value": []},
        {"@odata.count": 1, "value": [{}, {}]},
    ],
)
def test_an_answer_that_does_not_count_is_not_taken_for_none(json: object) -> None:
    with pytest.raises(Misconfigured, match="does not count the rows of msdyn_actual"):
        counted(client(SimpleNamespace(json=json)), Query("msdyn_actual", ("msdyn_description",)))


def test_what_is_asked_does_not_grow_with_what_there_is(
    world: DueWorld, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts(app)
    asked: list[str] = []
    send = requests.Session.send

    def counting(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        asked.append(str(request.url))
        return send(session, request, **more)

    monkeypatch.setattr(requests.Session, "send", counting)
    parts(app)
    at_rest = len(asked)
    entries = [one for one in world.company.entries.values() if one.project][:12]
    world.approve(*entries)
    for amount in range(12):
        world.ready(amount, date(2026, 4, 1))
    world.wait(1)
    asked.clear()
    found = parts(app)
    assert found["approved-without-actuals"].count == len(entries)
    # Who has no actuals is told by the rules themselves: some requests for every 200 of them.
    assert at_rest < 40
    assert len(asked) < at_rest + 20
    assert all(len(part.rows) <= 5 for part in found.values())
