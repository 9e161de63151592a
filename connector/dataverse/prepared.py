"""Change sets made ready to be sent, and their division into batches and into what stands or falls together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from connector.dataverse.batch import Part, Request
from connector.dataverse.batch_pace import MOST_BYTES, BatchPace
from connector.dataverse.changes import Call, Change, ChangeSet, Create, subject_of
from connector.dataverse.exact_json import dumps
from connector.dataverse.metadata import Metadata
from connector.dataverse.reads import ANNOTATIONS
from connector.dataverse.translation import link, parameters_to_wire, tables_named, to_wire
from connector.dataverse.transport import API


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change set, where it stood among those given, and the requests that carry it out."""

    index: int
    change_set: ChangeSet
    requests: tuple[Request, ...]

    @property
    def size(self) -> int:
        """Bytes of what it asks for."""
        return sum(len(one.target) + len((one.body or "").encode()) for one in self.requests)

    @property
    def part(self) -> Part:
        """It as a part of a batch: a call by itself is no change set, because an environment may take none in there."""
        alone = len(self.requests) == 1 and isinstance(self.change_set.changes[0], Call)
        return self.requests[0] if alone else self.requests


def chunks(prepared: Sequence[Prepared], pace: BatchPace) -> Iterator[list[Prepared]]:
    """Batches of as many operations as the pace says by then, each of one caller."""
    by_caller: dict[UUID | None, list[Prepared]] = {}
    for ready in prepared:
        by_caller.setdefault(ready.change_set.caller, []).append(ready)
    for of_one in by_caller.values():
        chunk: list[Prepared] = []
        operations = size = 0
        for ready in of_one:
            if chunk and (operations + len(ready.requests) > pace.operations or size + ready.size > MOST_BYTES):
                yield chunk
                chunk, operations, size = [], 0, 0
            chunk.append(ready)
            operations += len(ready.requests)
            size += ready.size
        yield chunk


def groups(
    chunk: Sequence[Prepared], together: int, fits: Callable[[Prepared], bool]
) -> Iterator[tuple[Prepared, ...]]:
    """The chunk in its order; of those in a row that fit, up to so many ``together``, as evenly as it goes."""
    row: list[Prepared] = []
    for ready in chunk:
        if together > 1 and fits(ready):
            row.append(ready)
            continue
        yield from _evenly(row, together)
        row = []
        yield (ready,)
    yield from _evenly(row, together)


def _evenly(row: Sequence[Prepared], together: int) -> Iterator[tuple[Prepared, ...]]:
    number = -(-len(row) // together)
    for place in range(number):
        yield tuple(row[len(row) * place // number : len(row) * (place + 1) // number])


def request_of(change: Change, metadata: Metadata, stamp: str) -> Request:
    """The request that carries out one change; ``stamp`` goes behind its path. Raises ``Misconfigured``."""
    row = subject_of(change)
    target = API.rstrip("/") + link(metadata, row)
    headers = {"Content-Type": "application/json"}
    if isinstance(change, Call):
        body = dumps(parameters_to_wire(metadata, change.parameters))
        # The row in the answer can only be read with its lookups' tables named.
        asking = {**headers, "Prefer": ANNOTATIONS}
        action = f"{target}/Microsoft.Dynamics.CRM.{change.action}" if change.is_bound else f"{API}{change.action}"
        return Request("POST", f"{action}{stamp}", asking, body)
    table = metadata.table(row.table)
    # The id stands in the address; Dataverse would let a second one in the body win.
    columns = {column: value for column, value in change.values.items() if column != table.primary_id}
    body = dumps(to_wire(metadata, table, columns, creating=isinstance(change, Create)))
    if isinstance(change, Create):
        return Request("PATCH", f"{target}{stamp}", {**headers, "If-None-Match": "*"}, body)
    if not change.etag:
        raise ValueError(f"An update of {row} needs the ETag the row was read with.")
    return Request("PATCH", f"{target}{stamp}", {**headers, "If-Match": change.etag}, body)


def tables_of(change: Change) -> set[str]:
    """The tables that must be known before it can be sent."""
    return tables_named(subject_of(change).table, change.parameters if isinstance(change, Call) else change.values)
