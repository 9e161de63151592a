"""What a handler decides about a subject: a plan with its reason, or why there is nothing to write.

The same plan is committed, printed by a dry run, and kept for the audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Reference
from connector.errors import Conflict, Misconfigured, Rejected

NOT_YET = "not-yet"
"""The code of a subject whose reading is in flux."""
ON_DRAFT = "on-draft-invoice"
"""The code of a subject whose rows can't be taken back until a draft invoice is deleted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Change sets to be committed, and the sentence that says why.

    ``each_alone``: a refusal of one change set does not end the subject; it is shown to the next decision instead.
    ``corrects``: rows that stand are undone because they are not what they should be. ``since``: when the newest row it
    follows from was last written, where others may act on that row too. ``may_fail``: a lacking right, or a fault of
    the server, is shown to the next decision too, since what is left undone is no more than told. ``completes``: some
    of its rows stand already.
    """

    because: str
    change_sets: tuple[ChangeSet, ...]
    each_alone: bool = False
    corrects: bool = False
    since: datetime | None = None
    may_fail: bool = False
    completes: bool = False


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The fixed point: rows and truth agree, or the rest is somebody else's.

    ``outcome`` is what a command brought. ``is_news``: somebody should hear of it, because rows and truth do not agree
    and it is not for this service to change that.
    """

    because: str
    outcome: Mapping[str, object] = field(default_factory=dict)
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class NotYet:
    """The reading is in flux; the same question is asked again later.

    ``code`` is that of the dead letter once nobody asks any more. ``is_news``: somebody should hear of it each time,
    because it waits for them.
    """

    because: str
    code: str = NOT_YET
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """A person must mend the data first; nothing is written.

    ``since`` as with ``Plan``: before others had their time to act on that row, nothing is refused.
    """

    code: str
    sentence: str
    since: datetime | None = None


Decision = Plan | NothingToDo | NotYet | Refuse
Refusals = Mapping[Reference, Rejected | Conflict | Misconfigured]
"""The rows whose change was refused in this run, where a plan let each change set stand alone.

A conflict is shown for a change that stood all by itself: somebody else was faster, and no earlier write of this run.
"""


S = TypeVar("S")
F = TypeVar("F")


class Handler(Protocol[S, F]):
    """One subject's business: read everything, then decide without reading, clock or chance."""

    def gather(self, subjects: Sequence[S], dataverse: Reader) -> Mapping[S, F]:
        """All facts about all subjects, in a constant number of requests. Raises ``ConnectorError``."""
        ...

    def decide(self, subject: S, facts: F, refusals: Refusals) -> Decision:
        """What these facts call for."""
        ...
