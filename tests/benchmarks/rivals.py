"""Three ways to turn the same approved entries into the same rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import requests

from connector.dataverse.changes import ChangeSet, Committed, Create, Record
from connector.dataverse.client import DataverseClient
from connector.dataverse.exact_json import dumps
from connector.dataverse.query import Query
from connector.dataverse.translation import to_wire
from connector.errors import ConnectorError
from connector.settlement import Complete
from sandbox.company.company import LoadedEntry
from tests.flow.world import World


@dataclass(frozen=True)
class Row:
    """One row to be written, as a plain client would: entity set and body."""

    entity_set: str
    body: bytes


class Recorder:
    """Passes everything on to Dataverse and keeps the rows that were created, for a plain client to write too."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._created: list[Create] = []

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        return self._client.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        changes = [change for change_set in change_sets for change in change_set.changes]
        assert all(isinstance(change, Create) for change in changes), "a plain client can only write anew"
        self._created += [change for change in changes if isinstance(change, Create)]
        return self._client.commit(change_sets)

    def rows(self) -> list[Row]:
        """What was created, in order."""
        return [self._row(change) for change in self._created]

    def _row(self, change: Create) -> Row:
        table = self._client.metadata.table(change.row.table)
        values = {**change.values, table.primary_id: change.row.id}
        return Row(table.set_name, dumps(to_wire(self._client.metadata, table, values, creating=True)).encode())


def in_one_batch(world: World, entries: Sequence[LoadedEntry]) -> None:
    """Ours, as a full queue is worked on."""
    assert all(isinstance(end, Complete) for end in world.work_on(*entries))


def one_by_one(world: World, entries: Sequence[LoadedEntry]) -> None:
    """Ours, as single messages are worked on."""
    pipeline_ends = [end for entry in entries for end in world.work_on(entry)]
    assert all(isinstance(end, Complete) for end in pipeline_ends)


def a_request_per_row(world: World, rows: Mapping[LoadedEntry, Sequence[Row]]) -> None:
    """A plain client that keeps its connection: reads entry and approval, then writes row after row.

    It is told what to write. That favours it: it need read no project, contract, price or earlier row, and takes no
    care of races.
    """
    sets = {"msdyn_timeentry": "msdyn_timeentries", "msdyn_expense": "msdyn_expenses"}
    root = f"{world.sandbox.dataverse}/api/data/v9.2"
    with requests.Session() as session:
        session.headers.update(
            {"Authorization": f"Bearer {world.sandbox.tokens['service']}", "Content-Type": "application/json"}
        )
        for entry, its_rows in rows.items():
            for path in (f"{sets[entry.table]}({entry.id})", f"msdyn_projectapprovals({entry.approval})"):
                answer = session.get(f"{root}/{path}", timeout=30)
                assert answer.status_code == 200, answer.text
            for row in its_rows:
                answer = session.post(f"{root}/{row.entity_set}", row.body, timeout=30)
                assert answer.status_code == 204, answer.text


def rows_by_entry(rows: Sequence[Row], entries: Sequence[LoadedEntry]) -> dict[LoadedEntry, list[Row]]:
    """The rows in their order, dealt out evenly: which entry a row belongs to makes no difference to a request."""
    share, rest = divmod(len(rows), len(entries))
    assert rest == 0, "entries of one kind leave the same number of rows each"
    return {entry: list(rows[n * share : (n + 1) * share]) for n, entry in enumerate(entries)}


def row_counts(world: World) -> dict[str, int]:
    """How many rows each table holds."""
    return {name: len(rows) for name, rows in world.books().tables.items()}


def printed(**facts: object) -> None:
    """One JSON object, one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
