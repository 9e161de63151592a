"""What is said to be needed is what the documents say, and covers what the service really asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from connector.auth import StaticToken
from connector.dataverse.changes import ChangeSet, Committed, Create, Record, Update
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import AnyOf, Compare, Condition, Query
from connector.errors import ConnectorError
from mappings.backlog import Backlog
from mappings.messages import CreateInvoices, MarkReady
from sandbox.dataverse.product.switches import Creation
from sandbox.dataverse.security.privileges import ORGANIZATION, assign, make_role
from sandbox.dataverse.seed import USERS
from sandbox.world import Sandbox
from service.checks.creators import Creators, creators
from service.checks.needed import CHOICES, NEEDED, VERSIONED
from service.local_world import register_in
from service.roles.definition import shipped
from tests.flow.world import World

PAGE = (Path(__file__).parents[3] / "docs" / "environment.md").read_text(encoding="utf-8")
RIGHTS = ("Read", "Create", "Write", "Append", "AppendTo")


def test_the_rights_are_those_of_the_documented_role() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.partition("### The people")[0], re.MULTILINE)
    told = {
        table: {right for right, cell in zip(RIGHTS, cells.split("|"), strict=False) if "✓" in cell}
        | ({"Assign"} if f"prvAssign{table}" in cells else set())
        for table, cells in rows
        if table in NEEDED
    }
    assert told == {table: set(need.rights) for table, need in NEEDED.items()}


def test_every_choice_and_every_versioned_table_is_among_what_is_needed() -> None:
    assert {column for table, column in CHOICES if column not in NEEDED[table].columns} == set()
    assert set(VERSIONED) <= set(NEEDED)


def columns(condition: Condition | None) -> Iterator[str]:
    if isinstance(condition, Compare | AnyOf):
        yield condition.column
    elif condition is not None:
        for part in condition.parts:
            yield from columns(part)


class Recording(DataverseClient):
    """A client that notes the columns it is asked for and told to write."""

    def __init__(self, world: World) -> None:
        super().__init__(world.sandbox.dataverse, StaticToken(world.sandbox.tokens["service"]), tag="psa-connector")
        self.seen: set[tuple[str, str]] = set()

    def _note(self, question: Query) -> None:
        order = (name.partition(" ")[0] for name in question.order_by)
        named = (*question.select, *columns(question.where), *order)
        self.seen |= {(question.table, name) for name in named if "/" not in name}

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        for one in questions:
            self._note(one)
        return super().query(questions)

    def scan(self, question: Query) -> Iterator[list[Record]]:
        self._note(question)
        return super().scan(question)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        changes = (change for one in change_sets for change in one.changes)
        rows = (change for change in changes if isinstance(change, Create | Update))
        self.seen |= {(change.row.table, name) for change in rows for name in change.values}
        return super().commit(change_sets)

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        for one in questions:
            self._note(one)
        return self.commit(change_sets), None


def only_the_role(sandbox: Sandbox) -> None:
    """The service's user may do what the role *runtime* says, and nothing else."""
    guarded_by_others = {"msdyn_organizationalunit_pricelevel"}
    tables = (one for one in shipped("runtime").tables if one.table not in guarded_by_others)
    rights = {one.table: dict.fromkeys(one.rights, ORGANIZATION) for one in tables}
    with sandbox.web.organisation.transaction(USERS["administrator"]) as uow:
        named = [one.name for one in shipped("runtime").privileges]
        assign(uow, USERS["service"], make_role(uow, "runtime", rights, named))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        register_in(sandbox)
        only_the_role(sandbox)
        yield World(sandbox)


def test_entries_to_invoice_ask_for_nothing_that_is_not_said_and_their_creator_is_told_by_their_rows(
    world: World,
) -> None:
    def looked() -> Creators:
        return creators(client, world.now())

    client = world.client = Recording(world)
    one, other = [entry for entry in world.company.entries.values() if entry.project == "P1"][:2]
    world.approve(one)
    assert looked() == Creators(0, 0, 0, 1, 0)
    world.work_on(one)
    assert looked() == Creators(1, 0, 0, 0, 0)
    world.sandbox.switches.actuals = Creation.AT_ONCE
    world.approve(other)
    assert looked() == Creators(1, 1, 0, 0, 0)
    world.write_foreign_cost(one, Decimal(8))
    assert looked() == Creators(0, 1, 1, 0, 0)
    contract = world.company.contracts["C1"]
    for command in (
        MarkReady(command=uuid4(), requested_by="t", backlog=Backlog.TIME_AND_MATERIAL, contracts=(contract,)),
        CreateInvoices(command=uuid4(), requested_by="t", contract=contract),
    ):
        world.command(command)
    seen = client.seen
    assert len(seen) > 150
    ids = {(table, f"{table}id") for table in NEEDED}
    assert {(table, name) for table, name in seen - ids if name not in NEEDED[table].columns} == set()
