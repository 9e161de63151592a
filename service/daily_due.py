"""Carries out what the daily sweep commands, so that whoever listens hears of every invoice of it.

No message stands behind such a command that would come again. In its stead stands its record, which is ended only when
everything was announced: what a process was at when it died is gone on with by the next one, and told once more. Who
hears of an invoice twice hears of it under the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from connector.dataverse.query import Compare, Query, all_of, equals
from connector.errors import ConnectorError
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.due_invoices import NOT_ANNOUNCED
from handlers.due_record import command_of
from handlers.fixed_point import AgainstTheRules, Outcome, Settled, Unsettled
from handlers.reading import ask
from mappings import tables
from mappings.messages import CreateDueInvoices
from service.announcing import announcing
from service.due_announcing import AsTheyCome
from service.sweep import REQUESTED_BY, tell

if TYPE_CHECKING:
    from service.app import App

log = logging.getLogger(__name__)

AS_LONG = timedelta(days=7)
"""How long ago a sweep was broken off at the most for its invoices to be news."""


@dataclass
class DailyDue:
    """Carries out a sweep's command; before the first one, those that an earlier process left behind."""

    app: App
    _left: list[CreateDueInvoices] | None = field(default=None, init=False)
    _told: dict[UUID, set[tuple[object, object]]] = field(default_factory=dict, init=False)

    def carry_out(self, command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
        """How it ends. Not before everything that came of it was announced, where somebody listens."""
        for earlier in self._broken_off(command):
            if stopping():
                break
            log.info("the sweep of %s was broken off and is gone on with", earlier.due)
            match self._settled(earlier, stopping):
                case Settled(outcome=outcome):
                    tell(outcome)
                case Unsettled(failure):
                    log.warning("sweep of %s: not finished. %s (%s)", earlier.due, failure.sentence, failure.code)
        return self._settled(command, stopping)

    def _settled(self, command: CreateDueInvoices, stopping: Callable[[], bool]) -> Outcome:
        app = self.app
        told = self._told.setdefault(command.command, set())
        news = AsTheyCome(announcing(app.settings.servicebus, app.bus, app.now), command, told)
        due = replace(
            app.mission.due,
            stopping=stopping,
            told=news.hear,
            ended_before=news.hear_of_ended,
            before_end=news.tell_all,
        )
        end = due.settle([command], app.fixed_point)[command]
        is_open = isinstance(end, Unsettled) and not isinstance(end.failure, AgainstTheRules)
        if not is_open:
            del self._told[command.command]
        if self._left is not None:
            self._left = [one for one in self._left if one.command != command.command] + [command] * is_open
        if isinstance(end, Unsettled) and end.failure.code != NOT_ANNOUNCED:
            news.finish()
        return end

    def _broken_off(self, command: CreateDueInvoices) -> list[CreateDueInvoices]:
        """The commands of sweeps that did not come to their end; of no use where nobody is told of them."""
        if self.app.settings.servicebus.events is None:
            return []
        if self._left is None:
            since = Compare("createdon", "ge", self.app.now() - AS_LONG)
            open_ones = all_of(
                equals("psac_kind", Kind.SWEEP),
                equals("psac_state", State.RESOLVED),
                equals("psac_requestedby", REQUESTED_BY),
                since,
            )
            try:
                (found,) = ask(
                    self.app.dataverse,
                    Query(tables.COMMAND, command_record.COLUMNS, open_ones, order_by=("createdon",)),
                )
            except ConnectorError as failure:
                log.warning("sweeps that were broken off could not be looked for. %s", failure)
                return []
            told = (command_of(record, confirmed=command.confirmed) for record in found)
            self._left = [one for one in told if one is not None]
        return [one for one in self._left if one.command != command.command]
