"""What is measured: every metric by name, unit and meaning, in one table.

Names without our prefix are those of OpenTelemetry's semantic conventions for messaging and HTTP. Attributes are
names, codes and counts: no id of anybody or anything, and nothing of what a message or a row says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

QUEUE = "messaging.destination.name"
SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
COUNT = "messaging.batch.message_count"
MESSAGE_ID = "messaging.message.id"
DELIVERIES = "messaging.servicebus.message.delivery_count"
DISPOSITION = "messaging.servicebus.disposition_status"
ERROR = "error.type"
METHOD = "http.request.method"
STATUS = "http.response.status_code"
RESENT = "http.request.resend_count"
URL = "url.full"
SERVER, PORT = "server.address", "server.port"
SERVICE_REQUEST = "http.response.header.x-ms-service-request-id"
OUTCOME, CODE, KIND, LIMIT = "outcome", "code", "kind", "limit"

SERVICE_BUS = "servicebus"
"""The messaging system, as the conventions name it."""

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120)
AGES = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Upper bounds of what is told apart, in seconds."""


class Shape(Enum):
    """What kind of instrument it is; one that is ``WATCHED`` is looked at when somebody collects."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"
    WATCHED = "watched gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument. ``attributes`` are all it is ever told apart by; ``bounds`` are those of a histogram."""

    name: str
    shape: Shape
    unit: str
    meaning: str
    attributes: tuple[str, ...]
    bounds: tuple[float, ...] = DURATIONS


def _ours(name: str, shape: Shape, unit: str, meaning: str, *attributes: str) -> Metric:
    return Metric(f"psa_connector.{name}", shape, unit, meaning, attributes)


RECEIVED = Metric(
    "messaging.client.consumed.messages",
    Shape.COUNTER,
    "{message}",
    "messages received, every delivery counted",
    (SYSTEM, OPERATION, QUEUE),
)
OPERATION_TIME = Metric(
    "messaging.client.operation.duration",
    Shape.HISTOGRAM,
    "s",
    "how long receiving took that brought messages or failed, and settling one message",
    (SYSTEM, OPERATION, QUEUE, ERROR),
)
PROCESS_TIME = Metric(
    "messaging.process.duration",
    Shape.HISTOGRAM,
    "s",
    "how long a batch was at work, from received to decided and written",
    (SYSTEM, OPERATION, QUEUE, ERROR),
)
REQUEST_TIME = Metric(
    "http.client.request.duration",
    Shape.HISTOGRAM,
    "s",
    "how long a request to Dataverse took, until its answer was read",
    (METHOD, SERVER, PORT, STATUS, ERROR),
)
PROCESSED = _ours(
    "messages.processed",
    Shape.COUNTER,
    "{message}",
    "messages at the end of a delivery, by how it ended",
    QUEUE,
    OUTCOME,
)
CRITICAL_TIME = Metric(
    "psa_connector.critical_time",
    Shape.HISTOGRAM,
    "s",
    "from when a message was first enqueued to when it was completed, retries and waits included",
    (QUEUE,),
    AGES,
)
DELAYED_RETRIES = _ours(
    "delayed_retries", Shape.COUNTER, "{message}", "messages that come again later, by why", QUEUE, CODE
)
DEAD_LETTERS = _ours("dead_letters", Shape.COUNTER, "{message}", "messages put aside for a person, by why", QUEUE, CODE)
PAUSES = _ours("pauses", Shape.COUNTER, "{pause}", "times that receiving was stopped for a fault of ours", QUEUE, CODE)
BREAKER = _ours("breaker.state", Shape.WATCHED, "{state}", "0 running, 1 trying again after a pause, 2 paused", QUEUE)
LAG = _ours(
    "queue.lag", Shape.GAUGE, "s", "age of the oldest message that the last call received; 0 when none came", QUEUE
)
REQUESTS = _ours(
    "dataverse.requests", Shape.COUNTER, "{request}", "requests to Dataverse, by how they ended", STATUS, KIND
)
CHARGED = _ours("dataverse.charged_time", Shape.COUNTER, "s", "time that Dataverse was at our requests", KIND)
THROTTLES = _ours(
    "dataverse.throttles", Shape.COUNTER, "{refusal}", "times that Dataverse said to stay away, by limit", LIMIT
)
BUDGET_WAIT = _ours(
    "dataverse.budget.wait", Shape.HISTOGRAM, "s", "waits here to stay within our own share of Dataverse's limits"
)
BUDGET_USED = _ours(
    "dataverse.budget.used", Shape.WATCHED, "1", "part of our share of Dataverse's limits that is used, at the fullest"
)
HELD = _ours(
    "dataverse.held",
    Shape.WATCHED,
    "s",
    "for how much longer nothing is sent, as Dataverse or something before it said to stay away; 0 when it did not",
)
HEARTBEAT = _ours("heartbeat", Shape.COUNTER, "{beat}", "one every 15 seconds while the service is at work")

METRICS = (
    RECEIVED,
    OPERATION_TIME,
    PROCESS_TIME,
    PROCESSED,
    CRITICAL_TIME,
    LAG,
    DELAYED_RETRIES,
    DEAD_LETTERS,
    PAUSES,
    BREAKER,
    REQUEST_TIME,
    REQUESTS,
    CHARGED,
    THROTTLES,
    BUDGET_WAIT,
    BUDGET_USED,
    HELD,
    HEARTBEAT,
)
"""All there are."""
