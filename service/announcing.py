"""What else is sent when commands end: the commands of a run, and events about invoices where the settings say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from connector.bus_access import Access
from connector.errors import ConnectorError
from handlers.announcing import Announcing
from handlers.fanning_out import FanningOut
from handlers.fixed_point import Outcome
from handlers.replies import Teller
from mappings.messages import AnyCommand
from service.answering import sender
from service.settings import ServiceBusSettings

log = logging.getLogger(__name__)

TRIES = 3
"""How often an event is sent that no message stands behind, which would bring it again."""


def announcing(bus: ServiceBusSettings, access: Access, now: Callable[[], datetime]) -> Announcing | None:
    """Who announces; nobody unless the settings say where."""
    return None if bus.events is None else Announcing(sender(access), now, bus.events)


def announced(announcing: Announcing | None, command: AnyCommand, end: Outcome) -> str:
    """Tell whoever listens how a command ended that came as no message; why that could not be done, if it could not."""
    if announcing is None:
        return ""
    untold = ""
    for _ in range(TRIES):
        try:
            announcing.tell(command, end)
        except ConnectorError as failure:
            untold = f"{failure.sentence} ({failure.code})"
        else:
            return ""
    log.warning("%s: what came of it could not be announced. %s", command, untold)
    return untold


def tellers(bus: ServiceBusSettings, access: Access, now: Callable[[], datetime]) -> tuple[Teller, ...]:
    """Who has to do something about commands at their end: send those of a run, and announce invoices."""
    fan_out, events = FanningOut(sender(access), bus.commands_queue), announcing(bus, access, now)
    return (fan_out,) if events is None else (fan_out, events)
