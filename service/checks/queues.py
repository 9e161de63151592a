"""The queues, as far as whoever sends and receives can see them: whether they may, and what refuses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from connector.bus_access import Access
from connector.errors import ConnectorError, Misconfigured, Transient
from service.checks.finding import Finding, Verdict, looked
from service.event_sender import IN_TIME, VARIABLE
from service.event_sender import check as check_sender
from service.settings import ServiceBusSettings

AREA = "queues"
SETTINGS = "duplicate detection on, max delivery count 50 or more, lock duration one minute"


def queues(access: Access, settings: ServiceBusSettings, remedies: Callable[[str], str]) -> Iterator[Finding]:
    """Each queue is opened for what it is used for; no message is sent, received or touched."""
    # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
    from connector.servicebus import probe

    worked = (settings.approvals_queue, settings.commands_queue)
    told = dict.fromkeys(filter(None, (settings.replies_queue, *settings.reply_queues, settings.events)))
    looks: list[Callable[[], Iterator[Finding]]] = [
        *(partial(_one, f"Queue {name} can be received from.", partial(probe, access, name)) for name in worked),
        *(partial(_one, f"Queue {name} can be sent to.", partial(_send, access, name)) for name in (*worked, *told)),
    ]
    if settings.event_sender is not None:
        sentence = f"The key of {VARIABLE} opens {settings.approvals_queue} for Dataverse."
        looks.append(partial(_one, sentence, partial(check_sender, settings)))
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="queue") as threads:
        for findings in threads.map(lambda look: list(looked(AREA, look, remedies)), looks):
            yield from findings
    if settings.event_sender is None:
        yield Finding(
            AREA, Verdict.NOTE, f"{VARIABLE} is not set; `register` needs it.", "Set it where `register` is run."
        )
    yield Finding(
        AREA,
        Verdict.NOT_SEEN,
        f"Settings of {' and '.join(worked)}, which only a right to manage shows. Wanted: {SETTINGS}.",
        "Look at the two queues' properties in the Azure portal.",
    )


def _one(sentence: str, prove: Callable[[], None]) -> Iterator[Finding]:
    prove()
    yield Finding(AREA, Verdict.OK, sentence)


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
