"""Tells whoever listens what came of contracts that were to be invoiced, before the command counts as ended.

An event that can't be sent keeps the command's message: what was done is done, and is told when the message comes
again, under the same id. The command line does the same when its run is resumed. Of a command that is gone on with
later, the invoices it brought are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.errors import Conflict, ConnectorError, UnknownOutcome
from connector.inbox import Outgoing
from connector.settlement import Complete, DeadLetter
from handlers.fixed_point import Outcome, Settled
from handlers.plan import NOT_YET
from handlers.replies import Ended, Send
from mappings.announcements import Announcement, of_failure, of_outcome
from mappings.invoice_run import Outcome as Word
from mappings.invoice_run import refused
from mappings.messages import AnyCommand, CreateDueInvoices
from mappings.replies import CONTENT_TYPE, Why


def given_up_as(failure: ConnectorError) -> Word:
    """What is told of a contract that nobody goes on with after this failure, in the word of a run."""
    if failure.code == Word.IN_DOUBT or isinstance(failure, UnknownOutcome):
        return Word.IN_DOUBT
    if failure.code == NOT_YET or isinstance(failure, Conflict):
        return Word.RUNNING
    return refused(failure.code)


@dataclass(frozen=True, slots=True)
class Announcing:
    """``where``: the name of the queue or topic that events are sent to."""

    send: Send
    now: Callable[[], datetime]
    where: str

    def answer(self, ended: Sequence[Ended]) -> None:
        """Announce what messages at their end commanded, and what others have brought. Raises ``ConnectorError``."""
        events: list[Announcement] = []
        for one in ended:
            if one.command is None:
                continue
            match one.settlement:
                case Complete():
                    events += of_outcome(one.command, one.outcome, self.now())
                case DeadLetter(code, sentence):
                    # What was called for and has not come may come after all, with nobody waiting for it any more.
                    word = Word.IN_DOUBT if code in (Word.IN_DOUBT, NOT_YET) else Word.FAILED
                    events += of_failure(one.command, word, Why(code=code, sentence=sentence), self.now(), one.outcome)
                case _ if isinstance(one.command, CreateDueInvoices):
                    events += of_outcome(one.command, {"runs": one.news}, self.now())
        self._send(events)

    def tell(self, command: AnyCommand, end: Outcome) -> None:
        """Announce how a command ended that came as no message. Raises ``ConnectorError``."""
        if isinstance(end, Settled):
            self._send(of_outcome(command, end.outcome, self.now()))
        else:
            why = Why(code=end.failure.code, sentence=end.failure.sentence)
            self._send(of_failure(command, given_up_as(end.failure), why, self.now(), end.outcome))

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
