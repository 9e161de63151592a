"""Every code Dataverse is known to answer with, wherever it turns up: what it means, and that nothing is ever written
again before everything was read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.query import Query
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from connector.recoverability import Policy
from handlers.again import settle_patiently
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.plan import Decision, NothingToDo, Plan, Refusals
from tests.connector.dataverse.environment import API, NOW, ONE, batch_answer, error, mocked, part

BATCH = f"{API}$batch"
READ = f"{API}accounts?$select=name"
NEW = ChangeSet((Create(Reference("account", ONE), {"name": "x", "revenue": Decimal("10.50")}),))


@dataclass(frozen=True)
class Row:
    """One line of the table: the answer, and what it means for a read, a whole batch, and one change set of it."""

    status: int
    code: str
    read: type[ConnectorError]
    whole: type[ConnectorError]
    one: type[ConnectorError]
    message: str = "Dataverse says no."

    @property
    def body(self) -> object:
        return error(self.code, self.message) if self.code else None

    @property
    def decimal(self) -> str:
        """The same code as some answers spell it."""
        code = int(self.code, 16)
        return str(code - 2**32 if code >= 2**31 else code)


def alike(status: int, code: str, kind: type[ConnectorError], message: str = "Dataverse says no.") -> Row:
    return Row(status, code, kind, kind, kind, message)


UNKNOWN = "Resource not found for the segment 'acounts'."
TABLE = [
    alike(429, "0x80072322", Throttled),
    alike(429, "0x80072321", Throttled),
    alike(429, "0x80072326", Throttled),
    alike(412, "0x80060892", Conflict),
    alike(412, "0x80040237", Conflict),
    alike(412, "0x80060882", Conflict),
    alike(412, "0x80040333", Rejected),
    alike(404, "0x80060891", Conflict),
    alike(404, "0x80040217", Conflict),
    alike(400, "0x80044150", Transient),
    alike(400, "0x80044151", Transient),
    alike(400, "0x80040255", Transient),
    alike(400, "0x80040251", Transient),
    Row(500, "0x80044150", Transient, UnknownOutcome, Transient),
    Row(500, "0x80044151", Transient, UnknownOutcome, Transient),
    Row(500, "0x80040255", Transient, UnknownOutcome, Transient),
    Row(500, "0x80040216", Transient, UnknownOutcome, Transient),
    alike(400, "0x80044331", Rejected),
    alike(400, "0x80040203", Rejected),
    alike(400, "0x80040265", Rejected),
    alike(403, "0x80040220", Misconfigured),
    alike(403, "0x80072560", Misconfigured),
    alike(404, "0x8006088a", Misconfigured, UNKNOWN),
    alike(400, "0x80060888", Misconfigured, "Could not find a property named 'x' on type 'account'."),
    alike(401, "", Misconfigured),
    alike(413, "", Rejected),
    Row(500, "", Transient, UnknownOutcome, UnknownOutcome),
    Row(502, "", Transient, UnknownOutcome, UnknownOutcome),
    Row(503, "", Transient, UnknownOutcome, UnknownOutcome),
    Row(504, "", Transient, UnknownOutcome, UnknownOutcome),
    Row(408, "", Transient, UnknownOutcome, UnknownOutcome),
]
named = pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.status}-{row.code or 'bare'}")


@named
def test_what_it_means_for_a_read(row: Row) -> None:
    with mocked("account") as (client, http, _):
        http.get(READ, status=row.status, json=row.body)

        with pytest.raises(ConnectorError) as caught:
            client.query([Query("account", ["name"])])
        assert type(caught.value) is row.read


@named
def test_what_it_means_for_a_whole_batch_of_writes(row: Row) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, status=row.status, json=row.body)

        (outcome,) = client.commit([NEW])
        assert type(outcome) is row.whole


@named
def test_what_it_means_for_one_change_set_of_a_batch(row: Row) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(part(row.status, row.body)))

        (outcome,) = client.commit([NEW])
        assert type(outcome) is row.one


@pytest.mark.parametrize("row", [row for row in TABLE if row.code], ids=lambda row: f"{row.status}-{row.code}")
def test_the_same_code_in_decimal_means_the_same(row: Row) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(part(row.status, error(row.decimal, row.message))))

        (outcome,) = client.commit([NEW])
        assert type(outcome) is row.one


class Writer:
    """Wants to write one row as long as it has not read that the row is there. It reads no row before the third time,
    as a replica that lags behind."""

    def __init__(self) -> None:
        self.read = 0

    def gather(self, subjects: Sequence[str], dataverse: Reader) -> Mapping[str, int]:
        dataverse.query([Query("account", ["name"])])
        self.read += 1
        return dict.fromkeys(subjects, self.read)

    def decide(self, subject: str, facts: int, refusals: Refusals) -> Decision:
        return Plan("It lacks.", (NEW,)) if facts < 3 else NothingToDo("It is there.")

    def settle(self, subjects: Sequence[str], fixed_point: FixedPoint) -> dict[str, Outcome]:
        """As a mission does."""
        return fixed_point.settle(self, subjects)


def course_of(http: responses.RequestsMock) -> str:
    """The requests of a run: R for each read, W for each batch of writes."""
    told = [call.request for call in http.calls if "EntityDefinitions" not in str(call.request.url)]
    return "".join("W" if request.method == "POST" else "R" for request in told)


def settled(client: Any, writer: Writer) -> Outcome:
    mission: Any = writer
    subject: Any = "it"
    outcomes, _ = settle_patiently(mission, FixedPoint(client), [subject], Policy(), lambda: NOW)
    return outcomes[subject]


@named
@pytest.mark.parametrize("as_a_whole", [False, True])
def test_nothing_is_written_again_before_everything_was_read_again(row: Row, as_a_whole: bool) -> None:
    """What passes is looked at afresh, written, and looked at once more. What does not pass ends there."""
    kind = row.whole if as_a_whole else row.one
    answer: dict[str, Any] = (
        {"status": row.status, "json": row.body} if as_a_whole else batch_answer(part(row.status, row.body))
    )
    with mocked("account") as (client, http, _):
        http.get(READ, json={"value": []})
        http.post(BATCH, **answer)
        if row.status == 401 and as_a_whole:
            http.post(BATCH, **answer)  # Once more with a new token.
        passes = kind in (Conflict, Transient, UnknownOutcome)
        if passes:
            http.post(BATCH, **batch_answer(part(204)))

        end = settled(client, Writer())

        if passes:
            assert course_of(http) == "RWRWR"
            assert isinstance(end, Settled)
        else:
            assert course_of(http) == ("RWW" if row.status == 401 and as_a_whole else "RW")
            assert isinstance(end, Unsettled)
            assert type(end.failure) is kind


@pytest.mark.parametrize("trouble", [requests.ReadTimeout("late"), requests.ConnectionError("reset")])
def test_a_write_that_nobody_answered_is_looked_for_before_it_is_tried_again_and_leaves_it_unsure(
    trouble: Exception,
) -> None:
    with mocked("account") as (client, http, _):
        http.get(READ, json={"value": []})
        http.post(BATCH, body=trouble)
        http.post(BATCH, body=trouble)

        end = settled(client, Writer())

        assert course_of(http) == "RWRWR"
        assert isinstance(end, Settled)
        assert end.unsure


def test_a_change_set_of_a_batch_that_was_throttled_holds_everything_for_as_long_as_told() -> None:
    with mocked("account", patience=timedelta()) as (client, http, _):
        http.get(READ, json={"value": []})
        http.post(BATCH, **batch_answer(part(429, error("0x80072326", "At once."), {"Retry-After": "7"})))

        end = settled(client, Writer())

        assert isinstance(end, Unsettled)
        assert isinstance(end.failure, Throttled)
        assert end.failure.retry_after == timedelta(seconds=7)
        with pytest.raises(Throttled):
            client.query([Query("account", ["name"])])
        assert course_of(http) == "RW"
