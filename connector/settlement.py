"""How a message ends: what the pipeline asks of the bus, one per envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Complete:
    """The subject is at its fixed point; the message may go. ``because`` is the sentence for the log.

    ``code`` is that of a failure which an administrator has said is nobody's concern.
    """

    because: str
    code: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RedeliverAt:
    """Schedule a copy for ``when`` as attempt ``attempt`` (the same one when only waiting), then complete.

    ``code`` groups the reasons.
    """

    when: datetime
    attempt: int
    because: str
    code: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Put aside for a person, under a stable code and with the sentence they need."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Our own fault: give the message back untouched and stop receiving until a probe succeeds.

    ``later``: it must not come again before that, however short the pause: a write of ours may still land.
    """

    code: str
    sentence: str
    later: RedeliverAt | None = None


Settlement = Complete | RedeliverAt | DeadLetter | Pause
