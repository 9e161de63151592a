"""The same faults planned from another process, and the sandbox's clock and switches with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
import requests

from sandbox.dataverse.event_faults import EventFaults
from sandbox.dataverse.product.switches import Environment
from sandbox.dataverse.product.switches import Switches as ProductSwitches
from sandbox.switches_http import Attributes

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api


@pytest.fixture
def control(server: DataverseServer) -> Callable[..., requests.Response]:
    def ask(method: str, path: str, body: Any = None, user: str = "administrator") -> requests.Response:
        headers = {"Authorization": f"Bearer {server.tokens[user]}"}
        return requests.request(method, f"{server.url}/sandbox/{path}", json=body, headers=headers, timeout=20)

    return ask


def test_a_storm_planned_from_outside_strikes_and_is_counted(
    control: Callable[..., requests.Response], api: Api
) -> None:
    planned = control("POST", "faults", {"fault": "storm", "status": 429, "times": 2, "retry_after": 7})
    assert planned.status_code == 201
    assert planned.json() == {"id": 1, "fault": "storm", "path": "", "left": 2, "struck": 0, "until": None}
    answer = api("GET", "WhoAmI")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert api("GET", "WhoAmI").status_code == 429
    assert api("GET", "WhoAmI").status_code == 200
    assert control("GET", "faults").json()["value"][0]["struck"] == 2


def test_a_storm_lasts_until_the_clock_has_moved_on(control: Callable[..., requests.Response], api: Api) -> None:
    control("POST", "faults", {"fault": "storm", "status": 503, "lasting": 60})
    assert api("GET", "WhoAmI").status_code == 503
    before = datetime.fromisoformat(control("GET", "clock").json()["now"])
    after = datetime.fromisoformat(control("POST", "clock", {"advance_seconds": 61}).json()["now"])
    assert (after - before).total_seconds() >= 61
    assert api("GET", "WhoAmI").status_code == 200


def test_a_held_request_is_released_from_outside(control: Callable[..., requests.Response], api: Api) -> None:
    number = control("POST", "faults", {"fault": "hold", "path": "accounts", "method": "POST"}).json()["id"]
    thread = threading.Thread(target=api.create, args=("accounts", {"name": "A"}))
    thread.start()
    while not control("GET", "faults").json()["value"][0]["reached"]:
        pass
    assert control("POST", f"faults/{number}/release").status_code == 204
    thread.join(10)
    assert not thread.is_alive()
    assert len(api.get("accounts")["value"]) == 1


def test_all_faults_are_called_off_together(control: Callable[..., requests.Response], api: Api) -> None:
    control("POST", "faults", {"fault": "refuse", "times": 9})
    assert control("DELETE", "faults").status_code == 204
    assert api("GET", "WhoAmI").status_code == 200
    assert control("GET", "faults").json() == {"value": []}


def test_switches_are_shown_and_moved(control: Callable[..., requests.Response], server: DataverseServer) -> None:
    shown = control("GET", "switches").json()
    assert shown["actions_in_change_sets"] is True
    assert shown["protection"]["costs"] == "thin"
    wanted = {"degree_of_parallelism": 8, "protection": {"servers": 3, "costs": "plug-in heavy", "window": 60}}
    moved = control("PATCH", "switches", wanted).json()
    assert (moved["degree_of_parallelism"], moved["protection"]["servers"]) == (8, 3)
    assert server.switches.protection.costs.name == "plug-in heavy"
    assert server.switches.protection.window.total_seconds() == 60


def test_faults_of_events_are_planned_beside_the_others_where_there_are_events(
    control: Callable[..., requests.Response], server: DataverseServer
) -> None:
    assert control("POST", "faults", {"fault": "repost"}).status_code == 400
    events = EventFaults()
    server.control.hear_of_events(events)
    planned = control("POST", "faults", {"fault": "repost", "times": 2, "after": 60, "record": str(uuid4())})
    assert (planned.status_code, planned.json()) == (201, {"fault": "repost", "left": 2, "struck": 0})
    assert control("POST", "faults", {"fault": "lose", "record": "x"}).status_code == 400
    assert control("GET", "faults").json()["value"] == [planned.json()]
    assert control("DELETE", "faults").status_code == 204
    assert control("GET", "faults").json()["value"] == []


def test_a_part_has_its_switches_in_a_section_and_a_wrong_one_moves_none(
    control: Callable[..., requests.Response], server: DataverseServer
) -> None:
    product = ProductSwitches()
    server.control.board.section("product", Attributes(product))
    job = str(uuid4())
    wanted = {"environment": "project-operations", "actuals_after": 5, "failing": {job: "No."}}
    moved = control("PATCH", "switches", {"product": wanted, "row_locks": {"timeout": 3}}).json()
    assert wanted.items() <= moved["product"].items()
    assert (product.environment, product.failing) == (Environment.PROJECT_OPERATIONS, {UUID(job): "No."})
    assert server.organisation.row_locks.timeout.total_seconds() == 3
    for wrong in ({"environment": "psa-9"}, {"failing": {"x": "y"}}, {"failing": 1}, {"actuals_after": "soon"}):
        assert control("PATCH", "switches", {"row_locks": {"timeout": 9}, "product": wrong}).status_code == 400
    assert server.organisation.row_locks.timeout.total_seconds() == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", {"fault": "release_all"}, 400),
        ("POST", "faults", {"fault": "storm", "status": 418}, 400),
        ("POST", "faults", {"fault": "hold", "nonsense": 1}, 400),
        ("POST", "faults", {"fault": "hold", "path": "("}, 400),
        ("POST", "faults", ["storm"], 400),
        ("POST", "faults/7/release", None, 404),
        ("POST", "clock", {"advance_seconds": -1}, 400),
        ("POST", "clock", {}, 400),
        ("PATCH", "switches", {"nonsense": True}, 400),
        ("PATCH", "switches", {"degree_of_parallelism": "many"}, 400),
        ("PATCH", "switches", {"protection": {"costs": "cheap"}}, 400),
        ("PATCH", "switches", {"protection": True}, 400),
        ("PATCH", "switches", {"row_locks": {"waited": 1}}, 400),
        ("POST", "faults", {"fault": "storm", "lasting": "long"}, 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(
    control: Callable[..., requests.Response], method: str, path: str, body: Any, status: int
) -> None:
    answer = control(method, path, body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_only_the_administrator_and_the_holder_of_the_printed_token_may(
    control: Callable[..., requests.Response], server: DataverseServer
) -> None:
    asked = {user: control("GET", "faults", user=user).status_code for user in server.tokens}
    assert asked == {"administrator": 200, "service": 200, "approver": 401, "clerk": 401}
    assert requests.get(f"{server.url}/sandbox/clock", timeout=20).status_code == 401
