"""The two queues: what waits, since when, and what was put aside for a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connector.bus_access import Access
from service.status.part import Part, State, ago, number

APPROVALS, COMMANDS = "approvals-queue", "commands-queue"
BEHIND = timedelta(minutes=10)
"""A message that could be received and is not, for longer than this, waits for nobody."""


def queue(key: str, access: Access, name: str, now: datetime, *, is_to_be_empty: bool = False) -> Iterator[Part]:
    """One queue; ``is_to_be_empty``: whatever waits or comes again later needs a person. Raises ``ConnectorError``."""
    # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
    from connector.queue_figures import queue_figures

    found = queue_figures(access, name)
    is_behind = found.oldest is not None and now - found.oldest > BEHIND
    # Behind very many that come later none was found that waits: whether one does, and since when, nobody knows.
    is_hidden = found.oldest is None and (found.is_more or found.active > 0)
    since = "" if found.oldest is None else f", the first for {ago(now, found.oldest)}"
    said = [
        f"{number(found.active, 'message waits', 'messages wait', is_more=found.is_more)} on {name}{since}",
        f"{number(found.scheduled, 'comes again by itself', 'come again by themselves', is_more=found.is_more)}",
        f"{number(found.dead_letters, 'was put aside', 'were put aside', is_more=found.are_more_put_aside)}",
    ]
    if is_hidden:
        said.append("since when the first waits behind them was not found out")
    if found.deferred:
        deferred = number(found.deferred, "was deferred", "were deferred", is_more=found.is_more)
        said.append(f"{deferred}, which this service never does: nobody receives them")
    is_left = is_to_be_empty and bool(found.active or found.scheduled)
    todo = ""
    if found.dead_letters:
        todo = f"psa-connector dead-letters list --queue {name}"
    elif is_behind:
        todo = "Is psa-connector run at work, and not paused? Start it, or see what its log says."
    elif found.deferred:
        todo = "Whoever deferred them has to receive them by their numbers; then: psa-connector reconcile"
    elif is_left:
        todo = "Wait until they are through; the log of psa-connector run says why some come again."
    elif is_hidden:
        todo = (
            "The log of psa-connector run says why so many come again; psa_connector.queue.lag, how late the rest is."
        )
    figures = {
        "active": found.active,
        "scheduled": found.scheduled,
        "deferred": found.deferred,
        "dead_letters": found.dead_letters,
    }
    needs = is_behind or is_left or bool(found.dead_letters or found.deferred)
    state = State.ATTENTION if needs else State.NOT_SEEN if is_hidden else State.OK
    yield Part(key, state, f"{', '.join(said)}.", todo, found.active, found.is_more, found.oldest, figures=figures)
