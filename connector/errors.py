"""Failures, named after what to do next.

ConnectorError
├── Transient          again: immediately, or when told; then with growing delay
│   └── Throttled      again exactly when told
├── UnknownOutcome     look before writing again
├── Conflict           gather and decide afresh
├── Rejected           this subject will never work: dead-letter it with a code and a sentence
└── Misconfigured      our fault: pause, keep every message
"""

from __future__ import annotations

from datetime import timedelta


class ConnectorError(Exception):
    """Something outside did not do what was asked; the class says what to do about it.

    ``code`` is stable and short, fit for grouping; ``sentence`` is for a person and carries no secret and no amount.
    ``retry_after``: the wait that was told beside it, if one was; it is never shortened.
    """

    def __init__(self, code: str, sentence: str, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.retry_after = retry_after


class Transient(ConnectorError):
    """The far side was busy or unreachable and nothing was written; the same request may succeed later."""


class Throttled(Transient):
    """There was too much of us, and the far side said when to come back: a wait, and no fault of anybody."""

    retry_after: timedelta

    def __init__(self, code: str, sentence: str, retry_after: timedelta) -> None:
        super().__init__(code, sentence, retry_after)


class UnknownOutcome(ConnectorError):
    """The request may or may not have been carried out: look before writing again."""


class Conflict(ConnectorError):
    """The rows were not as they were when read; nothing was written. ``record`` names the row when known."""

    def __init__(self, code: str, sentence: str, record: str | None = None) -> None:
        super().__init__(code, sentence)
        self.record = record


class Rejected(ConnectorError):
    """This subject will never work as it stands; a person must mend the data first."""


class Misconfigured(ConnectorError):
    """The service itself is set up wrongly (a role, a secret, a name); no message is at fault."""
