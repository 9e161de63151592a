"""System jobs that post messages to a service bus, and the senders that carry them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender

from sandbox.dataverse.event_steps import Endpoint

if TYPE_CHECKING:
    from sandbox.dataverse.event_faults import EventFault

WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800))
"""How long a job waits after each failed post: often at first, then at longer intervals; after the last it fails."""
READY, WAITING, IN_PROGRESS, SUCCEEDED, FAILED, CANCELED = (0, 0), (1, 10), (2, 20), (3, 30), (3, 31), (3, 32)
"""State and status of a system job, as ``asyncoperation`` numbers them."""
BUS_ERRORS: Final = (AzureError, OSError)
"""What a bus that is away or says no raises; anything else does not get better by waiting."""
Property = int | float | bytes | bool | str | UUID
"""What the SDK takes as the value of an application property."""


@dataclass(slots=True, eq=False)
class SystemJob:
    """One message on its way. ``message`` says what went wrong last, if anything did.

    ``has_row``: it is written down in ``asyncoperation``; ``leaves_no_row``: only until it has succeeded. ``again`` is
    the planned fault for whose sake the message is posted once more.
    """

    id: UUID
    step: UUID
    table: str
    record: UUID
    endpoint: Endpoint
    body: bytes
    correlation: UUID
    properties: Mapping[str | bytes, Property]
    due: datetime
    has_row: bool
    leaves_no_row: bool
    state: tuple[int, int] = READY
    attempts: int = 0
    message: str | None = None
    again: EventFault | None = None

    def put_off(self, now: datetime, reason: str) -> None:
        """After a failed post: wait longer than the last time, or give up."""
        self.message = reason
        if self.attempts >= len(WAITS):
            self.state = FAILED
            return
        self.state, self.due = WAITING, now + WAITS[self.attempts]
        self.attempts += 1

    def fail(self, reason: str) -> None:
        """Give up at once: trying again would not help."""
        self.state, self.message = FAILED, reason


class Senders:
    """One open sender per endpoint, for one thread's use; a sender that failed is not used again."""

    def __init__(self) -> None:
        self._open: dict[Endpoint, tuple[ServiceBusClient, ServiceBusSender]] = {}

    def send(self, job: SystemJob) -> None:
        """Post once. A connection that had gone stale is replaced first.

        Raises one of ``BUS_ERRORS``, or whatever the SDK makes of an endpoint that makes no sense.
        """
        stale = job.endpoint in self._open
        sent = False
        try:
            self._sender(job.endpoint).send_messages(_message(job))
            sent = True
        except BUS_ERRORS:
            if not stale:
                raise
        finally:
            if not sent:
                self._drop(job.endpoint)
        if not sent:
            self.send(job)

    def close(self) -> None:
        """Close them all."""
        for endpoint in list(self._open):
            self._drop(endpoint)

    def _sender(self, endpoint: Endpoint) -> ServiceBusSender:
        if endpoint not in self._open:
            client = ServiceBusClient.from_connection_string(endpoint.connection, retry_total=0)
            open_sender = client.get_topic_sender if endpoint.topic else client.get_queue_sender
            self._open[endpoint] = (client, open_sender(endpoint.path))
        return self._open[endpoint][1]

    def _drop(self, endpoint: Endpoint) -> None:
        for handle in reversed(self._open.pop(endpoint, ())):
            # What is broken may not close in good order either; it is gone all the same.
            with contextlib.suppress(Exception):
                handle.close()


def _message(job: SystemJob) -> ServiceBusMessage:
    """A fresh message id each time it is posted: a repeated post is recognised by its operation, not by this."""
    return ServiceBusMessage(
        job.body,
        content_type="application/json",
        message_id=uuid4().hex,
        correlation_id=str(job.correlation),
        application_properties=dict(job.properties),
    )
