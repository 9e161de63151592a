from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.dataverse.refusals import UNTOLD_WAIT, Refusal, failure, read_code, read_refusal, read_retry_after
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "name"),
    [
        (412, "0x80060882", "The version of the existing record doesn't match", Conflict, "row-changed"),
        (412, "-2147088254", "whatever", Conflict, "row-changed"),
        (412, "0x80040237", "A record with matching key values already exists.", Conflict, "row-exists"),
        (412, "-2147220937", "", Conflict, "row-exists"),
        (412, "0x80060892", "", Conflict, "key-taken"),
        (412, "0x80040333", "", Rejected, "duplicate-rule"),
        (412, "", "A record with matching key values already exists.", Conflict, "row-exists"),
        (412, "", "The version of the existing record doesn't match the RowVersion property.", Conflict, "row-changed"),
        (
            412,
            "",
            "A record was not created because a duplicate of the current record exists.",
            Rejected,
            "duplicate-rule",
        ),
        (412, "", "", Conflict, "precondition-failed"),
        (404, "0x80060891", "", Conflict, "row-gone"),
        (404, "0x80040217", "account With Id = 1 Does Not Exist", Conflict, "row-gone"),
        (404, "", "account With Id = 1 Does Not Exist", Conflict, "row-gone"),
        (404, "0x8006088a", "Resource not found for the segment 'acounts'.", Misconfigured, "unknown-name"),
        (404, "0x0", "Resource not found for the segment 'acounts'.", Misconfigured, "unknown-name"),
        (404, "", "", Misconfigured, "not-found"),
        (
            400,
            "0x80060888",
            "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'.",
            Misconfigured,
            "unknown-name",
        ),
        (400, "0x80048d19", "Error identified in Payload: an undeclared property 'x'", Misconfigured, "unknown-name"),
        (400, "0x80048d19", "Error identified in Payload provided by the user", Rejected, "refused"),
        (400, "0x80040265", "Approved time cannot be changed.", Rejected, "refused-by-business-rule"),
        (400, "0x80040203", "", Rejected, "invalid-argument"),
        (400, "0x80044331", "", Rejected, "invalid-value"),
        (400, "0x0", "Something new", Rejected, "refused"),
        (401, "", "", Misconfigured, "sign-in-refused"),
        (403, "0x80040220", "Principal user is missing prvWriteaccount privilege", Misconfigured, "missing-privilege"),
        (403, "0x80072560", "The user is not a member of the organization.", Misconfigured, "not-a-member"),
        (403, "", "", Misconfigured, "forbidden"),
        (413, "", "", Rejected, "too-large"),
        (429, "0x80072322", "", Throttled, "too-many-requests"),
        (429, "-2147015903", "", Throttled, "too-much-execution-time"),
        (429, "0x80072326", "", Throttled, "too-many-at-once"),
        (429, "0x80040265", "", Throttled, "throttled"),
        (429, "", "Number of requests exceeded the limit of 6000.", Throttled, "too-many-requests"),
        (429, "", "Number of concurrent requests exceeded the limit of 52.", Throttled, "too-many-at-once"),
        (
            429,
            "",
            "Combined execution time exceeded limit of 1200000. Decrease number of concurrent requests.",
            Throttled,
            "too-much-execution-time",
        ),
        (500, "0x80044150", "Generic SQL error. Sql error: 1205", Transient, "sql-error"),
        (400, "0x80044151", "SQL timeout expired.", Transient, "sql-timeout"),
        (400, "-2147220907", "There is no active transaction", Transient, "transaction-ended"),
        (400, "0x80040251", "", Transient, "transaction-ended"),
        (500, "", "", Transient, "server-error"),
        (502, "", "", Transient, "unavailable"),
        (503, "", "", Transient, "unavailable"),
        (504, "", "", Transient, "unavailable"),
        (405, "", "", Misconfigured, "unexpected-answer"),
        (501, "", "", Transient, "server-error"),
    ],
)
def test_each_refusal_means_one_failure(
    status: int, code: str, message: str, kind: type[ConnectorError], name: str
) -> None:
    told = failure(Refusal(status, read_code(code), message))

    assert type(told) is kind
    assert told.code == name


def test_the_sentence_keeps_what_dataverse_said() -> None:
    told = failure(Refusal(400, 0x80040265, "Approved time cannot be changed."))

    assert told.sentence == "Dataverse refused (400 0x80040265): Approved time cannot be changed."


def test_a_bare_404_on_a_named_row_means_that_the_row_is_gone() -> None:
    told = failure(Refusal(404, None, ""), "account(1)", names_rows=True)

    assert isinstance(told, Conflict)
    assert told.record == "account(1)"


def test_a_throttling_answer_is_obeyed_exactly_and_one_without_a_time_is_given_a_minute() -> None:
    told = failure(Refusal(429, None, "", timedelta(seconds=17.5)))
    untold = failure(Refusal(429, None, ""))

    assert isinstance(told, Throttled)
    assert told.retry_after == timedelta(seconds=17.5)
    assert isinstance(untold, Throttled)
    assert untold.retry_after == UNTOLD_WAIT


@pytest.mark.parametrize(
    ("code", "message", "kind", "name"),
    [
        (None, "", Transient, "unavailable"),
        (0x80072322, "", Throttled, "too-many-requests"),
        (None, "Number of requests exceeded the limit of 6000", Throttled, "too-many-requests"),
    ],
)
def test_an_unavailable_server_that_says_when_to_come_back_is_out_of_order_unless_it_speaks_of_limits(
    code: int | None, message: str, kind: type[Transient], name: str
) -> None:
    told = failure(Refusal(503, code, message, timedelta(seconds=5)))

    assert (type(told), told.code, told.retry_after) == (kind, name, timedelta(seconds=5))


@pytest.mark.parametrize("told", ["inf", "1e999", "99999999", "3601", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_more_than_an_hour_is_cut_to_that_but_for_limits(told: str) -> None:
    limit = b'{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit."}}'
    hour = timedelta(hours=1)

    assert read_refusal(503, b"<html>", told, NOW).retry_after == hour
    assert read_refusal(502, b"", told, NOW).retry_after == hour
    for status, body in ((429, b"<html>"), (429, limit), (503, limit)):
        assert (read_refusal(status, body, told, NOW).retry_after or timedelta()) > hour
    assert read_refusal(503, b"<html>", "3600", NOW).retry_after == hour
    assert read_refusal(503, b"<html>", "3599", NOW).retry_after == timedelta(seconds=3599)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("0.25", timedelta(seconds=0.25)),
        ("-3", timedelta()),
        ("Mon, 01 Jan 2024 00:00:20 GMT", timedelta(seconds=20)),
        ("Sun, 31 Dec 2023 00:00:20 GMT", timedelta()),
        ("soon", None),
        ("nan", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
        ("Mon, 01 Jan 1601 00:00:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 -0100", timedelta(days=1)),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, wait: timedelta | None) -> None:
    assert read_retry_after(text, NOW) == wait


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"x"}', b'{"error":{}}'])
def test_a_body_that_is_not_dataverses_still_gives_a_refusal(body: bytes) -> None:
    assert read_refusal(502, body, None, NOW) == Refusal(502, None, "", None)
