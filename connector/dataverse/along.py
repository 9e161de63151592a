"""Questions that are sent behind a commit in one and the same batch, and read when its writes are through.

Dataverse carries out a batch in the order of its parts ("Execute batch operations using the Web API"), so that what is
answered is no older than the writes. Nobody may count on it: where the writes take more than one batch, or any answer
is missing, refused or cut into pages, there is none, and whoever wants to know asks by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from connector.dataverse.batch import MAX_OPERATIONS, Answered, Request
from connector.dataverse.changes import ChangeSet
from connector.dataverse.reads import Row, first_page, page_in
from connector.errors import Misconfigured

LONGEST_REST = 256
"""Commits for which questions are left out at the most, before they are tried once more."""
MOST = 64
"""Questions that go along at the most: the word on what was written waits for as long as they are read."""


class Along:
    """The questions behind these paths (below the service root), and their rows once they were answered.

    ``rows`` holds a list for each path; it is ``None`` unless all of them were answered whole.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        pages = [first_page(path) for path in paths]
        self.requests = tuple(Request("GET", page.target, page.headers) for page in pages)
        self.rows: list[list[Row]] | None = None

    def goes_with(self, change_sets: Sequence[ChangeSet]) -> bool:
        """There is room for it in one batch; and it is not asked in a person's name, who may not see everything."""
        operations = sum(len(one.changes) for one in change_sets) + len(self.requests)
        return operations <= MAX_OPERATIONS and not any(one.caller for one in change_sets)

    def answered(self, answers: Sequence[Answered]) -> None:
        """Take what came back behind the answers to the writes."""
        if len(answers) != len(self.requests):
            return
        found: list[list[Row]] = []
        for answer in answers:
            rows = None if isinstance(answer, list) or answer.status >= 400 else _whole(answer.body)
            if rows is None:
                return
            found.append(rows)
        self.rows = found


class LookPace:
    """Whether questions go along. Where they came back without an answer they are left out for a while, longer each
    time: an environment, or something before it, may take none beside writes. Safe between threads.
    """

    def __init__(self) -> None:
        self._rest = 0
        self._next_rest = 1
        self._lock = threading.Lock()

    def may_go(self) -> bool:
        """Whether they go along with the next commit."""
        with self._lock:
            self._rest = max(0, self._rest - 1)
            return self._rest == 0

    def took(self, *, answered: bool) -> None:
        """Some went along, and were answered whole or not."""
        with self._lock:
            if answered:
                self._next_rest = 1
            else:
                self._rest, self._next_rest = self._next_rest + 1, min(LONGEST_REST, self._next_rest * 2)


def _whole(body: bytes) -> list[Row] | None:
    try:
        rows, following = page_in(body)
    except Misconfigured:
        # The writes were answered all the same; who asks again is told what is wrong.
        return None
    return None if following or not all(isinstance(row, dict) for row in rows) else rows
