"""What else is sent when commands end: the commands of a run, and events about invoices where the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from handlers.announcing import Announcing
from handlers.fanning_out import FanningOut
from handlers.replies import Teller
from service.answering import sender
from service.settings import ServiceBusSettings


def announcing(bus: ServiceBusSettings, now: Callable[[], datetime]) -> Announcing | None:
    """Who announces; nobody unless the settings say where."""
    return None if bus.events is None else Announcing(sender(bus), now, bus.events)


def tellers(bus: ServiceBusSettings, now: Callable[[], datetime]) -> tuple[Teller, ...]:
    """Who has to do something about commands at their end: send those of a run, and announce invoices."""
    fan_out, events = FanningOut(sender(bus), bus.commands_queue), announcing(bus, now)
    return (fan_out,) if events is None else (fan_out, events)
