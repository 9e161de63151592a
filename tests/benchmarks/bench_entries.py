"""How many requests and how much time an approved entry costs: ours in one batch, ours one by one, a request per row.

No time is asserted, for it is this machine's; that all three leave the same number of rows is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.company.company import LoadedEntry
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.benchmarks.counting import Traffic, counted
from tests.benchmarks.rivals import (
    Recorder,
    Row,
    a_request_per_row,
    in_one_batch,
    one_by_one,
    printed,
    row_counts,
    rows_by_entry,
)
from tests.flow.world import World

ENTRIES = 20


@dataclass(frozen=True)
class Result:
    """What one way cost, and what it left behind."""

    traffic: Traffic
    seconds: float
    row_counts: dict[str, int]


def bench_the_same_entries_in_one_batch_one_by_one_and_by_a_request_per_row() -> None:
    rows = rows_the_service_writes()

    ours = measured(in_one_batch)
    single = measured(one_by_one)
    plain = measured(lambda world, entries: a_request_per_row(world, rows_by_entry(rows, entries)))

    assert ours.row_counts == single.row_counts == plain.row_counts
    for name, result in (("ours-one-batch", ours), ("ours-one-by-one", single), ("plain-request-per-row", plain)):
        printed(
            way=name,
            entries=ENTRIES,
            requests=result.traffic.requests,
            operations=result.traffic.operations,
            requests_per_entry=round(result.traffic.requests / ENTRIES, 3),
            operations_per_entry=round(result.traffic.operations / ENTRIES, 3),
            seconds_per_entry=round(result.seconds / ENTRIES, 5),
            requests_to_ours=round(result.traffic.requests / ours.traffic.requests, 2),
            operations_to_ours=round(result.traffic.operations / ours.traffic.operations, 2),
            seconds_to_ours=round(result.seconds / ours.seconds, 2),
        )


def measured(work: Callable[[World, Sequence[LoadedEntry]], None]) -> Result:
    """Do the work in a sandbox of its own; only the work is counted and timed."""
    with approved() as (world, entries):
        with counted() as traffic:
            began = time.perf_counter()
            work(world, entries)
            seconds = time.perf_counter() - began
        assert world.faults() == []
        return Result(traffic, seconds, row_counts(world))


def rows_the_service_writes() -> list[Row]:
    """What the plain client is told to write. Ids of the company are the same in every sandbox."""
    with approved() as (world, entries):
        recorder = Recorder(world.client)
        world.work_on(*entries, dataverse=recorder)
        return recorder.rows()


@contextmanager
def approved() -> Iterator[tuple[World, list[LoadedEntry]]]:
    """A fresh sandbox with ordinary time entries of one project, approved and not yet worked on."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        entries = [
            entry
            for entry in world.company.of_project("P1")
            if entry.decision is None and entry.table == "msdyn_timeentry"
        ][:ENTRIES]
        assert len(entries) == ENTRIES
        world.approve(*entries)
        yield world, entries
