"""Sends dead letters again, or removes them for a reason; each ends with a receipt.

The record is written first. A copy is sent before its dead letter is removed: what is cut off in between is sent once
more by the next run, under another id. Twice is looked at twice; under the same id it could be dropped instead, after
the first copy was refused and what it was refused for was mended.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from connector.dead_letter_queue import PutAside
from handlers.command_record import Kind
from service.dead_letters.boxes import Boxes
from service.dead_letters.lines import Came, Line, Receipt

TOO_LARGE = "With what a copy has to tell, it is larger than the queue takes."
NOT_WHOLE = "Its body is none that can be sent again unchanged; use Service Bus Explorer."
LOCKED = "Somebody else has it at work, or too many are in front of it; give the same command again later."
GONE = "It is no longer there: somebody else took it."
STILL_THERE = (
    "A copy was sent, but nobody confirmed that it was removed; give the same command again, twice is harmless."
)
NOT_CONFIRMED = "Nobody confirmed that it was removed; give the same command again."
STOPPED = "It was not begun."


@dataclass(frozen=True, slots=True)
class CarryingOut:
    """One run over chosen letters; their copies bear ids of its own. ``is_stopped`` is asked before each part."""

    way: Kind
    boxes: Boxes
    run: UUID
    is_stopped: Callable[[], bool] = lambda: False

    def receipts(self, lines: Sequence[Line]) -> Generator[list[Receipt], None, None]:
        """What came of each, part by part: a part is over and done with when it is told. To be closed.

        Raises ``ConnectorError``; what had no receipt then may have been sent, and is still there.
        """
        for queue in dict.fromkeys(one.queue for one in lines):
            yield from self._of_queue(queue, {one.sequence: one for one in lines if one.queue == queue})

    def _of_queue(self, queue: str, lines: dict[int, Line]) -> Iterator[list[Receipt]]:
        left = dict(lines)
        taking = self.boxes.take(queue, lines.keys(), self.is_stopped)
        try:
            for part in taking:
                yield [Receipt(left.pop(one.sequence), came, why) for one, came, why in self._part(queue, part)]
        finally:
            taking.close()
        if self.is_stopped():
            yield [Receipt(one, Came.NOT_BEGUN, STOPPED) for one in left.values()]
        elif left:
            there = self._still_there(queue, left.keys())
            yield [
                Receipt(one, Came.LOCKED, LOCKED) if sequence in there else Receipt(one, Came.GONE, GONE)
                for sequence, one in left.items()
            ]

    def _part(self, queue: str, part: Sequence[PutAside]) -> Iterator[tuple[PutAside, Came, str]]:
        unfit: dict[int, str] = {}
        if self.way is Kind.REPLAY:
            unfit = {one.sequence: NOT_WHOLE for one in part if not one.is_whole}
            sent = False
            try:
                too_large = self.boxes.send_again(queue, [one for one in part if one.sequence not in unfit], self.run)
                sent = True
            finally:
                if not sent:
                    self.boxes.give_back(queue, part)
            unfit |= {one.sequence: TOO_LARGE for one in too_large}
        fit = [one for one in part if one.sequence not in unfit]
        for one, is_removed in zip(fit, self.boxes.remove(queue, fit), strict=True):
            yield (one, *self._ended(is_removed))
        aside = [one for one in part if one.sequence in unfit]
        self.boxes.give_back(queue, aside)
        yield from ((one, Came.UNFIT, unfit[one.sequence]) for one in aside)

    def _ended(self, is_removed: bool) -> tuple[Came, str]:
        if self.way is Kind.REPLAY:
            return (Came.SENT, "") if is_removed else (Came.STILL_THERE, STILL_THERE)
        return (Came.DISCARDED, "") if is_removed else (Came.NOT_CONFIRMED, NOT_CONFIRMED)

    def _still_there(self, queue: str, sequences: Collection[int]) -> set[int]:
        return {one.sequence for page in self.boxes.pages(queue) for one in page if one.sequence in sequences}
