"""Who is next: messages that wait for a receiver, first in first out, in one line for each session."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Container, Iterator

_SPARE = 64
"""Who has left is passed over up to this many, and until they are the greater part of a line."""


class Lines:
    """Sequence numbers in lines; what left a line otherwise is passed over when its turn comes."""

    def __init__(self) -> None:
        self._waiting: dict[int, str | None] = {}
        self._lengths: Counter[str | None] = Counter()
        self._lines: dict[str | None, list[int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[int]:
        return iter(self._waiting)

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def add(self, number: int, session_id: str | None) -> None:
        """Get in line where the number belongs: what came back stands before what came later."""
        if number not in self._waiting:
            self._lengths[session_id] += 1
        self._waiting[number] = session_id
        line = self._lines.setdefault(session_id, [])
        heapq.heappush(line, number)
        if len(line) > 2 * self._lengths[session_id] + _SPARE:
            self._lines[session_id] = sorted({each for each in line if each in self._waiting})

    def discard(self, number: int) -> None:
        """Leave the line."""
        if number in self._waiting:
            session_id = self._waiting.pop(number)
            self._lengths[session_id] -= 1
            if not self._lengths[session_id]:
                del self._lengths[session_id]

    def first(self, session_id: str | None) -> int | None:
        """Who is first in a line; None if nobody waits there."""
        line = self._lines.get(session_id)
        while line:
            if line[0] in self._waiting:
                return line[0]
            heapq.heappop(line)
        self._lines.pop(session_id, None)
        return None

    def first_session(self, taken: Container[str]) -> str | None:
        """The session, but for those taken, whose first message waits longest."""
        firsts = [
            (number, session_id)
            for session_id in list(self._lines)
            if session_id is not None and session_id not in taken and (number := self.first(session_id)) is not None
        ]
        return min(firsts)[1] if firsts else None
