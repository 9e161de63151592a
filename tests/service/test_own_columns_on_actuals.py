"""Columns of one's own, from the profile file to the ledger and on to the reversals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from handlers.fixed_point import Settled
from mappings import tables
from mappings.choices import TransactionType
from mappings.tables import Ref
from sandbox.company.company import LoadedEntry
from sandbox.world import Sandbox
from service.app import App, compose
from service.local_world import register_in, sandbox_settings, signed_in

COST, SALES = TransactionType.COST, TransactionType.UNBILLED_SALES
ADDED: dict[str, dict[str, Any]] = {
    tables.TIME_ENTRY: {"new_centre": {"type": "string", "length": 20}},
    tables.APPROVAL: {"new_reviewed": {"type": "boolean"}},
    tables.ACTUAL: {
        "new_centre": {"type": "string", "length": 20},
        "new_reviewed": {"type": "boolean"},
        "new_version": {"type": "decimal", "precision": 1},
    },
}
PROFILE = """\
[[columns]]
actual = "new_centre"
from_entry = "new_centre"
entries = ["time"]
on = ["cost"]

[[columns]]
actual = "new_reviewed"
from_approval = "new_reviewed"

[[columns]]
actual = "new_version"
constant = 1.5
"""
OWN = ("new_centre", "new_reviewed", "new_version")
APPROVE, CANCEL = 192350003, 192350004


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sandbox]:
    for table, columns in ADDED.items():
        (tmp_path / f"{table}.json").write_text(json.dumps({"table": table, "columns": columns}), encoding="utf-8")
    with Sandbox(schema=[tmp_path]) as world:
        register_in(world)
        yield world


@pytest.fixture
def service(world: Sandbox, tmp_path: Path) -> Iterator[App]:
    file = tmp_path / "profile.toml"
    file.write_text(PROFILE, encoding="utf-8")
    app = compose(sandbox_settings(world).model_copy(update={"profile": file}), now=world.clock.now)
    app.check()
    yield app
    app.close()


def one_of_ada(world: Sandbox) -> LoadedEntry:
    """Eight hours of time and material work."""
    assert world.company is not None
    entries = world.company.entries.values()
    return next(one for one in entries if one.key.startswith("P1/Ada 8 h") and one.decision is None)


def decide(client: DataverseClient, approval: UUID, action: int) -> None:
    row = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval", "msdyn_projectapprovalid": approval}
    body = {"ProjectApprovals": [row], "ActionType": action, "NoteLogName": "test"}
    client.send("POST", "msdyn_ProcessProjectApprovalSets", body)


def held(client: DataverseClient) -> list[tuple[Any, ...]]:
    (rows,) = client.query([Query(tables.ACTUAL, ("msdyn_transactiontypecode", "msdyn_quantity", *OWN))])
    found = [tuple(row[name] for name in ("msdyn_transactiontypecode", "msdyn_quantity", *OWN)) for row in rows]
    return sorted(found, key=lambda row: row[:2])


def test_own_columns_are_written_with_an_approval_and_carried_on_when_it_is_withdrawn(
    world: Sandbox, service: App
) -> None:
    with signed_in(world, "administrator") as client, signed_in(world, "approver") as paula:
        entry = one_of_ada(world)
        client.send("PATCH", f"msdyn_timeentries({entry.id})", {"new_centre": "CC-1"})
        client.send("PATCH", f"msdyn_projectapprovals({entry.approval})", {"new_reviewed": True})
        subject = Ref(tables.TIME_ENTRY, entry.id)

        decide(paula, entry.approval, APPROVE)
        assert isinstance(service.fixed_point.settle(service.mission.entries, [subject])[subject], Settled)
        version = Decimal("1.5")
        cost = (COST, Decimal(8), "CC-1", True, version)
        sales = (SALES, Decimal(8), None, True, version)
        assert [row for row in held(client) if row[0] == COST] == [cost]
        assert [row for row in held(client) if row[0] == SALES] == [sales]

        decide(paula, entry.approval, CANCEL)
        assert isinstance(service.fixed_point.settle(service.mission.entries, [subject])[subject], Settled)
        assert [row for row in held(client) if row[0] == COST] == [(COST, Decimal(-8), *cost[2:]), cost]
        assert [row for row in held(client) if row[0] == SALES] == [(SALES, Decimal(-8), *sales[2:]), sales]
