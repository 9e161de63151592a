"""Tells whoever listens what came of contracts that were to be invoiced, before the command counts as ended.

An event that can't be sent keeps the command's message: what was done is done, and is told when the message comes
again, under the same id. The command line does the same when its run is resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.inbox import Outgoing
from connector.settlement import Complete, DeadLetter
from handlers.fixed_point import Outcome, Settled
from handlers.replies import Ended, Send
from mappings.announcements import Announcement, of_failure, of_outcome
from mappings.messages import AnyCommand
from mappings.replies import CONTENT_TYPE, Why


@dataclass(frozen=True, slots=True)
class Announcing:
    """``where``: the name of the queue or topic that events are sent to."""

    send: Send
    now: Callable[[], datetime]
    where: str

    def answer(self, ended: Sequence[Ended]) -> None:
        """Announce what messages at their end commanded. Raises ``ConnectorError``."""
        events: list[Announcement] = []
        for one in ended:
            if one.command is None:
                continue
            match one.settlement:
                case Complete():
                    events += of_outcome(one.command, one.outcome, self.now())
                case DeadLetter(code, sentence):
                    events += of_failure(one.command, Why(code=code, sentence=sentence), self.now())
        self._send(events)

    def tell(self, command: AnyCommand, end: Outcome) -> None:
        """Announce how a command ended that came as no message. Raises ``ConnectorError``."""
        if isinstance(end, Settled):
            self._send(of_outcome(command, end.outcome, self.now()))
        else:
            self._send(of_failure(command, Why(code=end.failure.code, sentence=end.failure.sentence), self.now()))

    def _send(self, events: Iterable[Announcement]) -> None:
        messages = [
            Outgoing(
                event.model_dump_json(exclude_none=True).encode(),
                str(event.id),
                CONTENT_TYPE,
                event.data.correlation,
                {"type": event.type, "subject": event.subject},
            )
            for event in events
        ]
        if messages:
            self.send(self.where, messages)
