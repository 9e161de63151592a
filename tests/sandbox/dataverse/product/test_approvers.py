"""Who may decide on an entry: approvers of its project, the submitter's manager, and those who may on any."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.dataverse.product.choices import Stage
from sandbox.dataverse.security.privileges import assign, make_role
from sandbox.dataverse.seed import BUSINESS_UNIT, USERS
from sandbox.dataverse.unit_of_work import Link, Refused, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

APPROVAL = "msdyn_projectapproval"
SETS = "msdyn_ProcessProjectApprovalSets"


@pytest.fixture
def world(fabrikam: Fabrikam) -> Fabrikam:
    """Here the user "approver" is no administrator, and manages everybody."""
    with fabrikam.server.transaction() as work:
        assign(work, USERS["approver"], make_role(work, "Project Approver", {APPROVAL: {"Write": 8}}))
    return fabrikam


def on_the_team(world: Fabrikam, *, approver: bool) -> None:
    with world.server.transaction() as work:
        person: Row = {"name": "Paula", "resourcetype": 3, "userid": Link("systemuser", USERS["approver"])}
        member: Row = {
            "msdyn_name": "Paula",
            "msdyn_project": Link("msdyn_project", company_id("msdyn_project", "T")),
            "msdyn_bookableresourceid": Link("bookableresource", work.create("bookableresource", person)),
            "msdyn_projectapprover": approver,
        }
        work.create("msdyn_projectteam", member)


def approve(world: Fabrikam, approval: UUID) -> None:
    world.call("msdyn_ApprovalStatusApprove", approval)


@pytest.mark.parametrize("act", ["msdyn_ApprovalStatusApprove", "msdyn_ApprovalStatusReject"])
def test_who_is_not_on_the_team_as_an_approver_decides_on_nothing(world: Fabrikam, act: str) -> None:
    _, approval = world.submitted_time()
    on_the_team(world, approver=False)
    with pytest.raises(Refused, match="aren't an approver of its project"):
        world.call(act, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED


def test_an_approver_on_the_team_decides_and_cancels(world: Fabrikam) -> None:
    _, approval = world.submitted_time()
    on_the_team(world, approver=True)
    approve(world, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED
    world.call(SETS, ActionType=192350004, ProjectApprovals=[{"msdyn_projectapprovalid": str(approval)}])
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.SUBMITTED


def test_nobody_but_an_approver_cancels_or_answers_a_recall(world: Fabrikam) -> None:
    entry, approval = world.submitted_time()
    world.call("msdyn_ApprovalStatusApprove", approval, user="administrator")
    cancel: dict[str, object] = {"ActionType": 192350004, "ProjectApprovals": [{f"{APPROVAL}id": str(approval)}]}
    with pytest.raises(Refused, match="can't cancel the approval"):
        world.call_with(SETS, cancel)
    world.recall("time", entry)
    with pytest.raises(Refused, match="can't reject"):
        world.call("msdyn_ApprovalStatusReject", approval)


def test_an_entry_without_a_project_is_for_the_managers_of_who_submitted_it(world: Fabrikam) -> None:
    _, approval = world.submitted_time(project=None)
    approve(world, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED
    _, other = world.submitted_time(project=None)
    with world.server.transaction() as work:
        assign(work, USERS["clerk"])
    with pytest.raises(Refused, match="aren't the manager"):
        world.call("msdyn_ApprovalStatusApprove", other, user="clerk")


def test_the_role_project_approver_admin_decides_on_any_entry(world: Fabrikam) -> None:
    with world.server.transaction() as work:
        assign(work, USERS["approver"], make_role(work, "Project Approver Admin", {}))
    _, approval = world.submitted_time()
    approve(world, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED


def test_the_role_may_come_from_a_team(world: Fabrikam) -> None:
    with world.server.transaction() as work:
        made: Row = {"name": "Approvers", "administratorid": Link("systemuser", USERS["approver"])}
        team = work.create("team", made | {"businessunitid": Link("businessunit", BUSINESS_UNIT)})
        work.create("teammembership", {"teamid": team, "systemuserid": USERS["approver"]})
        work.create("teamroles", {"teamid": team, "roleid": make_role(work, "Project Approver Admin", {})})
    _, approval = world.submitted_time()
    approve(world, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED


def test_where_it_is_switched_off_anybody_decides(world: Fabrikam) -> None:
    world.switches.approvers_checked = False
    _, approval = world.submitted_time()
    approve(world, approval)
    assert world.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.APPROVED
