"""The queues, as far as whoever sends and receives can see them: whether they may, and what refuses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connector.bus_access import Access
from connector.errors import ConnectorError, Misconfigured, Transient
from connector.recoverability import Policy
from service.checks.finding import Finding, Verdict, looked
from service.event_sender import IN_TIME, VARIABLE
from service.event_sender import check as check_sender
from service.settings import ServiceBusSettings
from service.signing_in import access_to

if TYPE_CHECKING:
    from connector.queue_settings import QueueSettings

AREA = "queues"
LEAST_DELIVERIES = 50
"""The broker's own limit is only a guard against loops; a low one puts messages aside before the service does."""
NEVER = timedelta(days=3650)
LEAST_LOCK = timedelta(seconds=60)
WANTED = (
    "duplicate detection on, max delivery count 50 or more, lock duration one minute or more, expired messages "
    "dead-lettered, no sessions, no forwarding, no automatic deletion"
)
MISSPELT = "Make the queue, or name the right one in "
PORTAL = "Look at the queue's properties in the Azure portal."


def queues(access: Access, settings: ServiceBusSettings, remedies: Callable[[str], str]) -> Iterator[Finding]:
    """Each queue is opened for what it is used for; no message is sent, received or touched."""
    # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
    from connector.servicebus import probe

    worked = (settings.approvals_queue, settings.commands_queue)
    told = dict.fromkeys(filter(None, (settings.replies_queue, *settings.reply_queues, settings.events)))
    by = {name: access_to(name, settings, access) for name in (*worked, *told)}
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        *(
            (name, partial(_one, f"Queue {name} can be received from.", partial(probe, by[name], name)))
            for name in worked
        ),
        *((name, partial(_one, f"Queue {name} can be sent to.", partial(_send, by[name], name))) for name in by),
        *((name, partial(_settings, by[name], name)) for name in worked),
    ]
    if settings.event_sender is not None:
        sentence = f"The key of {VARIABLE} opens {settings.approvals_queue} for Dataverse."
        looks.append((settings.approvals_queue, partial(_one, sentence, partial(check_sender, settings))))
    # The remedy for a queue that is not there names the setting it is named by.
    by_setting = {settings.commands_queue: "COMMANDS_QUEUE", settings.approvals_queue: "APPROVALS_QUEUE"}

    def look(one: tuple[str, Callable[[], Iterator[Finding]]]) -> list[Finding]:
        name, find = one
        setting = by_setting.get(name)
        own = {} if setting is None else {"bus-queue": f"{MISSPELT}PSA_CONNECTOR_SERVICEBUS__{setting}."}
        return list(looked(AREA, find, lambda code: own.get(code) or remedies(code)))

    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="queue") as threads:
        for findings in threads.map(look, looks):
            yield from findings
    if settings.event_sender is None:
        yield Finding(
            AREA, Verdict.NOTE, f"{VARIABLE} is not set; `register` needs it.", "Set it where `register` is run."
        )


def fits(queue: str, found: QueueSettings | None, patience: timedelta) -> Iterator[Finding]:
    """Whether a queue's settings go with how messages are tried again, for as long as ``patience``."""
    if found is None:
        sentence = f"Settings of {queue}: only a right to manage the namespace shows them. Wanted: {WANTED}."
        yield Finding(AREA, Verdict.NOT_SEEN, sentence, PORTAL)
        return
    faults = []
    if not found.detects_duplicates:
        faults.append(
            (
                f"Queue {queue} does not detect duplicates: after a crash a message that waits may be there twice.",
                "It can't be switched on later: make the queue anew, with duplicate detection.",
            )
        )
    if found.has_sessions:
        faults.append((f"Queue {queue} has sessions, which Dataverse does not fill.", "Make it anew without sessions."))
    if found.deliveries < LEAST_DELIVERIES:
        faults.append(
            (
                f"Queue {queue} gives a message {found.deliveries} deliveries, and puts it aside by itself then.",
                f"Set its max delivery count to {LEAST_DELIVERIES} or more.",
            )
        )
    if found.lock < LEAST_LOCK:
        faults.append(
            (
                f"Queue {queue} locks a message for {found.lock.total_seconds():.0f} s only.",
                "Set its lock duration to one minute.",
            )
        )
    if found.time_to_live < patience:
        faults.append(
            (
                f"Messages on {queue} expire after {found.time_to_live}, while one is tried for {patience}.",
                "Set its default message time to live to 14 days or more.",
            )
        )
    if not found.expired_are_kept:
        faults.append(
            (
                f"What expires on queue {queue} is gone without a word.",
                "Switch on dead-lettering on message expiration.",
            )
        )
    if found.dead_letters_to is not None:
        faults.append(
            (
                f"What is put aside on queue {queue} is forwarded to {found.dead_letters_to}: neither `status` nor "
                "`dead-letters` sees it.",
                "Take the forwarding of dead-lettered messages off.",
            )
        )
    if found.forwards_to is not None:
        faults.append(
            (
                f"Queue {queue} forwards every message to {found.forwards_to}: nothing can be received from it.",
                "Take the forwarding off, or name that queue in the settings.",
            )
        )
    if found.deleted_after < NEVER:
        faults.append(
            (
                f"Queue {queue} deletes itself, with all that is on it, when idle for {found.deleted_after}.",
                "Set its auto-delete on idle to never.",
            )
        )
    yield from (Finding(AREA, Verdict.DRIFT, sentence, remedy) for sentence, remedy in faults)
    if not faults:
        yield Finding(AREA, Verdict.OK, f"The settings of {queue} go with how messages are tried again.")


def _one(sentence: str, prove: Callable[[], None]) -> Iterator[Finding]:
    prove()
    yield Finding(AREA, Verdict.OK, sentence)


def _settings(access: Access, queue: str) -> Iterator[Finding]:
    # Imported here, as the SDK is.
    from connector.queue_settings import queue_settings

    yield from fits(queue, queue_settings(access, queue), Policy().ceiling)


def _send(access: Access, queue: str) -> None:
    """Open the queue for sending, and send nothing: copies for later are sent there."""
    from connector.outbox import send

    async def opened() -> None:
        async with asyncio.timeout(IN_TIME):
            await send(access, queue)

    try:
        asyncio.run(opened())
    except TimeoutError as error:
        raise Transient("bus-no-answer", f"Service Bus did not answer in {IN_TIME:.0f} s.") from error
    except Misconfigured as error:
        raise Misconfigured(error.code, f"{error.sentence} (asked to send to {queue})") from error
    except ConnectorError as error:
        raise Transient(error.code, error.sentence) from error
