"""The one place that decides what a failure means: failure × history × clock → one of five recoveries, purely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from connector.breadth import Blame
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome


@dataclass(frozen=True, slots=True)
class ImmediateRetry:
    """Again at once, in this delivery."""


@dataclass(frozen=True, slots=True)
class DelayedRetry:
    """Again at ``when``, as a copy; ``is_attempt``: whether this is one more attempt, or only a wait."""

    when: datetime
    is_attempt: bool = True


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Aside, for a person."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Done with: an administrator has said that this is nobody's concern."""

    because: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The message back, the service to a halt until a probe succeeds."""

    code: str
    sentence: str


Recovery = ImmediateRetry | DelayedRetry | DeadLetter | Discard | Pause


def _minutes(*minutes: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=number) for number in minutes)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be. The default makes (2 + 1) × (9 + 1) = 30 attempts at a passing fault within some 22 hours.

    ``immediate`` retries per delivery, ``delays`` between deliveries, each made up to ``jitter`` longer. After
    ``ceiling`` since the message was first seen no further delay is begun, once ``least_delayed`` have been: a message
    that only waited while the service was paused still gets its chance. ``conflicts`` is the number of immediate
    looks afresh at one subject. ``pause_after`` is the number of subjects refused in a row with one code that makes it
    our fault, and ``outage_after`` of those that got no answer; ``in_doubt`` is the wait while it is being found out
    whose fault it is. ``discard`` lists the codes of refusals that need no person.
    """

    immediate: int = 2
    delays: Sequence[timedelta] = field(default_factory=lambda: _minutes(0.25, 1, 5, 15, 30, 60, 180, 420, 600))
    jitter: float = 0.2
    ceiling: timedelta = timedelta(hours=24)
    least_delayed: int = 3
    conflicts: int = 3
    pause_after: int = 25
    outage_after: int = 10
    in_doubt: timedelta = timedelta(minutes=5)
    discard: frozenset[str] = frozenset()

    @property
    def attempts(self) -> int:
        """How often a passing fault is tried in all."""
        return (self.immediate + 1) * (len(self.delays) + 1)


@dataclass(frozen=True, slots=True)
class History:
    """What was tried before.

    ``attempt``: delayed retries so far. ``immediate``: immediate retries in this delivery. ``first_seen``: when the
    first message of the lineage was enqueued. ``blame``: whose fault it is by how others fared, of whom so many
    were ``struck`` alike; ``None``: nobody compared. ``lineage`` spreads the jitter.
    """

    attempt: int
    immediate: int
    first_seen: datetime
    blame: Blame | None = None
    struck: int = 1
    lineage: str = ""


def recover(failure: ConnectorError, history: History, policy: Policy, now: datetime) -> Recovery:
    """What to do about this failure.

    Unreadable or refused data goes to a person at once; a fault of our own pauses; a throttled request comes back when
    told, never sooner, and never runs out of attempts; the rest is tried at once, then later, then given up; where it
    came with a wait, not before that. What strikes many subjects alike is a fault of our own whatever it is called, and
    a wait while it is being found out.
    """
    if isinstance(failure, Throttled):
        wait = failure.retry_after + _jitter(history, policy, timedelta(seconds=30))
        return DelayedRetry(now + wait, is_attempt=False)
    if isinstance(failure, Rejected) and failure.code in policy.discard:
        return Discard(f"{failure.code}: {failure.sentence}")
    match history.blame:
        case Blame.OPEN:
            wait = max(policy.in_doubt, failure.retry_after or timedelta())
            return DelayedRetry(now + wait + _jitter(history, policy, wait), is_attempt=False)
        case Blame.OURS:
            return _pause(failure, history)
        case Blame.SUBJECT if isinstance(failure, Misconfigured):
            # A single row that is out of our reach may come within it, as with anything else that may pass.
            return _passing(failure, history, policy, now)
    match failure:
        case Misconfigured():
            return _pause(failure, history)
        case Conflict():
            return _conflict(failure, history, policy)
        case Transient() | UnknownOutcome():
            return _passing(failure, history, policy, now)
        case _:
            return DeadLetter(failure.code, failure.sentence)


def _pause(failure: ConnectorError, history: History) -> Pause:
    if not isinstance(failure, Rejected):
        return Pause(failure.code, failure.sentence)
    sentence = f"{history.struck} subjects in a row fared alike, so it is likely ours: {failure.sentence}"
    return Pause(failure.code, sentence)


def _conflict(failure: Conflict, history: History, policy: Policy) -> Recovery:
    if history.immediate < policy.conflicts:
        return ImmediateRetry()
    row = failure.record or "a row that could not be told"
    sentence = f"{policy.conflicts} looks afresh ended in the same conflict on {row}: {failure.sentence}"
    return DeadLetter(failure.code, sentence)


def _passing(failure: ConnectorError, history: History, policy: Policy, now: datetime) -> Recovery:
    if failure.retry_after is None and history.immediate < policy.immediate:
        return ImmediateRetry()
    too_late = now - history.first_seen >= policy.ceiling and history.attempt >= policy.least_delayed
    if history.attempt >= len(policy.delays) or too_late:
        return DeadLetter(failure.code, f"Given up after {history.attempt} delayed retries: {failure.sentence}")
    delay = max(policy.delays[history.attempt], failure.retry_after or timedelta())
    return DelayedRetry(now + delay + _jitter(history, policy, delay))


def _jitter(history: History, policy: Policy, base: timedelta) -> timedelta:
    """Between nothing and ``jitter`` of the base, the same for the same attempt of the same lineage."""
    digest = sha256(f"{history.lineage}/{history.first_seen.isoformat()}/{history.attempt}".encode()).digest()
    return base * (policy.jitter * int.from_bytes(digest[:4], "big") / 2**32)
