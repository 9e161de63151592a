"""What sending a dead letter again would do now, by the code that would do it; nothing is written.

Everything is read afresh: whoever asks may just have put something right.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connector.dataverse.access import Reader
from connector.errors import Conflict, ConnectorError, Rejected
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.entry_facts import EntryFacts
from handlers.explanation import course
from handlers.pipeline import Pipeline
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refuse
from handlers.verification import VerificationHandler
from mappings.messages import AnyCommand, EntryChanged, LookAtRun
from mappings.refusal import Refusal
from mappings.tables import Ref
from service.dead_letters.letters import FOREIGN, NOBODYS, Letter
from service.dead_letters.rehearsed_commands import Commands
from service.dead_letters.subjects import About
from service.plan_in_words import in_words

log = logging.getLogger(__name__)

AT_ONCE = 50
"""Entries that are read together."""
ANY = "PSA_CONNECTOR_ORGANIZATION_ID is not set: the service would look at the row of the same id in this environment."


class Would(StrEnum):
    """What a replay would come to."""

    WRITE = "would-write"
    DONE = "already-done"
    REFUSED = "refused-again"
    NOT_YET = "not-yet"
    LET_GO = "let-go"
    UNKNOWN = "cannot-be-told"
    SAME = "same-as-another"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a replay would come to and why; ``changes``: what would be written, a line each."""

    would: Would
    because: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``pipelines``: by queue, what its messages go through. ``any_organization``: the settings name none.

    ``first``: by the entry or command, the name of the letter for which a write was foretold: it is written once,
    however many letters call for it.
    """

    pipelines: Mapping[str, Pipeline]
    dataverse: Reader
    any_organization: bool = False
    first: dict[Hashable, str] = field(default_factory=dict)

    def of(self, letters: Sequence[Letter], abouts: Mapping[str, About]) -> dict[str, Rehearsed]:
        """What each would come to, by its name. Raises ``ConnectorError``."""
        told: dict[str, Rehearsed] = {}
        entries: dict[str, Ref] = {}
        for letter in letters:
            entry = abouts[letter.name].entry
            match letter.message:
                case None if letter.kind == FOREIGN and self.any_organization:
                    told[letter.name] = Rehearsed(Would.UNKNOWN, f"{letter.because} {ANY}")
                case None:
                    told[letter.name] = _unread(letter)
                case EntryChanged() if entry is not None:
                    entries[letter.name] = entry
                case EntryChanged(table=table, id=id) if letter.row is not None and table in _ENTRIES:
                    # It is gone; what it left behind is looked at all the same.
                    entries[letter.name] = Ref(table, id)
                case EntryChanged():
                    told[letter.name] = Rehearsed(
                        Would.DONE, "The approval no longer exists, or is not shared; it leads to no entry."
                    )
                case command:
                    pipeline = self.pipelines[letter.queue]
                    if (unanswerable := _unanswerable(letter, pipeline)) is not None:
                        told[letter.name] = unanswerable
                    else:
                        told[letter.name] = self._command(command, pipeline.mission)
        for queue, pipeline in self.pipelines.items():
            of_queue = {one.name: entries[one.name] for one in letters if one.queue == queue and one.name in entries}
            about = self._entries(pipeline.mission, list(dict.fromkeys(of_queue.values())))
            told |= {name: about[entry] for name, entry in of_queue.items()}
        return {one.name: self._once(one, entries.get(one.name, one.message), told[one.name]) for one in letters}

    def _once(self, letter: Letter, work: Hashable, told: Rehearsed) -> Rehearsed:
        """It, or that the same was foretold before."""
        if told.would is not Would.WRITE or (first := self.first.setdefault(work, letter.name)) == letter.name:
            return told
        return Rehearsed(Would.SAME, f"The same as {first}: it is written once.")

    def _command(self, command: AnyCommand | LookAtRun, mission: Mission) -> Rehearsed:
        try:
            said, decision = Commands(mission, self.dataverse).foretold(command)
            return _said(decision, said)
        except Exception as failure:  # noqa: BLE001 — the boundary of what is foretold of one letter
            return _of_it_alone(failure)

    def _entries(self, mission: Mission, entries: Sequence[Ref]) -> dict[Ref, Rehearsed]:
        told: dict[Ref, Rehearsed] = {}
        for begin in range(0, len(entries), AT_ONCE):
            told |= self._part(mission.entries, entries[begin : begin + AT_ONCE])
        return told

    def _part(self, handler: ActualsHandler | VerificationHandler, entries: Sequence[Ref]) -> dict[Ref, Rehearsed]:
        """A refused question is no verdict on all who were asked about."""
        try:
            facts = handler.gather(entries, self.dataverse)
            return {entry: _entry(entry, handler, facts[entry]) for entry in entries}
        except Exception as failure:  # noqa: BLE001 — the boundary of what is foretold of one letter
            told = _of_it_alone(failure)
            if len(entries) == 1:
                return {entries[0]: told}
            half = len(entries) // 2
            return self._part(handler, entries[:half]) | self._part(handler, entries[half:])


_ENTRIES = ("msdyn_timeentry", "msdyn_expense")


def _of_it_alone(failure: Exception) -> Rehearsed:
    """What is said of the letter that failed, so that it hides none of the others; what all would meet is raised."""
    if isinstance(failure, Rejected | Conflict):
        return Rehearsed(Would.UNKNOWN, f"{failure.sentence} ({failure.code})")
    if isinstance(failure, ConnectorError):
        raise failure
    log.error("a letter could not be rehearsed", exc_info=failure)
    return Rehearsed(Would.UNKNOWN, f"The rehearsal itself failed ({type(failure).__name__}); the log says where.")


def _unread(letter: Letter) -> Rehearsed:
    if letter.kind in (FOREIGN, NOBODYS):
        return Rehearsed(Would.LET_GO, letter.because)
    return Rehearsed(Would.REFUSED, letter.because)


def _unanswerable(letter: Letter, pipeline: Pipeline) -> Rehearsed | None:
    if pipeline.replies is None:
        return None
    try:
        pipeline.replies.check(letter.put_aside.envelope)
    except Rejected as refused:
        return Rehearsed(Would.REFUSED, f"{refused.sentence} ({refused.code})")
    return None


def _entry(entry: Ref, handler: ActualsHandler | VerificationHandler, facts: EntryFacts | Refusal) -> Rehearsed:
    """What all decisions one after the other come to, as long as nobody else writes."""
    if isinstance(facts, Refusal):
        return _said(handler.decide(entry, facts, {}))
    decisions, _ = course(entry, handler, facts)
    plans = [one for one in decisions if isinstance(one, Plan)]
    if not plans:
        return _said(decisions[-1])
    last = decisions[-1]
    said = [one.because for one in plans]
    said += [in_words(last).because] if isinstance(last, NotYet | Refuse) else []
    return Rehearsed(Would.WRITE, " ".join(said), tuple(line for one in plans for line in in_words(one).changes))


def _said(decision: Decision | None, because: str = "") -> Rehearsed:
    match decision:
        case None:
            return Rehearsed(Would.UNKNOWN, because)
        case Plan():
            told = in_words(decision)
            return Rehearsed(Would.WRITE, because) if because else Rehearsed(Would.WRITE, told.because, told.changes)
        case NothingToDo():
            return Rehearsed(Would.DONE, because or decision.because)
        case NotYet():
            return Rehearsed(Would.NOT_YET, because or decision.because)
        case Refuse(code, sentence):
            return Rehearsed(Would.REFUSED, f"{sentence} ({code})")
