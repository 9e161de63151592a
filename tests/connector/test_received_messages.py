"""A message of the SDK becomes an envelope, whatever is in it."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from azure.servicebus import ServiceBusReceivedMessage

from connector.received_messages import envelope_of
from tests.connector.fakes import NOW


class Unreadable:
    """A message with text in it that is none."""

    sequence_number = 7
    message_id = None
    locked_until_utc: datetime = NOW
    application_properties: dict[bytes, object] = {}

    @property
    def body(self) -> bytes:
        """What the SDK raises on bytes that are no text."""
        return bytes("\udcff", "utf-8")


def test_a_message_that_the_sdk_can_not_read_becomes_one_that_nobody_takes_for_anything() -> None:
    envelope = envelope_of(cast(ServiceBusReceivedMessage, Unreadable()), "work")
    assert (envelope.message_id, envelope.lineage, envelope.body) == ("work/7", "work/7", b"")
    assert envelope.locked_until == NOW, "its lock is kept, and it is put aside like any other that can't be read"
