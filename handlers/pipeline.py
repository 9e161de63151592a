"""One batch from bus to bus: parse, resolve to subjects, settle them together, and say how each message ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from connector import recoverability
from connector.breadth import Blame, Breadth, Verdict
from connector.dataverse.access import Dataverse
from connector.dataverse.query import Query, any_of
from connector.envelope import Envelope
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.recoverability import History, Policy, Recovery, recover
from connector.settlement import Complete, DeadLetter, Pause, RedeliverAt, Settlement
from handlers import Mission, Subject
from handlers.again import settle_patiently, tries_so_far
from handlers.fixed_point import OF_ONE_ROW, FixedPoint, Outcome, Settled, Unsettled
from handlers.foreigners import Foreigners
from handlers.parsing import Ignored, asks_afresh, material
from handlers.reading import ask
from handlers.replies import Ended, Replies, Teller
from handlers.telling import untold
from handlers.weighing import weighed
from mappings import tables
from mappings.messages import EntryChanged, LookAtRun, Message
from mappings.tables import Ref

log = logging.getLogger(__name__)

SECOND_LOOK = timedelta(minutes=3)
"""How long to wait for what may still land: a transaction that was open when it was announced, or a write of our own
that was never answered. Dataverse ends any transaction within two minutes."""
MAY_LAND = "A write of ours was never answered and may still land."
LEAST_WAIT = timedelta(seconds=2)
"""Nothing that only waits comes back sooner: the broker's clock and ours may differ by a little, and what became due by
the one would wait again by the other, as fast as messages go round."""


@dataclass
class Pipeline:
    """Turns envelopes into settlements. ``parse`` decides what kind of queue this is."""

    dataverse: Dataverse
    mission: Mission
    parse: Callable[[Envelope], Message | Ignored]
    policy: Policy
    now: Callable[[], datetime]
    fixed_point: FixedPoint
    grace: timedelta = timedelta()
    """What somebody else gets to do after an event before it is looked at."""
    late_look: timedelta = timedelta()
    """How long after a write an entry is looked at once more for what somebody else made all the same; zero: never."""
    replies: Replies | None = None
    """Who is told how messages end."""
    tellers: Sequence[Teller] = ()
    """Who else has to do something about messages that are at their end."""
    foreigners: Foreigners = field(default_factory=Foreigners)
    breadth: Breadth = field(init=False)
    """Whose fault it is when many messages fail alike; also to be told when the work goes on after a pause."""

    def __post_init__(self) -> None:
        self.breadth = Breadth(self.policy.pause_after, self.policy.outage_after)

    def process(self, envelopes: Sequence[Envelope]) -> list[Settlement]:
        """One settlement per envelope, in order. Several envelopes about one subject are one piece of work."""
        began = self.breadth.begin()
        settlements: dict[int, Settlement] = {}
        messages: dict[int, Message] = {}
        for index, envelope in enumerate(envelopes):
            try:
                if self.replies is not None:
                    self.replies.check(envelope)
                parsed = self.parse(envelope)
            except Rejected as unreadable:
                # However many: what was posted in a form nobody reads will never be read.
                settlements[index] = self._settlement(envelope, unreadable, 0)
                continue
            if isinstance(parsed, Ignored):
                if parsed.organization is not None:
                    self.foreigners.saw(parsed.organization, self.now())
                settlements[index] = Complete(parsed.because)
            elif (patience := self._in_grace(envelope, parsed)) is not None:
                settlements[index] = patience
            else:
                messages[index] = parsed
        subjects, unresolved = self._resolve(messages)
        by_index = {index: subject for index, subject in subjects.items() if subject is not None}
        fixed_point = self.fixed_point.afresh() if any(map(asks_afresh, envelopes)) else self.fixed_point
        outcomes, tries = settle_patiently(self.mission, fixed_point, list(by_index.values()), self.policy, self.now)
        asked_about = {str(messages[index]): failure for index, failure in unresolved.items()}
        verdicts = weighed(self.breadth, began, outcomes, asked_about, self.now())
        for index, failure in unresolved.items():
            envelope, message = envelopes[index], messages[index]
            verdict, is_open = verdicts.get(str(message)), self._may_be_open(envelope, message)
            settlements[index] = self._settlement(envelope, failure, self.policy.immediate, verdict, is_open)
        for index, subject in subjects.items():
            envelope, message = envelopes[index], messages[index]
            if subject is None:
                settlements[index] = self._without_subject(envelope, message)
            else:
                tried, verdict = tries.get(subject, 0), verdicts.get(str(subject))
                settlements[index] = self._end(envelope, message, outcomes[subject], tried, verdict)
        for index, failure in self._answer(envelopes, messages, by_index, settlements, outcomes).items():
            # The work itself is done: a queue that is gone delays those who are told there, and nobody else.
            waits = Verdict(Blame.OPEN) if isinstance(failure, Misconfigured) else None
            settlements[index] = self._settlement(envelopes[index], failure, self.policy.immediate, waits)
        return [settlements[index] for index in range(len(envelopes))]

    def _answer(
        self,
        envelopes: Sequence[Envelope],
        messages: dict[int, Message],
        subjects: dict[int, Subject],
        settlements: dict[int, Settlement],
        outcomes: dict[Subject, Outcome],
    ) -> dict[int, ConnectorError]:
        """Tell how messages end; those that can't be told, and so must not end yet."""
        ended: dict[int, Ended] = {}
        for index, envelope in enumerate(envelopes):
            message, outcome = messages.get(index), outcomes.get(subjects[index]) if index in subjects else None
            if isinstance(message, LookAtRun):
                # It is our own, and nobody waits for its answer.
                continue
            command = None if isinstance(message, EntryChanged) else message
            brought = {} if outcome is None else outcome.outcome
            news = outcome.news if isinstance(outcome, Unsettled) else ()
            ended[index] = Ended(envelope, command, settlements[index], brought, news)
        return untold(self.tellers, self.replies, ended)

    def _resolve(self, messages: dict[int, Message]) -> tuple[dict[int, Subject | None], dict[int, ConnectorError]]:
        """The subject of each message: an approval's message is about its entry."""
        subjects: dict[int, Subject | None] = {}
        approvals: dict[int, EntryChanged] = {}
        for index, message in messages.items():
            if isinstance(message, EntryChanged) and message.table == tables.APPROVAL:
                approvals[index] = message
            else:
                subjects[index] = Ref(message.table, message.id) if isinstance(message, EntryChanged) else message
        if not approvals:
            return subjects, {}
        entries, unread = self._entries_of(sorted({message.id for message in approvals.values()}))
        unresolved: dict[int, ConnectorError] = {}
        for index, message in approvals.items():
            if message.id in unread:
                unresolved[index] = unread[message.id]
            elif message.id in entries and entries[message.id] is None:
                unresolved[index] = material(Ref(tables.APPROVAL, message.id))
            else:
                subjects[index] = entries.get(message.id)
        return subjects, unresolved

    def _entries_of(self, approvals: Sequence[UUID]) -> tuple[dict[UUID, Ref | None], dict[UUID, ConnectorError]]:
        """The entry of each approval, and why some could not be read; a row that can't holds up nobody else."""
        wanted = Query(
            tables.APPROVAL, ("msdyn_timeentry", "msdyn_expenseentry"), any_of("msdyn_projectapprovalid", approvals)
        )
        try:
            (found,) = ask(self.dataverse, wanted)
        except ConnectorError as error:
            if len(approvals) > 1 and error.code in OF_ONE_ROW:
                each = [self._entries_of([one]) for one in approvals]
                return (
                    {id: entry for entries, _ in each for id, entry in entries.items()},
                    {id: failure for _, unread in each for id, failure in unread.items()},
                )
            # A refused question is no verdict on the approvals that were asked about.
            sentence = f"Reading was refused: {error.sentence}"
            is_refused = isinstance(error, Rejected | Conflict)
            return {}, dict.fromkeys(approvals, Transient("read-refused", sentence) if is_refused else error)
        return {row.id: row.link("msdyn_timeentry") or row.link("msdyn_expenseentry") for row in found}, {}

    def _end(
        self, envelope: Envelope, message: Message, outcome: Outcome, tries: int, verdict: Verdict | None
    ) -> Settlement:
        match outcome:
            case Settled(because=because, commits=commits, unsure=unsure):
                if unsure:
                    return self._second_look(envelope, MAY_LAND)
                if self._may_be_open(envelope, message):
                    return self._second_look(envelope, "Announced inside an open transaction.")
                return self._late_look(envelope, message, commits) or Complete(because)
            case Unsettled(failure=failure, unsure=unsure):
                # What was there before the transaction is no verdict on what it leaves behind.
                is_open = self._may_be_open(envelope, message)
                end = self._settlement(envelope, failure, tries, verdict, unsure or is_open)
                if not isinstance(end, DeadLetter | Complete):
                    return end
                if is_open:
                    return self._second_look(envelope, "Announced inside an open transaction.")
                may_land = unsure or isinstance(failure, UnknownOutcome)
                # Whoever was given up gets one look more, and not one after the other.
                if may_land and envelope.attempt <= len(self.policy.delays):
                    return self._second_look(envelope, f"{MAY_LAND} {failure.sentence}")
                return end

    def _without_subject(self, envelope: Envelope, message: Message) -> Settlement:
        """The end of a message about an approval that can't be read: it is gone, or not committed yet."""
        if self._may_be_open(envelope, message):
            return self._second_look(envelope, "Announced inside an open transaction.")
        return Complete("The approval no longer exists and leads to no entry.")

    def _may_be_open(self, envelope: Envelope, message: Message) -> bool:
        """The transaction it tells of may still be open, and what was read may be what was before it.

        Whoever has not waited since it came is taken for young whatever its age: this host's clock may be ahead.
        """
        if not isinstance(message, EntryChanged) or not message.may_roll_back:
            return False
        now = self.now()
        return envelope.attempt == 0 or now - (envelope.enqueued_at or now) < SECOND_LOOK

    def _in_grace(self, envelope: Envelope, message: Message) -> RedeliverAt | None:
        """An event younger than the grace waits, which is no attempt."""
        over = (envelope.enqueued_at or self.now()) + self.grace
        if not isinstance(message, EntryChanged) or self.now() >= over:
            return None
        when = max(over, self.now() + LEAST_WAIT)
        return RedeliverAt(when, envelope.attempt, "Whoever else acts on this event gets the time to do so.", "grace")

    def _late_look(self, envelope: Envelope, message: Message, commits: int) -> RedeliverAt | None:
        """After a write the event comes back once, which is no attempt; the look that writes nothing ends it.

        A message that has been here before may have written then: it comes back too, as long as it is young.
        """
        if not self.late_look or not isinstance(message, EntryChanged):
            return None
        now = self.now()
        over = (envelope.enqueued_at or now) + self.grace + self.late_look
        been_here = envelope.attempt > 0 or envelope.delivery_count > 0
        if not commits and not (been_here and now < over):
            return None
        when = now + self.late_look if commits else max(over, now + LEAST_WAIT)
        return RedeliverAt(when, envelope.attempt, "Somebody else may write the same actuals later.", "late-look")

    def _second_look(self, envelope: Envelope, because: str) -> RedeliverAt:
        return RedeliverAt(self.now() + SECOND_LOOK, envelope.attempt + 1, because, "second-look")

    def _recover(self, envelope: Envelope, failure: ConnectorError, tries: int, verdict: Verdict | None) -> Recovery:
        # What is wrong with us is not mended by asking again at once.
        tried = self.policy.immediate if isinstance(failure, Misconfigured) else tries
        history = History(
            attempt=envelope.attempt,
            immediate=tries_so_far(failure, tried, self.policy),
            first_seen=envelope.enqueued_at or self.now(),
            blame=None if verdict is None else verdict.blame,
            struck=1 if verdict is None else verdict.struck,
            lineage=envelope.lineage or envelope.message_id,
        )
        return recover(failure, history, self.policy, self.now())

    def _settlement(
        self,
        envelope: Envelope,
        failure: ConnectorError,
        tries: int,
        verdict: Verdict | None = None,
        unsure: bool = False,
    ) -> Settlement:
        may_land = unsure or isinstance(failure, UnknownOutcome)
        match self._recover(envelope, failure, tries, verdict):
            case recoverability.ImmediateRetry():
                return RedeliverAt(self.now(), envelope.attempt + 1, failure.sentence, failure.code)
            case recoverability.DelayedRetry(when=when, is_attempt=is_attempt):
                # Being told to wait is no attempt: a busy hour must not leave a message without any.
                if may_land:
                    when = max(when, self.now() + SECOND_LOOK)
                return RedeliverAt(when, envelope.attempt + is_attempt, failure.sentence, failure.code)
            case recoverability.Discard(because=because):
                return Complete(because, failure.code)
            case recoverability.Pause(code=code, sentence=sentence):
                if not may_land:
                    return Pause(code, sentence)
                later = RedeliverAt(self.now() + SECOND_LOOK, envelope.attempt, failure.sentence, failure.code)
                return Pause(code, sentence, later)
            case recoverability.DeadLetter(code=code, sentence=sentence):
                return DeadLetter(code, sentence)
