"""Steps, images and endpoints that make no sense are refused when they are registered, and not left to hear nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from sandbox.dataverse.seed import seed_id
from sandbox.dataverse.write_only import value_of

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

STEPS, IMAGES = "sdkmessageprocessingsteps", "sdkmessageprocessingstepimages"
ENDPOINT = {"name": "E", "contract": 6, "connectionmode": 1, "authtype": 2, "messageformat": 2, "userclaim": 2}
ADDRESS = {"namespaceaddress": "sb://127.0.0.1/", "path": "q", "saskeyname": "k", "saskey": "s"}


@pytest.fixture
def admin(as_user: Callable[[str], Api]) -> Api:
    return as_user("administrator")


def step(admin: Api, message: str = "Update", **others: object) -> dict[str, Any]:
    endpoint = admin.create("serviceendpoints", ENDPOINT | ADDRESS | {"solutionnamespace": "S", "namespaceformat": 2})
    table = seed_id(f"sdkmessagefilter/{message}/account")
    return {
        "name": "S",
        "stage": 40,
        "mode": 1,
        "rank": 1,
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
        "sdkmessageid@odata.bind": f"/sdkmessages({seed_id(f'sdkmessage/{message}')})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({table})",
    } | others


def image(step_id: UUID, kind: int, name: str | None = "Target") -> dict[str, Any]:
    of = {"sdkmessageprocessingstepid@odata.bind": f"/{STEPS}({step_id})"}
    return of | {"name": "i", "entityalias": "i", "imagetype": kind, "messagepropertyname": name}


@pytest.mark.parametrize(
    ("message", "kind", "name"),
    [
        ("Create", 1, "Id"),
        ("Update", 0, "Target"),
        ("Update", 1, "Target"),
        ("Update", 2, "target"),
        ("Delete", 0, "Target"),
    ],
)
def test_images_a_message_has_are_registered(admin: Api, message: str, kind: int, name: str) -> None:
    id = admin.create(STEPS, step(admin, message))
    admin.create(IMAGES, image(id, kind, name))


def test_the_image_of_a_created_row_is_taken_by_its_id(admin: Api) -> None:
    id = admin.create(STEPS, step(admin, "Create"))
    told = admin.refused("POST", IMAGES, image(id, 1))
    assert told == (400, "0x8004416b", "Message property name 'Target' is not valid on message Create.")
    told = admin.refused("POST", IMAGES, image(admin.create(STEPS, step(admin)), 1, "Id"))
    assert told[1:] == ("0x8004416b", "Message property name 'Id' is not valid on message Update.")
    made = admin.create(IMAGES, image(id, 1, "Id"))
    assert admin.refused("PATCH", f"{IMAGES}({made})", {"messagepropertyname": "Target"})[1] == "0x8004416b"


@pytest.mark.parametrize(
    ("message", "kind", "name"), [("Create", 0, "Id"), ("Create", 2, "Id"), ("Delete", 1, "Target")]
)
def test_there_is_no_image_of_a_row_that_is_not_there(admin: Api, message: str, kind: int, name: str) -> None:
    id = admin.create(STEPS, step(admin, message))
    status, code, words = admin.refused("POST", IMAGES, image(id, kind, name))
    assert (status, code) == (400, "0x80040203")
    assert words == f"Image type {kind} is not valid on message {message}."


def test_an_image_names_its_property(admin: Api) -> None:
    id = admin.create(STEPS, step(admin))
    assert "messagepropertyname" in admin.refused("POST", IMAGES, image(id, 1, None))[2]


@pytest.mark.parametrize("missing", ["eventhandler", "sdkmessageid"])
def test_a_step_needs_a_message_and_a_handler(admin: Api, missing: str) -> None:
    body = {name: value for name, value in step(admin).items() if not name.startswith(missing)}
    assert admin.refused("POST", STEPS, body) == (400, "0x80040203", f"Required field '{missing}' is missing.")


def test_an_asynchronous_step_is_of_the_post_operation_stage(admin: Api) -> None:
    assert admin.refused("POST", STEPS, step(admin, stage=20))[:2] == (400, "0x80040203")
    id = admin.create(STEPS, step(admin))
    assert admin.refused("PATCH", f"{STEPS}({id})", {"stage": 10})[:2] == (400, "0x80040203")


def test_posts_from_an_earlier_stage_are_refused_by_name(admin: Api) -> None:
    status, code, words = admin.refused("POST", STEPS, step(admin, stage=20, mode=0))
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert "post-operation" in words


def test_a_step_that_a_plug_in_would_handle_is_refused_by_name(admin: Api) -> None:
    plug_in = admin.create("plugintypes", {"name": "P", "typename": "P"})
    body = {name: value for name, value in step(admin).items() if not name.startswith("eventhandler")}
    status, code, words = admin.refused(
        "POST", STEPS, body | {"eventhandler_plugintype@odata.bind": f"/plugintypes({plug_in})"}
    )
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert "plugintype" in words


def test_where_unmanaged_customizations_are_blocked_nothing_is_registered_and_what_is_there_only_switched(
    admin: Api, server: DataverseServer
) -> None:
    body = step(admin)
    id = admin.create(STEPS, body)
    server.switches.block_unmanaged_customizations = True
    for path, values in ((STEPS, body), (IMAGES, image(id, 1)), ("serviceendpoints", ENDPOINT | ADDRESS)):
        status, _, words = admin.refused("POST", path, values)
        assert status == 403
        assert "doesn't allow unmanaged customizations" in words
    assert admin.refused("PATCH", f"{STEPS}({id})", {"rank": 2})[0] == 403
    off = {"statecode": 1, "statuscode": 2}
    assert admin("PATCH", f"{STEPS}({id})", json=off).status_code == 204
    assert admin("DELETE", f"{STEPS}({id})").status_code == 204
    assert admin("POST", "accounts", json={"name": "rows are no customization"}).status_code == 204


def test_an_endpoints_key_is_written_and_never_read(admin: Api, server: DataverseServer) -> None:
    endpoint = admin.create("serviceendpoints", ENDPOINT | ADDRESS | {"solutionnamespace": "S"})
    row = admin.get(f"serviceendpoints({endpoint})")
    assert (row["saskey"], row["issaskeyset"]) == (None, True)
    assert (row["sastoken"], row["issastokenset"], row["authvalue"], row["isauthvalueset"]) == (
        None,
        False,
        None,
        False,
    )
    assert admin.get("serviceendpoints?$filter=saskey eq 's'")["value"] == []
    with server.transaction() as work:
        assert value_of(work.store, endpoint, "saskey") == "s"
    assert admin("PATCH", f"serviceendpoints({endpoint})", json={"saskey": None}).status_code == 204
    assert admin.get(f"serviceendpoints({endpoint})")["issaskeyset"] is False
    with server.transaction() as work:
        assert value_of(work.store, endpoint, "saskey") == ""


def test_a_key_that_was_not_committed_is_forgotten(server: DataverseServer) -> None:
    id = uuid4()

    def fail() -> None:
        with server.transaction() as work:
            work.create("serviceendpoint", {"name": "E", "saskey": "s"}, id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with server.transaction() as work:
        assert value_of(work.store, id, "saskey") == ""


@pytest.mark.parametrize("missing", ["name", "contract", "path", "solutionnamespace", "connectionmode", "userclaim"])
def test_an_endpoint_on_a_bus_names_what_it_needs(admin: Api, missing: str) -> None:
    body = {name: value for name, value in (ENDPOINT | ADDRESS | {"solutionnamespace": "S"}).items() if name != missing}
    told = admin.refused("POST", "serviceendpoints", body)
    assert told == (400, "0x80040203", f"Required field '{missing}' is missing.")


def test_the_check_of_an_endpoint_is_refused_by_name(admin: Api) -> None:
    status, code, words = admin.refused("POST", "TriggerServiceEndpointCheck", {"Entity": {}})
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert "TriggerServiceEndpointCheck" in words
