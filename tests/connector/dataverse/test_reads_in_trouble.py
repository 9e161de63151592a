from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import requests

from connector.dataverse.query import Query
from connector.errors import Misconfigured, Throttled, Transient
from tests.connector.dataverse.environment import (
    API,
    ONE,
    batch_answer,
    error,
    mocked,
    part,
)

ANNOTATIONS = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'


def row(key: UUID, **values: object) -> dict[str, object]:
    return {"@odata.etag": 'W/"1"', "contactid": str(key), **values}


def test_a_read_is_tried_again_when_the_far_side_was_out_of_reach() -> None:
    with mocked("contact") as (client, http, time):
        http.get(f"{API}contacts?$select=contactid", body=requests.ConnectionError("gone"))
        http.get(f"{API}contacts?$select=contactid", status=503)
        http.get(f"{API}contacts?$select=contactid", json={"value": [row(ONE)]})

        assert len(client.query([Query("contact", [])])[0]) == 1
        assert len(time.slept) == 2


def test_a_read_is_given_up_after_three_tries() -> None:
    with mocked("contact") as (client, http, _):
        attempt = http.get(f"{API}contacts?$select=contactid", status=502)

        with pytest.raises(Transient, match="unavailable"):
            client.query([Query("contact", [])])
        assert attempt.call_count == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_that_is_told_when_to_come_back_comes_back_then_and_not_before(status: int) -> None:
    with mocked("contact", patience=timedelta(seconds=5)) as (client, http, time):
        attempt = http.get(f"{API}contacts?$select=contactid", status=status, headers={"Retry-After": "30"})

        with pytest.raises(Transient) as first:
            client.query([Query("contact", [])])
        time.sleep(10)
        with pytest.raises(Throttled) as second:
            client.query([Query("contact", ["fullname"])])

        assert type(first.value) is Transient, "nobody's limit, but an outage"
        waits = [caught.value.retry_after for caught in (first, second)]
        assert (waits, attempt.call_count) == ([timedelta(seconds=30), timedelta(seconds=20)], 1)


def test_a_batch_of_reads_is_tried_again_as_a_whole_when_it_was_cut_off() -> None:
    answers = [part(200, {"value": [row(ONE)]}), part(200, {"value": []})]
    with mocked("contact") as (client, http, time):
        http.post(f"{API}$batch", **batch_answer(answers[0]))
        http.post(f"{API}$batch", **batch_answer(*answers))

        assert len(client.query([Query("contact", []), Query("contact", ["fullname"])])[0]) == 1
        assert len(time.slept) == 1


def test_a_refused_read_inside_a_batch_is_not_tried_again() -> None:
    with mocked("contact") as (client, http, _):
        refused = http.post(
            f"{API}$batch",
            **batch_answer(part(200, {"value": []}), part(403, error("0x80040220", "missing prvReadcontact"))),
        )

        with pytest.raises(Misconfigured, match="prvReadcontact"):
            client.query([Query("contact", []), Query("contact", ["fullname"])])
        assert refused.call_count == 1


def test_a_throttled_read_is_not_repeated_and_nothing_else_is_sent_until_the_time_is_over() -> None:
    with mocked("contact", patience=timedelta(seconds=5)) as (client, http, time):
        limit = http.get(
            f"{API}contacts?$select=contactid",
            status=429,
            headers={"Retry-After": "30"},
            json=error("0x80072322", "Number of requests exceeded the limit"),
        )

        with pytest.raises(Throttled) as first:
            client.query([Query("contact", [])])
        time.sleep(10)
        with pytest.raises(Throttled) as second:
            client.query([Query("contact", [])])

        assert first.value.retry_after == timedelta(seconds=30)
        assert second.value.retry_after == timedelta(seconds=20)
        assert limit.call_count == 1


def test_a_short_wait_for_the_own_budget_is_waited_here() -> None:
    with mocked("contact") as (client, http, time):
        http.get(f"{API}contacts?$select=contactid", status=429, headers={"Retry-After": "3"})
        http.get(f"{API}contacts?$select=contactid", json={"value": []})

        with pytest.raises(Throttled):
            client.query([Query("contact", [])])
        client.query([Query("contact", [])])

        assert time.slept == [3.0]
