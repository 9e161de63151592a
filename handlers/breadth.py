"""Tells one bad subject from a fault of ours: the same refusal on many subjects, with no success between."""

from __future__ import annotations

import threading

MANY = 25


class Breadth:
    """Counts distinct subjects refused with one code since anything last went well. Shared by all threads."""

    def __init__(self, many: int = MANY) -> None:
        self._many = many
        self._code = ""
        self._subjects: set[str] = set()
        self._lock = threading.Lock()

    def worked(self) -> None:
        """A subject came to rest: whatever was refused before was the subjects' own fault."""
        with self._lock:
            self._subjects.clear()

    def is_ours(self, code: str, subject: str) -> bool:
        """Note a refusal; true once so many subjects met the same one that the fault must be ours."""
        with self._lock:
            if code != self._code:
                self._code = code
                self._subjects.clear()
            self._subjects.add(subject)
            return len(self._subjects) >= self._many
