"""Which dead letters are meant, and reading them page by page: what is held at once does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.dead_letters.boxes import Boxes
from service.dead_letters.letters import Letter, Parse, letter_of
from service.dead_letters.subjects import NOTHING, About, Subjects

LAST = 2**63 - 1
"""No sequence number is greater."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Letters that meet every part; within a part, any one of what is named. Nothing named: all.

    ``since`` and ``before`` (aware) bound when the message first came; ``people`` are resources, and ``asking`` the
    person who gave a command.
    """

    codes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    before: datetime | None = None
    people: frozenset[UUID] | None = None
    asking: str | None = None
    projects: frozenset[UUID] | None = None
    contracts: frozenset[UUID] | None = None
    of_contracts: frozenset[UUID] = frozenset()

    @property
    def needs_rows(self) -> bool:
        """It takes rows of Dataverse to tell."""
        return not (self.people is None and self.projects is None and self.contracts is None)

    @property
    def is_nobody(self) -> bool:
        """A person is meant whom nobody knows; commands may have been given by that name all the same."""
        return self.people == frozenset()

    def takes(self, letter: Letter) -> bool:
        """As far as the message itself tells."""
        came = letter.first_came
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.kinds or letter.kind in self.kinds)
            and (self.since is None or (came is not None and came >= self.since))
            and (self.before is None or (came is not None and came < self.before))
        )

    def fits(self, letter: Letter, about: About) -> bool:
        """As its rows tell."""
        return self._of_people(letter, about) and self._of_projects(about) and self._of_contracts(letter, about)

    def _of_people(self, letter: Letter, about: About) -> bool:
        if self.people is None:
            return True
        asks = self.asking is not None and letter.requested_by.casefold() == self.asking.casefold()
        return asks or (about.person is not None and about.person.id in self.people)

    def _of_projects(self, about: About) -> bool:
        return self.projects is None or (about.project is not None and about.project.id in self.projects)

    def _of_contracts(self, letter: Letter, about: About) -> bool:
        if self.contracts is None:
            return True
        works = about.project is not None and about.project.id in self.of_contracts
        return works or bool(self.contracts.intersection(letter.contracts))


@dataclass(frozen=True, slots=True)
class Post:
    """The dead letters of these queues, each read as the service reads it. Without ``subjects`` rows can't be read."""

    boxes: Boxes
    parses: dict[str, Parse]
    subjects: Subjects | None

    def pages(self, wanted: Wanted) -> Iterator[list[Letter]]:
        """Those that are meant, page by page. Raises ``ConnectorError``."""
        for queue, parse in self.parses.items():
            for page in self.boxes.pages(queue):
                letters = [one for one in (letter_of(each, queue, parse) for each in page) if wanted.takes(one)]
                if wanted.needs_rows:
                    abouts = self.about(letters)
                    letters = [one for one in letters if wanted.fits(one, abouts[one.name])]
                if letters:
                    yield letters

    def named(self, name: str) -> Letter | None:
        """The one of this name. Raises ``ValueError`` where that is none."""
        queue, _, sequence = name.rpartition("/")
        if queue not in self.parses or not sequence.isdecimal() or int(sequence) > LAST:
            raise ValueError(name)
        found = self.boxes.one(queue, int(sequence))
        return None if found is None else letter_of(found, queue, self.parses[queue])

    def about(self, letters: Sequence[Letter]) -> dict[str, About]:
        """What each is about; nothing where rows can't be read. Raises ``ConnectorError``."""
        if self.subjects is None:
            return dict.fromkeys((one.name for one in letters), NOTHING)
        return self.subjects.of(letters)
