"""Whose fault a refusal is: told by how many are struck alike, and whether others get through with the same operation.

One subject that is refused may be at fault itself. When many are refused under one code, and nobody gets through with
the same kinds of operation, then it is ours: the work pauses. After the pause it is found out. Whoever is refused again
is sent to the back of the queue, so that others get their turn; as soon as one of them gets through, those refused
before are at fault themselves if they are refused once more; and if none gets through, the work pauses again, for
longer, and with more turns after it. So no message is lost to a role that was removed, and bad data never hold the
queue for good.

    calm ──as many as ``most``, none through──▶ tripped ──resumed──▶ on trial ──others get through──▶ calm
                                                   ▲                    │
                                                   └──the turns are up──┘
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome

log = logging.getLogger(__name__)

PERHAPS_ONE_ROW = frozenset({"missing-privilege", "forbidden", "unreadable-answer"})
"""Codes of our own set-up that a single row can meet, too: one that is out of our reach, or that makes no sense."""

OUTAGE = frozenset(
    {
        "unreachable",
        "no-answer",
        "unavailable",
        "timed-out",
        "server-error",
        "cut-off",
        "broken-off",
        "not-sent",
        "unreadable-answer",
        "read-refused",
        "sign-in-unreachable",
        "sign-in-unavailable",
    }
)
"""Codes by which the far side gives no answer that is of use: one fault, whatever it looks like at the moment."""

WRITE = "write"
"""The kind of operation that stands for any change where a failure does not say which."""

MOST_SUBJECTS = 10_000
"""Subjects remembered per code; the longest unseen are forgotten first."""
MOST_TURNS = 512
FORGOTTEN = timedelta(hours=24)
ALARM_EVERY = timedelta(hours=1)


class Blame(Enum):
    """Whose fault it is. ``OPEN``: being found out; the subject waits, which is no attempt."""

    SUBJECT = "the subject's"
    OPEN = "open"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose fault it is, and how many subjects are struck alike with nobody getting through."""

    blame: Blame
    struck: int = 1


@dataclass(frozen=True, slots=True)
class Failed:
    """A subject's failure, and the kinds of operation it met it with; none: it is not known which."""

    failure: ConnectorError
    operations: frozenset[str] = frozenset()


@dataclass
class _Struck:
    """A subject: when it was first refused, with what nobody has got through since, when that was over, and what was
    said of it."""

    first: int
    pending: set[str]
    seen: datetime
    sentence: str
    cleared: int | None = None
    waits: bool = False


@dataclass
class _Case:
    """Everything about one code."""

    most: int
    is_own_setup: bool
    subjects: OrderedDict[str, _Struck] = field(default_factory=OrderedDict)
    doubted: bool = False
    tripped: bool = False
    trials: int = 0
    turns: set[str] = field(default_factory=set)
    alarmed: datetime | None = None

    @property
    def uncleared(self) -> int:
        """How many were refused with nobody getting through since."""
        return sum(1 for one in self.subjects.values() if one.cleared is None)

    def take_turn(self, subject: str) -> Blame:
        """What becomes of one more that is refused while nobody gets through."""
        if not self.doubted:
            self.doubted = self.tripped = True
        if self.tripped:
            return Blame.OURS
        if subject not in self.turns and len(self.turns) >= min(self.most * 2**self.trials, MOST_TURNS):
            self.tripped = True
            return Blame.OURS
        self.turns.add(subject)
        return Blame.OPEN

    def settle_down(self) -> None:
        """Believe in the set-up again once nobody is left whose refusal could be its fault."""
        if not self.uncleared:
            self.doubted = self.tripped = False
            self.trials = 0
            self.turns.clear()


class Breadth:
    """Remembers who was refused, across batches and threads. ``most`` subjects refused alike in a row are our fault;
    ``most_silent`` that got no answer are an outage."""

    def __init__(self, most: int = 25, most_silent: int = 10) -> None:
        self._most = most
        self._most_silent = most_silent
        self._cases: dict[str, _Case] = {}
        self._tick = 0
        self._lock = threading.Lock()

    @property
    def doubtful(self) -> bool:
        """Whether something that paused the work, or would, has not been disproved yet."""
        with self._lock:
            return any(case.doubted for case in self._cases.values())

    def begin(self) -> int:
        """A batch begins; to be handed to ``weigh`` when it is done."""
        with self._lock:
            self._tick += 1
            return self._tick

    def resumed(self) -> None:
        """The work goes on after a pause: what tripped is on trial, each time with twice as many turns."""
        with self._lock:
            for case in self._cases.values():
                if case.tripped:
                    case.tripped = False
                    case.trials += 1
                    case.turns.clear()

    def weigh(
        self,
        began: int,
        failed: Mapping[str, Failed],
        went_well: frozenset[str],
        settled: Collection[str],
        now: datetime,
    ) -> dict[str, Verdict]:
        """A verdict on each failure of a batch that breadth can tell anything of.

        ``went_well``: the kinds of operation that others got through with; ``settled``: the subjects that are at their
        end. What went well counts for those refused before the batch began: nobody knows what came first within it.
        """
        by_code: dict[str, list[str]] = {}
        with self._lock:
            self._tick += 1
            doubted = {code for code, case in self._cases.items() if case.doubted}
            for case in self._cases.values():
                self._clear(case, began, went_well, settled, now)
            for subject, one in failed.items():
                told = self._case(one.failure)
                if told is not None:
                    code, case = told
                    self._remember(case, subject, one, went_well, now)
                    by_code.setdefault(code, []).append(subject)
            return {
                subject: verdict
                for code, subjects in by_code.items()
                for subject, verdict in self._judge(code, subjects, began, code in doubted, now).items()
            }

    def _case(self, failure: ConnectorError) -> tuple[str, _Case] | None:
        match failure:
            case Misconfigured():
                code, most = failure.code, 2 if failure.code in PERHAPS_ONE_ROW else 1
            case Rejected():
                code, most = failure.code, self._most
            case Throttled():
                return None
            case Transient() | UnknownOutcome() if failure.code in OUTAGE:
                code, most = "outage", self._most_silent
            case _:
                return None
        return code, self._cases.setdefault(code, _Case(most, isinstance(failure, Misconfigured)))

    def _clear(
        self, case: _Case, began: int, went_well: frozenset[str], settled: Collection[str], now: datetime
    ) -> None:
        for subject in settled:
            case.subjects.pop(subject, None)
        for subject, struck in list(case.subjects.items()):
            if struck.first < began:
                struck.pending -= went_well
                if not struck.pending and struck.cleared is None:
                    struck.cleared = self._tick
            # Whom nobody keeps waiting will not come back to be judged.
            if now - struck.seen > FORGOTTEN or (struck.cleared is not None and not struck.waits):
                del case.subjects[subject]
        case.settle_down()

    def _remember(self, case: _Case, subject: str, one: Failed, went_well: frozenset[str], now: datetime) -> None:
        struck = case.subjects.get(subject)
        if struck is None:
            operations = one.operations or frozenset({WRITE})
            struck = case.subjects[subject] = _Struck(self._tick, set(operations), now, one.failure.sentence)
            if operations <= went_well and case.most > 1:
                struck.pending.clear()
                struck.cleared = 0
        struck.seen, struck.sentence = now, one.failure.sentence
        case.subjects.move_to_end(subject)

    def _judge(
        self, code: str, subjects: Collection[str], began: int, was_doubted: bool, now: datetime
    ) -> dict[str, Verdict]:
        case = self._cases[code]
        uncleared, verdicts = case.uncleared, {}
        # In the batch that disproves a doubt nobody knows who came before it was mended, and who after.
        is_turning = was_doubted and not case.doubted
        # Where others get through beside what is wrong with us, one more that is struck does not stop them.
        is_partial = case.is_own_setup and uncleared < len(case.subjects)
        is_wide = case.doubted or uncleared >= (self._most if is_partial else case.most)
        for subject in subjects:
            struck = case.subjects[subject]
            if is_turning:
                blame = Blame.OPEN
            elif case.is_own_setup:
                blame = self._of_our_setup(case, code, subject, is_wide)
            elif struck.cleared is not None:
                # Whoever was refused, then saw others get through, and is refused again, has nobody else to blame.
                blame = Blame.SUBJECT if struck.cleared < began else Blame.OPEN
            else:
                blame = case.take_turn(subject) if is_wide else Blame.SUBJECT
            struck.waits = case.is_own_setup or blame is not Blame.SUBJECT
            if struck.cleared is not None and not struck.waits:
                del case.subjects[subject]
            verdicts[subject] = Verdict(blame, max(uncleared, 1))
        waiting = next((subject for subject, one in verdicts.items() if one.blame is Blame.OPEN), None)
        if waiting is not None:
            self._alarm(case, code, waiting, now)
        while len(case.subjects) > MOST_SUBJECTS:
            case.subjects.popitem(last=False)
        return verdicts

    @staticmethod
    def _of_our_setup(case: _Case, code: str, subject: str, is_wide: bool) -> Blame:
        """Nobody is ever put aside for what is wrong with us; only a single row may be out of our reach by itself."""
        if code in PERHAPS_ONE_ROW and len(case.subjects) == 1:
            return Blame.SUBJECT
        if case.subjects[subject].cleared is None and is_wide:
            return case.take_turn(subject)
        return Blame.OPEN

    @staticmethod
    def _alarm(case: _Case, code: str, subject: str, now: datetime) -> None:
        if case.alarmed is None or now - case.alarmed >= ALARM_EVERY:
            case.alarmed = now
            log.error(
                "%d subjects wait, refused alike (%s); they are tried again until it is mended. One of them is %s: %s",
                len(case.subjects),
                code,
                subject,
                case.subjects[subject].sentence,
            )
