"""Approvals that nobody goes on with, where the product has no approval sets, and where one is on none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.dataverse.metadata import Metadata
from connector.errors import Misconfigured
from service.app import App
from service.status.approval_sets import SET
from service.status.part import State
from tests.flow.due_world import DueWorld
from tests.service.status.conftest import parts


@pytest.mark.parametrize("has_sets", [True, False])
def test_an_approval_that_stays_pending_is_told_with_or_without_sets(
    world: DueWorld, app: App, monkeypatch: pytest.MonkeyPatch, has_sets: bool
) -> None:
    learn = Metadata.learn

    def without(self: Metadata, names: set[str]) -> None:
        if SET in names:
            raise Misconfigured("unknown-table", f"This environment has no table {SET}.")
        learn(self, names)

    if not has_sets:
        monkeypatch.setattr(Metadata, "learn", without)
    entry = next(one for one in world.company.entries.values() if one.table == "msdyn_timeentry" and one.project)
    assert entry.approval is not None
    with world.building() as builder:
        builder.work.update("msdyn_projectapproval", entry.approval, {"msdyn_recordstage": 3})
    assert parts(app)["approval-sets"].state is State.OK
    world.wait(31 / 1440)
    found = parts(app)["approval-sets"]
    assert (found.state, found.count, found.rows[0].row.id) == (State.ATTENTION, 1, entry.approval)
    assert world.now() - timedelta(hours=1) < (found.oldest or world.now()) < world.now()


def test_a_column_of_the_sets_that_is_missing_is_no_older_version(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise Misconfigured("unknown-column", "msdyn_approvalset has no column statuscode.")

    monkeypatch.setattr("service.status.approval_sets.counted", broken)
    assert parts(app)["approval-sets"].state is not State.OK
