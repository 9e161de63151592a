"""Dead letters in memory, which fail on request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from connector.dead_letter_queue import PutAside
from connector.envelope import Envelope
from connector.errors import Transient
from service.dead_letters.boxes import Boxes

QUEUE = "approvals"


def put_aside(number: int, code: str = "price-missing", body: bytes = b"{}", *, is_whole: bool = True) -> PutAside:
    envelope = Envelope(f"m-{number}", body, "application/json", lineage=f"m-{number}", queue=QUEUE)
    return PutAside(number, code, f"Because of {code}.", envelope, is_whole)


@dataclass
class FakeBoxes(Boxes):
    """``locked``: by somebody else. ``unconfirmed``: removing them is never answered. ``sent``: to the queue."""

    letters: dict[int, PutAside]
    locked: set[int] = field(default_factory=set)
    unconfirmed: set[int] = field(default_factory=set)
    too_large: set[int] = field(default_factory=set)
    sending_fails: bool = False
    part: int = 2
    sent: list[int] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)

    def pages(self, queue: str) -> Iterator[list[PutAside]]:
        yield list(self.letters.values())

    def one(self, queue: str, sequence: int) -> PutAside | None:
        return self.letters.get(sequence)

    def take(
        self, queue: str, wanted: Collection[int], is_stopped: Callable[[], bool]
    ) -> Generator[list[PutAside], None, None]:
        free = [one for number, one in self.letters.items() if number in wanted and number not in self.locked]
        for begin in range(0, len(free), self.part):
            if is_stopped():
                return
            yield free[begin : begin + self.part]

    def send_again(self, queue: str, letters: Sequence[PutAside], run: UUID) -> list[PutAside]:
        if self.sending_fails:
            raise Transient("bus-unreachable", "Service Bus could not be reached.")
        self.sent += [one.sequence for one in letters if one.sequence not in self.too_large]
        return [one for one in letters if one.sequence in self.too_large]

    def remove(self, queue: str, letters: Sequence[PutAside]) -> list[bool]:
        for one in letters:
            if one.sequence not in self.unconfirmed:
                del self.letters[one.sequence]
        return [one.sequence not in self.unconfirmed for one in letters]

    def give_back(self, queue: str, letters: Sequence[PutAside]) -> None:
        self.given_back += [one.sequence for one in letters]
