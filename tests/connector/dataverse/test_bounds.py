"""However much there is to write or to read: what is sent and held at once has bounds."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
import requests

from connector.dataverse import batch_pace, commits, prepared, reads
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.changes import ChangeSet, Committed, Create, Reference
from connector.dataverse.query import Query
from connector.errors import Misconfigured, Rejected, Transient, UnknownOutcome
from tests.connector.dataverse.environment import (
    API,
    ONE,
    Time,
    batch_answer,
    change_set,
    error,
    mocked,
    part,
)

BATCH = f"{API}$batch"


def creations(number: int, text: str = "x") -> list[ChangeSet]:
    """One row in each change set."""
    return [ChangeSet((Create(Reference("account", UUID(int=one)), {"name": text}),)) for one in range(number)]


class Server:
    """Answers every batch, each operation of which takes so long on its clock."""

    def __init__(self, time: Time, each: float) -> None:
        self.time = time
        self.each = each
        self.operations: list[int] = []

    def __call__(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        body = request.body if isinstance(request.body, bytes) else b""
        self.operations.append(body.count(b"PATCH "))
        self.time.present += timedelta(seconds=self.each * self.operations[-1])
        told = batch_answer(*[change_set(part(204))] * self.operations[-1])
        return 200, {"Content-Type": told["content_type"]}, told["body"]


@pytest.mark.parametrize(
    ("each", "batches"),
    [
        (0.002, [200, 400, 400, 1000, 1000]),
        (0.05, [200, 400, 400, 600, 400, 600, 400]),
        (0.5, [200, *[60] * 13, 20, *[60] * 16, 40, *[60] * 16, 40]),
    ],
)
def test_batches_are_as_large_as_is_done_in_half_a_minute(each: float, batches: list[int]) -> None:
    """Three thousand rows in commits of a thousand."""
    time = Time()
    server = Server(time, each)
    boundless = Budget(Limits(execution=timedelta(days=1)))
    with mocked("account", timer=lambda: time.present.timestamp(), budget=boundless) as (client, http, _):
        http.add_callback("POST", BATCH, callback=server, content_type=None)
        for _commit in range(3):
            outcomes = client.commit(creations(1000))
            assert all(isinstance(outcome, Committed) for outcome in outcomes)

    assert server.operations == batches


def test_a_change_set_is_never_divided() -> None:
    time = Time()
    server = Server(time, 0.1)
    rows = tuple(Create(Reference("account", UUID(int=one)), {}) for one in range(300))
    with mocked("account", timer=lambda: time.present.timestamp()) as (client, http, _):
        answer = change_set(*[part(204)] * 300)
        http.post(BATCH, **batch_answer(answer))
        http.post(BATCH, **batch_answer(answer))

        outcomes = client.commit([ChangeSet(rows), ChangeSet(rows)])

        assert [type(outcome) for outcome in outcomes] == [Committed, Committed]
        assert server.operations == []
        assert len(http.calls) == 3


def test_after_a_batch_without_an_answer_the_next_is_half_as_large() -> None:
    time = Time()
    server = Server(time, 0.05)
    with mocked("account", timer=lambda: time.present.timestamp()) as (client, http, _):
        http.post(BATCH, body=requests.ReadTimeout())
        outcomes = client.commit(creations(400))
        http.reset()
        http.add_callback("POST", BATCH, callback=server, content_type=None)
        client.commit(creations(200))

    assert {type(outcome) for outcome in outcomes} == {UnknownOutcome, Transient}
    assert server.operations == [100, 100]


def test_after_the_database_ran_out_of_time_the_next_batch_is_half_as_large() -> None:
    time = Time()
    server = Server(time, 0.05)
    late = part(400, error("0x80044151", "SQL timeout expired."))
    with mocked("account", timer=lambda: time.present.timestamp()) as (client, http, _):
        http.post(BATCH, **batch_answer(*[late] * 200))
        client.commit(creations(200))
        http.reset()
        http.add_callback("POST", BATCH, callback=server, content_type=None)
        client.commit(creations(200))

    assert server.operations == [100, 100]


def test_batches_are_bounded_in_bytes_and_a_change_set_that_is_too_large_is_refused_unsent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for bounded in (commits, prepared):
        monkeypatch.setattr(bounded, "MOST_BYTES", 1000)
    assert batch_pace.MOST_BYTES > 2**20
    server = Server(Time(), 0.01)
    with mocked("account") as (client, http, _):
        http.add_callback("POST", BATCH, callback=server, content_type=None)
        outcomes = client.commit([*creations(4, "x" * 300), *creations(1, "x" * 1001)])

    assert server.operations == [2, 2]
    assert [type(outcome) for outcome in outcomes] == [*[Committed] * 4, Rejected]


def rows(number: int) -> list[dict[str, object]]:
    return [{"@odata.etag": 'W/"1"', "accountid": str(ONE), "name": "x"} for _ in range(number)]


def test_an_answer_of_more_rows_than_are_held_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST_ROWS", 5)
    path = f"{API}accounts?$select=name"
    with mocked("account") as (client, http, _):
        http.get(path, json={"value": rows(3), "@odata.nextLink": f"{path}&$skiptoken=2"})
        http.get(f"{path}&$skiptoken=2", json={"value": rows(3), "@odata.nextLink": f"{path}&$skiptoken=3"})

        with pytest.raises(Rejected, match="too-many-rows"):
            client.query([Query("account", ["name"])])
        assert sum(1 for _page in zip(range(2), client.scan(Query("account", ["name"])), strict=False)) == 2


def test_empty_pages_without_end_are_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST_PAGES", 4)
    path = f"{API}accounts?$select=name"
    with mocked("account") as (client, http, _):
        asked = http.get(path, json={"value": [], "@odata.nextLink": path})

        with pytest.raises(Rejected, match="too-many-rows"):
            client.query([Query("account", ["name"])])
        assert asked.call_count == 4
        with pytest.raises(Misconfigured, match="its own next"):
            list(client.scan(Query("account", ["name"])))


def test_a_body_that_is_no_json_of_any_sense_is_an_answer_nobody_can_read() -> None:
    with mocked("account") as (client, http, _):
        http.get(f"{API}accounts?$select=revenue", body=json.dumps({"value": []})[:-2] + "1e999999999]}")

        with pytest.raises(Misconfigured, match="unreadable-answer"):
            client.query([Query("account", ["revenue"])])
