"""In Project Operations actuals are marked by the product's own action; milestones are left to its buttons."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from connector.dataverse.query import Query, equals
from handlers.fixed_point import Settled, Unsettled
from mappings.messages import MarkNotReady, MarkReady
from sandbox.dataverse.product import Environment
from sandbox.world import Sandbox
from service.app import App, compose
from service.demo import approver
from service.local_world import register_in, sandbox_settings, signed_in


def given(model: Any, backlog: str, rows: list[str]) -> Any:
    told = {"command": uuid4(), "requested_by": "clerk", "backlog": backlog, "rows": rows, "confirmed": True}
    return model.model_validate(told)


def status(app: App, id: str) -> object:
    (rows,) = app.dataverse.query([Query("msdyn_actual", ("msdyn_billingstatus",), equals("msdyn_actualid", UUID(id)))])
    return rows[0]["msdyn_billingstatus"]


@pytest.mark.timeout(120)
def test_actuals_are_marked_and_unmarked_by_the_action_and_milestones_refused() -> None:
    with Sandbox(environment=Environment.PROJECT_OPERATIONS) as world:
        register_in(world)
        assert world.company is not None
        with signed_in(world, "approver") as paula:
            approver.approve_all(paula, world.company)
        app = compose(sandbox_settings(world), now=world.clock.now)
        try:
            app.check()
            wanted = equals("msdyn_transactiontypecode", 192350005)
            (found,) = app.dataverse.query([Query("msdyn_actual", ("msdyn_transactiontypecode",), wanted)])
            ids = [str(one.row.id) for one in found[:3]]
            done = app.execute(given(MarkReady, "time-and-material", ids))
            assert isinstance(done, Settled), done
            assert done.outcome["marked"] == sorted(ids)
            assert [status(app, id) for id in ids] == [192350004] * 3
            undone = app.execute(given(MarkNotReady, "time-and-material", ids))
            assert isinstance(undone, Settled), undone
            assert undone.outcome["unmarked"] == sorted(ids)
            assert [status(app, id) for id in ids] == [None] * 3
            refused = app.execute(given(MarkReady, "milestones", [str(uuid4())]))
            assert isinstance(refused, Unsettled)
            assert refused.failure.code == "not-by-code"
        finally:
            app.close()
