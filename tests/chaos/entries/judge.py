"""What the judge looks at beside the books: messages that were put aside, and copies that were made twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusSubQueue

from sandbox.world import COMMANDS, EVENTS, Sandbox

COPY = ("connector-lineage", "connector-attempt", "connector-turn")
"""The properties by which a copy says what it carries on: which message, which attempt, and which turn of it."""
AT_ONCE = 200
WORDS = {"lost": "lost", "doubled": "doubled", "add up": "wrong amount"}


def counted(faults: Iterable[str]) -> str:
    """How many rows are lost, doubled, or of a wrong amount, and how many faults are of any other kind."""
    kinds = Counter(next((kind for word, kind in WORDS.items() if word in fault), "other") for fault in faults)
    return ", ".join(f"{kind} {kinds[kind]}" for kind in (*WORDS.values(), "other"))


def put_aside(sandbox: Sandbox) -> list[str]:
    """Every message that is a dead letter, with its reason."""
    return [
        f"put aside: {one.dead_letter_reason}: {one.dead_letter_error_description}"
        for queue in (EVENTS, COMMANDS)
        for one in _messages(sandbox, queue, dead=True)
    ]


def copied_twice(sandbox: Sandbox) -> list[str]:
    """Copies on the queue of events that carry on the same message at the same attempt."""
    names: Counter[tuple[str, ...]] = Counter()
    for one in _messages(sandbox, EVENTS):
        said = {_text(key): value for key, value in (one.application_properties or {}).items()}
        if COPY[0] in said:
            names[tuple(_text(said.get(name)) for name in COPY)] += 1
    return [f"copied twice: {', '.join(name)}: {count} messages" for name, count in names.items() if count > 1]


def due_by(sandbox: Sandbox, end: datetime) -> bool:
    """Whether a message on the queue of events is scheduled for a moment before this one."""
    times = (one.scheduled_enqueue_time_utc for one in _messages(sandbox, EVENTS))
    return any(time is not None and time < end for time in times)


def _messages(sandbox: Sandbox, queue: str, *, dead: bool = False) -> Iterator[ServiceBusReceivedMessage]:
    with ServiceBusClient.from_connection_string(sandbox.servicebus) as client:
        sub_queue = ServiceBusSubQueue.DEAD_LETTER if dead else None
        with client.get_queue_receiver(queue, sub_queue=sub_queue) as receiver:
            begin = 1
            while found := receiver.peek_messages(AT_ONCE, sequence_number=begin):
                yield from found
                begin = max(one.sequence_number or 0 for one in found) + 1


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
