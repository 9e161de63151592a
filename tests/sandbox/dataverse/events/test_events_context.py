"""Steps registered over the Web API post what was committed, in the shape Dataverse gives it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.dataverse.seed import USERS
from tests.sandbox.dataverse.events.world import (
    CLAIMS,
    CONTRACTS,
    STATUS,
    TIME,
    World,
    approve,
    body,
    pairs,
    register,
    target,
)

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

MEMBERS = [
    "BusinessUnitId",
    "CorrelationId",
    "Depth",
    "InitiatingUserAgent",
    "InitiatingUserAzureActiveDirectoryObjectId",
    "InitiatingUserId",
    "InputParameters",
    "IsExecutingOffline",
    "IsInTransaction",
    "IsOfflinePlayback",
    "IsolationMode",
    "MessageName",
    "Mode",
    "OperationCreatedOn",
    "OperationId",
    "OrganizationId",
    "OrganizationName",
    "OutputParameters",
    "OwningExtension",
    "ParentContext",
    "PostEntityImages",
    "PreEntityImages",
    "PrimaryEntityId",
    "PrimaryEntityName",
    "RequestId",
    "SecondaryEntityName",
    "SharedVariables",
    "Stage",
    "UserAzureActiveDirectoryObjectId",
    "UserId",
]


def test_an_approval_over_the_web_api_arrives_as_an_asynchronous_execution_context(
    world: World, admin: Api, as_user: Callable[[str], Api]
) -> None:
    step = register(world, admin, TIME, STATUS)
    entry = approve(as_user("approver"), world)
    (message,) = world.receive(1)
    context = body(message)
    assert list(context) == MEMBERS
    assert (context["MessageName"], context["PrimaryEntityName"]) == ("Update", "msdyn_timeentry")
    assert context["PrimaryEntityId"] == entry
    assert (context["Mode"], context["Stage"], context["IsInTransaction"]) == (1, 40, False)
    assert context["OperationId"] != context["RequestId"]
    assert context["OperationCreatedOn"].endswith("+0000)/")
    assert context["UserId"] == str(USERS["approver"])
    assert context["OwningExtension"]["Id"] == str(step)
    assert context["OwningExtension"]["Name"] is None
    changed = target(context)
    assert changed["msdyn_entrystatus"] == {"__type": f"OptionSetValue:{CONTRACTS}", "Value": 192350002}
    assert set(changed) == {
        "msdyn_timeentryid",
        "msdyn_entrystatus",
        "modifiedon",
        "modifiedby",
        "modifiedonbehalfby",
    }
    assert changed["modifiedon"].startswith("/Date(")
    parent = context["ParentContext"]
    assert list(parent) == MEMBERS
    assert (parent["Stage"], parent["ParentContext"]) == (30, None)
    assert set(target(parent)) == {"msdyn_timeentryid", "msdyn_entrystatus"}
    automatic = pairs(context["PostEntityImages"])["AsynchronousStepPrimaryName"]
    assert "__type" not in automatic
    assert pairs(automatic["Attributes"])["msdyn_timeentryid"] == entry


def test_the_message_carries_claims_content_type_and_a_fresh_id(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    approve(admin, world)
    approve(admin, world)
    first, second = world.receive(2)
    assert first.content_type == "application/json"
    assert first.message_id != second.message_id
    assert len(str(first.message_id)) == 32
    claims = {
        (name.decode() if isinstance(name, bytes) else name): value.decode() if isinstance(value, bytes) else value
        for name, value in (first.application_properties or {}).items()
    }
    assert claims[f"{CLAIMS}EntityLogicalName"] == "msdyn_timeentry"
    assert claims[f"{CLAIMS}RequestName"] == "Update"
    assert claims[f"{CLAIMS}InitiatingUser"] == str(USERS["administrator"])
    assert claims[f"{CLAIMS}Organization"] == body(first)["OrganizationName"]


def test_a_change_of_other_columns_posts_nothing(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    entry = world.entry().id
    assert admin("PATCH", f"msdyn_timeentries({entry})", json={"msdyn_description": "x"}).status_code == 204
    assert world.nothing_more()


def test_a_tag_given_with_the_request_rides_along(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS)
    approve(admin, world, "?tag=psa-connector")
    (context,) = world.bodies(1)
    assert pairs(context["SharedVariables"])["tag"] == "psa-connector"


def test_registered_images_show_the_row_before_and_after_with_names(world: World, admin: Api) -> None:
    step = register(world, admin, TIME, STATUS)
    for kind, alias in ((0, "before"), (1, "after")):
        image = {"name": alias, "entityalias": alias, "imagetype": kind, "messagepropertyname": "Target"}
        image["attributes"] = "msdyn_entrystatus,msdyn_project,msdyn_duration"
        bound = {"sdkmessageprocessingstepid@odata.bind": f"/sdkmessageprocessingsteps({step})"}
        admin.create("sdkmessageprocessingstepimages", image | bound)
    approve(admin, world)
    (context,) = world.bodies(1)
    before = pairs(pairs(context["PreEntityImages"])["before"]["Attributes"])
    after = pairs(pairs(context["PostEntityImages"])["after"]["Attributes"])
    assert (before["msdyn_entrystatus"]["Value"], after["msdyn_entrystatus"]["Value"]) == (192350003, 192350002)
    assert after["msdyn_project"]["Name"] == "Adatum rollout"
    assert after["msdyn_duration"] == 480


def test_a_created_row_is_posted_whole_with_exact_money(world: World, admin: Api) -> None:
    register(world, admin, "account", message="Create")
    register(world, admin, "msdyn_expense", "msdyn_price")
    account = admin.create("accounts", {"name": "Fourth Coffee"})
    (context,) = world.bodies(1)
    assert pairs(context["OutputParameters"]) == {"id": str(account)}
    assert target(context)["name"] == "Fourth Coffee"
    expense = world.company.entries["P1/Hotel/2026-01-06"].id
    admin("PATCH", f"msdyn_expenses({expense})", data=b'{"msdyn_price": 2154.32}', Content_Type="application/json")
    (message,) = world.receive(1)
    assert target(body(message))["msdyn_price"] == {"__type": f"Money:{CONTRACTS}", "Value": Decimal("2154.32")}
    assert b'"Value":2154.32' in b"".join(message.body)


def test_a_synchronous_step_has_the_synchronous_shape(world: World, admin: Api) -> None:
    register(world, admin, TIME, STATUS, mode=0)
    approve(admin, world)
    (context,) = world.bodies(1)
    assert (context["Mode"], context["IsInTransaction"]) == (0, True)
    assert context["OperationId"] == context["RequestId"]
    assert context["OwningExtension"]["Name"] == "psa-connector: Update of msdyn_timeentry"
    parent = context["ParentContext"]["OwningExtension"]
    assert (parent["Name"], parent["Id"] != context["OwningExtension"]["Id"]) == ("ObjectModel Implementation", True)
    assert context["PostEntityImages"] == []
    assert "+" not in context["OperationCreatedOn"]


def test_a_context_over_the_limit_is_posted_without_its_bulk(world: World, admin: Api) -> None:
    register(world, admin, TIME, "msdyn_internalflags")
    entry = world.entry().id
    with world.dataverse.transaction() as work:
        work.update(TIME, entry, {"msdyn_internalflags": "long " * 50_000})
    (message,) = world.receive(1)
    context = body(message)
    assert any(
        b"MessageMaxSizeExceeded" in name for name in message.application_properties or {} if isinstance(name, bytes)
    )
    assert list(context) == MEMBERS
    assert (context["InputParameters"], context["ParentContext"]) == ([], None)
    assert context["PrimaryEntityId"] == str(entry)


def test_a_deleted_row_is_a_reference_with_its_image_before(world: World, admin: Api) -> None:
    register(world, admin, "account", message="Delete")
    account = admin.create("accounts", {"name": "Fourth Coffee"})
    assert admin("DELETE", f"accounts({account})").status_code == 204
    (context,) = world.bodies(1)
    reference = pairs(context["InputParameters"])["Target"]
    assert reference["__type"] == f"EntityReference:{CONTRACTS}"
    assert reference["Id"] == str(account)
    image = pairs(context["PreEntityImages"])["AsynchronousStepPrimaryName"]
    assert pairs(image["Attributes"])["name"] == "Fourth Coffee"
    assert context["PostEntityImages"] == []
