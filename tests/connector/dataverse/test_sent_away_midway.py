"""Who is sent away by an answer whose body is cut off still knows for how long: the headers said so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.client import DataverseClient
from connector.errors import ConnectorError, Throttled, Transient, UnknownOutcome
from tests.connector.dataverse.environment import API, ONE, mocked

WAIT = timedelta(seconds=120)
NEW = ChangeSet((Create(Reference("account", ONE), {"name": "x"}),))
JSON, PARTS = "application/json", "multipart/mixed; boundary=batchresponse_1"


def read(client: DataverseClient) -> ConnectorError:
    """What a read fails with."""
    with pytest.raises(ConnectorError) as caught:
        client.who_am_i()
    return caught.value


def write(client: DataverseClient) -> ConnectorError:
    """What a single write fails with."""
    with pytest.raises(ConnectorError) as caught:
        client.send("POST", "things", {})
    return caught.value


def batch(client: DataverseClient) -> ConnectorError:
    """What a batch of writes fails with."""
    [outcome] = client.commit([NEW])
    assert isinstance(outcome, ConnectorError)
    return outcome


@pytest.mark.parametrize(
    ("status", "kind", "ask", "means"),
    [
        (429, JSON, read, Throttled),
        (503, JSON, read, Transient),
        (429, JSON, write, Throttled),
        (503, JSON, write, UnknownOutcome),
        (429, JSON, batch, Throttled),
        (429, PARTS, batch, UnknownOutcome),
        (504, JSON, batch, UnknownOutcome),
    ],
)
def test_the_wait_is_kept_and_only_what_may_have_been_carried_out_is_unknown(
    status: int, kind: str, ask: object, means: type[ConnectorError]
) -> None:
    told = {"Retry-After": "120", "Content-Length": "500", "Content-Type": kind}
    with mocked("account") as (client, http, time):
        paths = (("GET", "WhoAmI"), ("POST", "things"), ("POST", "$batch"))
        cut = [http.add(method, API + path, body='{"error"', status=status, headers=told) for method, path in paths]
        http.assert_all_requests_are_fired = False

        failed = ask(client)  # type: ignore[operator]

        assert (type(failed), failed.retry_after) == (means, WAIT)
        assert client._transport._budget.held(time.now()) == WAIT
        assert (sum(one.call_count for one in cut), time.slept) == (1, [])


def test_an_answer_that_is_cut_off_and_sends_nobody_away_is_none() -> None:
    with mocked() as (client, http, _):
        http.post(f"{API}things", body='{"error"', status=400, headers={"Content-Length": "500"})

        assert isinstance(write(client), UnknownOutcome)
