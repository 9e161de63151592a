"""Microsoft's own Python client with its bulk calls, as a careful user would put it to the same work.

It answers 429 with an error, so its user waits; and of a bulk call that is refused he halves it until he has found whom
it was refused for. ``bulk`` off: a call per row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

from sandbox.company.company import LoadedEntry
from tests.benchmarks.simulated import Simulation
from tests.benchmarks.three_rivals import BATCH, NewRow, Plain, Script, Work
from tests.flow.world import World


class Credential:
    """A bearer token that is known already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(self._token, 2**33)


class Microsoft(Plain):
    """Reads entries and approvals a hundred at a time, then writes table after table."""

    def __init__(self, world: World, simulation: Simulation, script: Script, bulk: bool) -> None:
        super().__init__(world, simulation, script)
        self._bulk = bulk
        # It refuses plain http; the simulation sends it unencrypted all the same.
        self._url = world.sandbox.dataverse.replace("http:", "https:")
        self._credential = Credential(world.sandbox.token)

    def works(self, entries: Sequence[LoadedEntry], workers: int) -> list[Work]:
        """Work for so many threads, with a client each: it says of none that it may be shared."""
        queue = deque(entries)
        return [lambda: self._work(queue) for _ in range(workers)]

    def _work(self, queue: deque[LoadedEntry]) -> None:
        with DataverseClient(self._url, self._credential) as client:
            while queue:
                batch = [queue.popleft() for _ in range(min(BATCH, len(queue)))]
                for table, ids in (
                    ("msdyn_timeentry", [entry.id for entry in batch]),
                    ("msdyn_projectapproval", [entry.approval for entry in batch]),
                ):
                    wanted = " or ".join(f"{table}id eq {id}" for id in ids)
                    rows = self._obeying(lambda t=table, w=wanted: list(client.records.list(t, filter=w)))  # type: ignore[misc]
                    assert len(rows) == len(batch)
                (self._in_bulk if self._bulk else self._one_by_one)(client, batch)
                self.done.finished += [self._now()] * len(batch)

    def _in_bulk(self, client: Any, batch: Sequence[LoadedEntry]) -> None:
        taken = self._actuals(client, batch)
        self.done.refused += len(batch) - len(taken)
        rows = [row for entry in taken for row in self._script[entry.id]]
        for table in dict.fromkeys(row.table for row in rows):
            if table != "msdyn_actual":
                self._create(client, [row for row in rows if row.table == table])

    def _actuals(self, client: Any, batch: Sequence[LoadedEntry]) -> list[LoadedEntry]:
        """Write the actuals of these entries; of whom they were taken."""
        rows = [row for entry in batch for row in self._script[entry.id] if row.table == "msdyn_actual"]
        try:
            self._create(client, rows)
        except HttpError:
            if len(batch) == 1:
                return []
            middle = len(batch) // 2
            return self._actuals(client, batch[:middle]) + self._actuals(client, batch[middle:])
        return list(batch)

    def _create(self, client: Any, rows: Sequence[NewRow]) -> None:
        self._obeying(lambda: client.records.create(rows[0].table, [dict(row.values) for row in rows]))

    def _one_by_one(self, client: Any, batch: Sequence[LoadedEntry]) -> None:
        for entry in batch:
            for row in self._script[entry.id]:
                try:
                    self._obeying(lambda r=row: client.records.create(r.table, dict(r.values)))  # type: ignore[misc]
                except HttpError:
                    self.done.refused += 1
                    break

    def _obeying(self, call: Callable[[], Any]) -> Any:
        while True:
            self.wait()
            try:
                return call()
            except HttpError as told:
                if told.status_code != 429:
                    raise
                self.told_to_wait(float(told.details["retry_after"]))
