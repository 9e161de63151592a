"""Three clients that make the same rows of the same approved entries, in simulated time.

Ours decides what to write; the other two are told it, which favours them: they read no project, price or earlier row,
and take no care of races, repeats or lost answers. All obey ``Retry-After`` and work on batches side by side.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import requests

from connector.auth import StaticToken
from connector.batch_size import BatchSize
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.changes import ChangeSet, Committed, Create, Record
from connector.dataverse.client import DataverseClient
from connector.dataverse.exact_json import dumps
from connector.dataverse.query import Query
from connector.dataverse.translation import to_wire
from connector.envelope import Envelope
from connector.errors import ConnectorError
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.fixed_point import FixedPoint
from handlers.pipeline import Pipeline
from handlers.seldom_changed import SeldomChanged
from mappings.messages import EntryChanged
from sandbox.company.company import LoadedEntry
from service.far_side import TABLES, TAG
from tests.benchmarks.simulated import Simulation
from tests.flow.world import World

BATCH = 100
LONGEST_LINGER = timedelta(seconds=5)
RECEIVES_MORE = 0.2
"""Seconds the official client of Service Bus waits for more when fewer came than were asked for."""
Work = Callable[[], None]
Queue = list[tuple[datetime, int, Envelope]]
"""A heap: when each message is due, its number, and the message."""


@dataclass(frozen=True)
class NewRow:
    """One row to be written, as any client would put it."""

    table: str
    set_name: str
    id: UUID
    values: dict[str, Any]


Script = dict[UUID, list[NewRow]]
"""The rows of each entry, in the order in which they must be written."""


@dataclass
class Done:
    """What became of the entries: when each was finished, in simulated time, and how many were refused for good.

    ``latencies``: seconds from the moment at which the event was to be sent, by order of finishing.
    """

    finished: list[datetime] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    waits: int = 0


class Recorder:
    """Passes everything on to Dataverse and keeps what was created, by entry."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self.script: Script = {}

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._client.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        for one in change_sets:
            rows = [self._row(change) for change in one.changes if isinstance(change, Create)]
            assert len(rows) == len(one.changes), "other clients can only write anew"
            origins = {row.values["msdyn_origin"] for row in rows if row.values.get("msdyn_origintype")}
            (entry,) = {UUID(id) for id in origins} & self._entries
            self.script[entry] = rows
        return self._client.commit(change_sets)

    def record(self, world: World, entries: Sequence[LoadedEntry]) -> Script:
        """What the service writes of these entries. It is written here too."""
        self._entries = {entry.id for entry in entries}
        for first in range(0, len(entries), BATCH):
            batch = entries[first : first + BATCH]
            ends = world.pipeline(self).process([event_about(entry, world.now()) for entry in batch])
            assert all(isinstance(end, Complete) for end in ends), ends
        return self.script

    def _row(self, change: Create) -> NewRow:
        table = self._client.metadata.table(change.row.table)
        values = {**change.values, table.primary_id: change.row.id}
        body = dumps(to_wire(self._client.metadata, table, values, creating=True))
        return NewRow(table.name, table.set_name, change.row.id, json.loads(body))


def event_about(entry: LoadedEntry, at: datetime) -> Envelope:
    """A message that says: look at this entry."""
    hint = EntryChanged.model_validate({"table": entry.table, "id": entry.id})
    return Envelope(str(uuid4()), hint.model_dump_json().encode(), "application/json", enqueued_at=at)


class Ours:
    """The service's own parts, put together as the service does: workers that take batches off one queue."""

    full = Limits().headroom

    def __init__(self, world: World, simulation: Simulation, limits: Limits) -> None:
        self._now, self._simulation = world.now, simulation
        self.budget = Budget(limits)
        self.client = DataverseClient(
            world.sandbox.dataverse,
            StaticToken(world.sandbox.token),
            tables=TABLES,
            tag=TAG,
            budget=self.budget,
            pool=64,
            now=world.now,
            sleep=simulation.sleep,
            timer=simulation.seconds,
            bulk_messages=True,
        )
        point = FixedPoint(self.client, seldom_changed=SeldomChanged(world.now))
        self._pipeline = Pipeline(self.client, world.mission, _parse, Policy(), world.now, point)
        self.done = Done()

    def settle_in(self, entries: Sequence[LoadedEntry]) -> None:
        """Learn the tables, as every process does once when it starts, by entries that are none of the measured."""
        ends = self._pipeline.process([event_about(entry, self._now()) for entry in entries])
        assert all(isinstance(end, Complete) for end in ends), ends

    def who_am_i(self) -> object:
        """One request that changes nothing."""
        return self.client.who_am_i()

    def works(
        self, entries: Sequence[LoadedEntry], workers: int, arrivals: Sequence[datetime] | None = None
    ) -> list[Work]:
        """Work for so many threads; the events come at these moments, or are all there."""
        times = arrivals or [self._now()] * len(entries)
        queue = [(at, n, event_about(entry, at)) for n, (at, entry) in enumerate(zip(times, entries, strict=True))]
        heapq.heapify(queue)
        return [lambda: self._work(queue) for _ in range(workers)]

    def _work(self, queue: Queue) -> None:
        """As ``connector.worker``: larger batches while they come back full, lingering where the budget is tight."""
        size = BatchSize(BATCH)
        while queue:
            wanted, wait = size.size, self.budget.linger(self._now())
            if wait > LONGEST_LINGER or (wait and wanted < BATCH):
                wanted = BATCH
                self._simulation.sleep(min(wait, LONGEST_LINGER).total_seconds())
                if wait > LONGEST_LINGER:
                    continue
            asked = self._now()
            batch = self._received(queue, wanted)
            size.received(len(batch), self._now() - asked)
            ends = self._pipeline.process([envelope for _, _, envelope in batch])
            for (_, number, envelope), end in zip(batch, ends, strict=True):
                if isinstance(end, RedeliverAt):
                    self.done.waits += 1
                    heapq.heappush(queue, (end.when, number, envelope))
                    continue
                assert isinstance(end, Complete | DeadLetter), end
                assert envelope.enqueued_at is not None
                self.done.finished.append(self._now())
                self.done.latencies.append((self._now() - envelope.enqueued_at).total_seconds())
                self.done.refused += isinstance(end, DeadLetter)

    def _received(self, queue: Queue, wanted: int) -> list[tuple[datetime, int, Envelope]]:
        """What a receive call returns. Asking for many where few are there costs the client a fifth of a second."""
        if queue and queue[0][0] > self._now():
            self._simulation.sleep((queue[0][0] - self._now()).total_seconds())
        batch = self._due(queue, wanted)
        if 0 < len(batch) < wanted and queue:
            self._simulation.sleep(RECEIVES_MORE)
            batch += self._due(queue, wanted - len(batch))
        return batch

    def _due(self, queue: Queue, wanted: int) -> list[tuple[datetime, int, Envelope]]:
        batch: list[tuple[datetime, int, Envelope]] = []
        while queue and len(batch) < wanted and queue[0][0] <= self._now():
            batch.append(heapq.heappop(queue))
        return batch


class Plain:
    """A plain client: one session with its pool of connections, one request per row, ``Retry-After`` obeyed.

    It reads the entry and its approval, and keeps everything else in a cache it was given.
    """

    full = 0.995

    def __init__(self, world: World, simulation: Simulation, script: Script) -> None:
        self._simulation, self._now, self._script = simulation, world.now, script
        self._until = world.now()
        self._root = f"{world.sandbox.dataverse}/api/data/v9.2"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {world.sandbox.token}"
        self.done = Done()

    def who_am_i(self) -> object:
        """One request that changes nothing."""
        return self._ask("GET", "WhoAmI")

    def works(self, entries: Sequence[LoadedEntry], workers: int) -> list[Work]:
        """Work for so many threads."""
        queue = deque(entries)
        return [lambda: self._work(queue) for _ in range(workers)]

    def _work(self, queue: deque[LoadedEntry]) -> None:
        while queue:
            entry = queue.popleft()
            for path in (f"msdyn_timeentries({entry.id})", f"msdyn_projectapprovals({entry.approval})"):
                assert self._ask("GET", path) == 200
            for row in self._script[entry.id]:
                if self._ask("POST", row.set_name, row.values) != 204:
                    self.done.refused += 1
                    break
            self.done.finished.append(self._now())

    def _ask(self, method: str, path: str, body: object = None) -> int:
        while True:
            self.wait()
            answer = self._session.request(method, f"{self._root}/{path}", json=body, timeout=60)
            if answer.status_code != 429:
                return answer.status_code
            self.told_to_wait(float(answer.headers["Retry-After"]))

    def wait(self) -> None:
        """Send nothing before the time: whoever knocks while another thread waits makes all of them wait longer."""
        while (left := (self._until - self._now()).total_seconds()) > 0:
            self._simulation.sleep(left)

    def told_to_wait(self, seconds: float) -> None:
        """Have every thread wait."""
        self.done.waits += 1
        self._until = max(self._until, self._now() + timedelta(seconds=seconds))


def _parse(envelope: Envelope) -> EntryChanged:
    return EntryChanged.model_validate_json(envelope.body)
