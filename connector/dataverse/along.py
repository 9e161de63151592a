"""Questions that are sent behind a commit in one and the same batch, and read when its writes are through.

Dataverse carries out a batch in the order of its parts ("Execute batch operations using the Web API"), so that what is
answered is no older than the writes. Nobody may count on it: where the writes take more than one batch, or any answer
is missing, refused or cut into pages, there is none, and whoever wants to know asks by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.dataverse.batch import MAX_OPERATIONS, Answered, Request
from connector.dataverse.changes import ChangeSet
from connector.dataverse.reads import Row, first_page, page_in
from connector.errors import Misconfigured

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


def _whole(body: bytes) -> list[Row] | None:
    try:
        rows, following = page_in(body)
    except Misconfigured:
        # The writes were answered all the same; who asks again is told what is wrong.
        return None
    return None if following else rows
