"""Bulk messages: the new rows of several change sets by one ``CreateMultiple`` for each table.

They are a change set of their own, so that they stand or fall together; whoever sends them tries each by itself where
they fell. Not every table takes the message: what ``sdkmessagefilter`` says decides ("Use bulk operation messages").
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from connector.dataverse.batch import Request
from connector.dataverse.batch_pace import FEWEST
from connector.dataverse.changes import ChangeSet, Create
from connector.dataverse.exact_json import dumps
from connector.dataverse.metadata import Metadata
from connector.dataverse.translation import to_wire
from connector.dataverse.transport import API
from connector.errors import ConnectorError, Transient

log = logging.getLogger(__name__)

MESSAGE = "CreateMultiple"
FIRST_TOGETHER, MOST_TOGETHER = 5, 20
TOO_MANY_FELL, FEW_FELL = 0.3, 0.1
"""The parts of what was sent in bulk above which fewer go together, and below which more do."""
LONGEST_TOGETHER = timedelta(seconds=10)
"""What goes together is one transaction, which locks what it writes; Dataverse ends any after two minutes."""
ASKED_AGAIN = timedelta(minutes=1)
"""Which tables take the message is asked again after this long where nobody answered; until then none does."""
LONGEST_REST = 256
"""Batches for which bulk messages are left alone at the most, before they are tried once more."""


class BulkMessages:
    """Which change sets may go together, and the requests that carry them out. Safe between threads.

    ``ask`` is given a path below the service root and returns the parsed JSON answer; ``stamp`` goes behind each path.
    Nobody waits while another asks: meanwhile rows go without.
    """

    def __init__(
        self, metadata: Metadata, ask: Callable[[str], object], stamp: str, now: Callable[[], datetime]
    ) -> None:
        self._metadata = metadata
        self._ask = ask
        self._stamp = stamp
        self._now = now
        self._takes: dict[str, bool] = {}
        self._not_before: datetime | None = None
        self._lock = threading.Lock()
        self.pace = BulkPace()

    def fits(self, change_set: ChangeSet) -> bool:
        """It consists of new rows only, several, of tables that take the message; and is made in nobody's name."""
        changes = change_set.changes
        if change_set.caller is not None or len(changes) < 2 or not all(isinstance(one, Create) for one in changes):
            return False
        return all(self._take({one.row.table for one in changes if isinstance(one, Create)}).values())

    def requests(self, change_sets: Sequence[ChangeSet]) -> tuple[Request, ...]:
        """One request for each table, in the order in which tables are first met."""
        targets: dict[str, list[Mapping[str, object]]] = {}
        for change in (one for change_set in change_sets for one in change_set.changes):
            if isinstance(change, Create):
                table = self._metadata.table(change.row.table)
                values = {**change.values, table.primary_id: change.row.id}
                row = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.name}"}
                targets.setdefault(table.name, []).append(row | to_wire(self._metadata, table, values, creating=True))
        headers = {"Content-Type": "application/json"}
        return tuple(
            Request(
                "POST",
                f"{API}{self._metadata.table(name).set_name}/Microsoft.Dynamics.CRM.{MESSAGE}{self._stamp}",
                headers,
                dumps({"Targets": rows}),
            )
            for name, rows in targets.items()
        )

    def _take(self, names: set[str]) -> dict[str, bool]:
        with self._lock:
            unknown, now = sorted(names - self._takes.keys()), self._now()
            is_asking = bool(unknown) and (self._not_before is None or now >= self._not_before)
            if is_asking:
                self._not_before = now + ASKED_AGAIN
        said = self._said(unknown) if is_asking else {}
        with self._lock:
            self._takes |= said
            if said:
                self._not_before = None
            return {name: self._takes.get(name, False) for name in names}

    def _said(self, names: Sequence[str]) -> dict[str, bool]:
        """What is said of each; nothing where nobody could be asked just now."""
        of_these = " or ".join(f"primaryobjecttypecode eq '{name}'" for name in names)
        condition = quote(f"sdkmessageid/name eq '{MESSAGE}' and ({of_these})", safe="'/()")
        try:
            answer = self._ask(f"sdkmessagefilters?$select=primaryobjecttypecode&$filter={condition}")
        except ConnectorError as error:
            log.info("rows go without bulk messages: nobody says which tables take them: %s", error)
            return {} if isinstance(error, Transient) else dict.fromkeys(names, False)
        rows = answer.get("value") if isinstance(answer, Mapping) else None
        told = {str(row.get("primaryobjecttypecode")) for row in rows} if isinstance(rows, list) else set()
        return {name: name in told for name in names}


class BulkPace:
    """How many change sets go together: more while few of them fall, and only while that is quicker a row.

    Both ways are measured where the service runs: plug-ins decide what a row costs, and they differ. Safe between
    threads.
    """

    def __init__(self) -> None:
        self._together = FIRST_TOGETHER
        self._alone_each: timedelta | None = None
        self._rest = 0
        self._next_rest = 1
        self._lock = threading.Lock()

    def together(self) -> int:
        """How many of them in the next batch; one: each by itself, which is how the first batch goes."""
        with self._lock:
            if self._alone_each is None or self._rest > 0:
                self._rest = max(0, self._rest - 1)
                return 1
            return self._together

    def took(self, rows: int, took: timedelta, done: Sequence[bool]) -> None:
        """So many new rows were answered after so long; ``done``: for each group in it, whether it was carried out.

        A batch without a group went each by itself. A few rows say nothing about many.
        """
        with self._lock:
            fell = 1 - sum(done) / len(done) if done else 0.0
            if not done:
                if rows >= FEWEST and took > timedelta():
                    self._alone_each = took / rows
            elif fell > TOO_MANY_FELL and self._together > 2:
                self._together = max(2, self._together // 2)
            elif fell > TOO_MANY_FELL or self._is_slower(rows, took):
                self._leave_alone()
            else:
                self._next_rest = 1
                if fell < FEW_FELL:
                    self._together = min(MOST_TOGETHER, self._together + 1)

    def lost(self) -> None:
        """A batch with a group in it got no clear answer as a whole. Whether the bulk messages are why is found out by
        going without; several that were under way at once are lost to one and the same trouble."""
        with self._lock:
            if self._rest == 0:
                self._leave_alone()

    def _leave_alone(self) -> None:
        self._rest, self._next_rest = self._next_rest, min(LONGEST_REST, self._next_rest * 2)

    def _is_slower(self, rows: int, took: timedelta) -> bool:
        return rows >= FEWEST and self._alone_each is not None and took / rows > self._alone_each
