"""A queue's settings as the namespace tells them, over mocked HTTP, and who may not see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
import responses

from connector.bus_access import Namespace
from connector.errors import Transient
from connector.queue_settings import QueueSettings, queue_settings
from connector.sign_in.tokens import Tokens

XML = "application/atom+xml;type=entry;charset=utf-8"
HOST = "contoso.servicebus.windows.net"
KEY = f"Endpoint=sb://{HOST}/;SharedAccessKeyName=manage;SharedAccessKey=c2VjcmV0"
ADDRESS = f"https://{HOST}/approvals"
ENTRY = """<entry xmlns="http://www.w3.org/2005/Atom"><title>approvals</title><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">
<LockDuration>PT30S</LockDuration><RequiresDuplicateDetection>{detects}</RequiresDuplicateDetection>
<RequiresSession>false</RequiresSession><DefaultMessageTimeToLive>{lives}</DefaultMessageTimeToLive>
<DeadLetteringOnMessageExpiration>{detects}</DeadLetteringOnMessageExpiration>
<MaxDeliveryCount>10</MaxDeliveryCount>{more}</QueueDescription></content></entry>"""


class Anybody:
    """Who is signed in."""

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> dict[str, object]:
        assert resource == "https://servicebus.azure.net"
        return {"access_token": "entra-token", "expires_in": 3600}


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_settings_are_read_with_a_key_that_may_manage(mock: responses.RequestsMock) -> None:
    mock.get(ADDRESS, body=ENTRY.format(detects="true", lives="P10675199DT2H48M5.4775807S", more=""), content_type=XML)
    found = queue_settings(KEY, "approvals")
    assert found is not None
    assert (found.lock, found.deliveries, found.detects_duplicates) == (timedelta(seconds=30), 10, True)
    assert (found.has_sessions, found.time_to_live > timedelta(days=3650)) == (False, True)
    assert (found.expired_are_kept, found.dead_letters_to, found.deleted_after) == (True, None, timedelta.max)
    assert str(mock.calls[0].request.headers["Authorization"]).startswith("SharedAccessSignature sr=")


def test_settings_are_read_by_who_is_signed_in(mock: responses.RequestsMock) -> None:
    more = (
        "<ForwardTo>sb://a</ForwardTo><AutoDeleteOnIdle>PT5M</AutoDeleteOnIdle>"
        "<ForwardDeadLetteredMessagesTo>sb://b</ForwardDeadLetteredMessagesTo>"
    )
    mock.get(ADDRESS, body=ENTRY.format(detects="false", lives="PT1H", more=more), content_type=XML)
    access = Namespace(HOST, Tokens(Anybody(), "https://servicebus.azure.net"))
    expected = QueueSettings(
        timedelta(seconds=30), 10, False, False, timedelta(hours=1), False, "sb://b", "sb://a", timedelta(minutes=5)
    )
    assert queue_settings(access, "approvals") == expected
    assert mock.calls[0].request.headers["Authorization"] == "Bearer entra-token"


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_manage_sees_nothing_and_asks_once(mock: responses.RequestsMock, status: int) -> None:
    mock.get(ADDRESS, status=status, body="<Error><Code>401</Code><Detail>Manage claim is required.</Detail></Error>")
    assert queue_settings(KEY, "approvals") is None
    assert len(mock.calls) == 1


def test_a_namespace_that_does_not_answer_is_no_fault_of_the_queue(mock: responses.RequestsMock) -> None:
    mock.get(ADDRESS, body=requests.ConnectionError("nobody"))
    with pytest.raises(Transient, match="nobody answers as Service Bus does"):
        queue_settings(KEY, "approvals")
    mock.replace("GET", ADDRESS, status=500, body="")
    with pytest.raises(Transient, match="500"):
        queue_settings(KEY, "approvals")
    mock.replace("GET", ADDRESS, body="<html>A proxy speaks.</html>", content_type=XML)
    with pytest.raises(Transient, match="none are told"):
        queue_settings(KEY, "approvals")


@pytest.mark.usefixtures("mock")
def test_an_emulator_is_not_asked() -> None:
    assert queue_settings(f"{KEY};UseDevelopmentEmulator=true", "approvals") is None
