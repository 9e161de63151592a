"""What changed since a token: request shapes against mocked HTTP, and the whole round against the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from connector.auth import StaticToken
from connector.dataverse.change_tracking import is_expired
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference, Update
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query, any_of, either, equals
from connector.errors import Misconfigured, Rejected
from sandbox.world import Sandbox
from tests.connector.dataverse.environment import API, ONE, TWO, error, mocked
from tests.connector.dataverse.test_queries import ANNOTATIONS, row

URL = f"{API}contacts?$select=fullname"
CONTEXT = f"{API}$metadata#contacts"


def test_changes_are_asked_for_page_by_page_and_the_last_one_bears_the_token() -> None:
    with mocked("contact") as (client, http, _):
        following = f"{API}contacts?$select=fullname&$skiptoken=7"
        http.get(URL, json={"value": [row(ONE, fullname="Ann")], "@odata.nextLink": following})
        link = f"{URL}&$deltatoken=919042%2108%2f22%2f2017"
        gone = {"@odata.context": f"{CONTEXT}/$deletedEntity", "id": str(TWO), "reason": "deleted"}
        http.get(following, json={"value": [gone], "@odata.deltaLink": link})

        first, last = client.tracking.since("contact", ["fullname"], None)

        assert (first.records[0]["fullname"], first.deleted, first.token) == ("Ann", (), None)
        assert (last.records, last.deleted, last.token) == ((), (TWO,), "919042%2108%2f22%2f2017")
        assert all(
            call.request.headers["Prefer"] == f"{ANNOTATIONS},odata.maxpagesize=5000,odata.track-changes"
            for call in list(http.calls)[1:]
        )


def test_a_token_is_given_back_word_for_word() -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{URL}&$deltatoken=1%2108", json={"value": [], "@odata.deltaLink": f"{URL}&%24deltatoken=2%2109"})
        (page,) = client.tracking.since("contact", ["fullname"], "1%2108")
        assert page.token == "2%2109"
        assert http.calls[-1].request.url == f"{URL}&$deltatoken=1%2108"


def test_a_token_that_is_too_old_says_so() -> None:
    with mocked("contact") as (client, http, _):
        http.get(f"{URL}&$deltatoken=1", status=400, json=error("0x80044352", "Version stamp has expired."))
        with pytest.raises(Rejected) as refused:
            list(client.tracking.since("contact", ["fullname"], "1"))
        assert is_expired(refused.value)


def test_changes_without_a_token_are_not_understood() -> None:
    with mocked("contact") as (client, http, _):
        http.get(URL, json={"value": [], "@odata.deltaLink": f"{URL}&other=1"})
        with pytest.raises(Misconfigured, match="without a token"):
            list(client.tracking.since("contact", ["fullname"], None))


def test_a_scan_holds_one_page_at_a_time() -> None:
    with mocked("contact") as (client, http, _):
        following = f"{API}contacts?$select=fullname&$skiptoken=7"
        http.get(f"{URL}&$filter=fullname%20eq%20'Ann'", json={"value": [row(ONE)], "@odata.nextLink": following})
        pages = client.scan(Query("contact", ["fullname"], equals("fullname", "Ann")))
        assert [record.row.id for record in next(pages)] == [ONE]
        http.get(following, json={"value": [row(TWO)]})
        assert [[record.row.id for record in page] for page in pages] == [[TWO]]


def test_a_scan_in_parts_gives_no_row_twice() -> None:
    many = [UUID(int=number) for number in range(1, 1200)]
    with mocked("contact") as (client, http, _):
        http.get(re.compile(re.escape(f"{API}contacts?")), json={"value": [row(ONE)]})
        pages = client.scan(
            Query("contact", ["fullname"], either(equals("fullname", "Ann"), any_of("contactid", many)))
        )
        assert [record.row.id for page in pages for record in page] == [ONE]
        asked = [call.request.url for call in http.calls[1:]]
        assert len(asked) > 1
        assert all("Ann" in str(url) for url in asked)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(company=False) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[DataverseClient]:
    client = DataverseClient(sandbox.dataverse, StaticToken(sandbox.tokens["administrator"]))
    yield client
    client.close()


def told(client: DataverseClient, token: str | None) -> tuple[set[UUID], set[UUID], str]:
    pages = list(client.tracking.since("account", ["name"], token))
    changed = {record.row.id for page in pages for record in page.records}
    deleted = {id for page in pages for id in page.deleted}
    assert pages[-1].token is not None
    return changed, deleted, pages[-1].token


def test_the_sandbox_tells_what_changed_and_what_went_since(sandbox: Sandbox, client: DataverseClient) -> None:
    kept, gone, new = (Reference("account", uuid4()) for _ in range(3))
    made = [ChangeSet((Create(row, {"name": "A"}),)) for row in (kept, gone)]
    assert all(isinstance(outcome, Committed) for outcome in client.commit(made))
    everything, _, token = told(client, None)
    assert {kept.id, gone.id} <= everything
    assert told(client, token)[:2] == (set(), set())
    ((record,),) = client.query([Query("account", ["name"], equals("accountid", kept.id))])
    client.commit([ChangeSet((Update(kept, {"name": "B"}, record.etag), Create(new, {"name": "C"})))])
    client.send("DELETE", f"accounts({gone.id})")
    assert told(client, token)[:2] == ({kept.id, new.id}, {gone.id})
    sandbox.clock.advance(timedelta(days=8))
    with pytest.raises(Rejected) as refused:
        told(client, token)
    assert is_expired(refused.value)


def test_it_knows_which_tables_track_their_changes(client: DataverseClient) -> None:
    assert client.tracking.enabled(["account", "msdyn_timeentry"]) == {"account", "msdyn_timeentry"}
