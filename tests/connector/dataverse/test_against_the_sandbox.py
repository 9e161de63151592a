"""The client and the sandbox's Web API over a real socket: two independent readings of one protocol must agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from connector.auth import StaticToken
from connector.dataverse.changes import ChangeSet, Committed, Create, Record, Reference, Update
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, any_of, either, equals
from connector.errors import Conflict, Misconfigured
from sandbox.world import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(company=False) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[DataverseClient]:
    client = DataverseClient(sandbox.dataverse, StaticToken(sandbox.token), tables=["account", "salesorder"], tag="me")
    yield client
    client.close()


def account(name: str) -> Create:
    return Create(Reference("account", uuid4()), {"name": name})


def commit(client: DataverseClient, *changes: Create | Update) -> None:
    [outcome] = client.commit([ChangeSet(changes)])
    assert isinstance(outcome, Committed)


def read(client: DataverseClient, row: Reference, *columns: str) -> Record:
    [[record]] = client.query([Query(row.table, columns, equals(f"{row.table}id", row.id))])
    return record


def test_it_knows_who_it_is(client: DataverseClient) -> None:
    assert client.who_am_i().organization_id.int


def test_a_token_nobody_gave_out_is_refused(sandbox: Sandbox) -> None:
    stranger = DataverseClient(sandbox.dataverse, StaticToken("no"))

    with pytest.raises(Misconfigured, match="sign-in-refused"):
        stranger.who_am_i()
    stranger.close()


def test_what_is_written_is_read_back_exactly(client: DataverseClient) -> None:
    new = account('Größe & O\'Hara + "Söhne" 100%')
    order = Create(
        Reference("salesorder", uuid4()),
        {"name": "o", "customerid": new.row, "exchangerate": Decimal("1.2500000000"), "description": None},
    )

    commit(client, new, order)

    assert read(client, new.row, "name")["name"] == new.values["name"]
    record = read(client, order.row, "customerid", "exchangerate", "description", "createdon", "ownerid")
    assert record["customerid"] == new.row
    assert record["description"] is None
    assert isinstance(record["createdon"], datetime)
    assert record["ownerid"] == Reference("systemuser", client.who_am_i().user_id)


def test_a_second_creation_is_a_conflict_that_rolls_its_change_set_back(client: DataverseClient) -> None:
    first, other = account("first"), account("other")
    commit(client, first)

    alone, together, fine = client.commit(
        [ChangeSet((first,)), ChangeSet((other, first)), ChangeSet((account("fine"),))]
    )

    assert isinstance(alone, Conflict)
    assert (alone.code, alone.record) == ("row-exists", str(first.row))
    assert isinstance(together, Conflict)
    assert isinstance(fine, Committed)
    assert client.query([Query("account", ["name"], equals("accountid", other.row.id))]) == [[]]


def test_an_update_needs_the_etag_that_was_read(client: DataverseClient) -> None:
    new = account("before")
    commit(client, new)
    etag = read(client, new.row, "name").etag

    right, stale, gone = client.commit(
        [
            ChangeSet((Update(new.row, {"name": "after"}, etag),)),
            ChangeSet((Update(new.row, {"name": "never"}, etag),)),
            ChangeSet((Update(Reference("account", uuid4()), {"name": "x"}, etag),)),
        ]
    )

    assert isinstance(right, Committed)
    assert isinstance(stale, Conflict)
    assert stale.code == "row-changed"
    assert isinstance(gone, Conflict)
    assert gone.code == "row-gone"
    assert read(client, new.row, "name")["name"] == "after"


def test_a_lookup_is_found_by_and_cleared(client: DataverseClient) -> None:
    new = account("customer")
    order = Create(Reference("salesorder", uuid4()), {"name": "o", "customerid": new.row, "ownerid": None})
    commit(client, new, order)
    by_one = Query("salesorder", ["name"], equals("customerid", new.row))
    by_many = Query("salesorder", ["name"], any_of("customerid", [new.row, uuid4()]))
    assert [[r.row for r in rows] for rows in client.query([by_one, by_many])] == [[order.row], [order.row]]

    commit(client, Update(order.row, {"customerid": None}, read(client, order.row, "name").etag))

    assert client.query([by_one, by_many]) == [[], []]
    by_none = Query("salesorder", ["name"], any_of("customerid", [new.row, None]))
    assert order.row in [record.row for record in client.query([by_none])[0]]


def test_filters_order_and_top_mean_the_same_on_both_sides(client: DataverseClient) -> None:
    stem = uuid4().hex
    commit(client, *(account(f"{stem}{number}") for number in range(5)))
    where = all_of(
        Compare("createdon", "ge", datetime(2020, 1, 1, tzinfo=UTC)),
        either(equals("name", f"{stem}1"), equals("name", f"{stem}3"), equals("name", f"{stem}4")),
    )

    [found] = client.query([Query("account", ["name"], where, order_by=["name desc"], top=2)])

    assert [record["name"] for record in found] == [f"{stem}4", f"{stem}3"]


def test_thousands_of_ids_are_asked_for_at_once(client: DataverseClient) -> None:
    new = account("needle")
    commit(client, new)
    ids: list[UUID] = [uuid4() for _ in range(2500)]

    [found] = client.query([Query("account", ["name"], any_of("accountid", [*ids, new.row.id]))])

    assert [record.row for record in found] == [new.row]
