"""A sandbox with approved time entries in numbers, spread over many projects or all on one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from requests import Session

from sandbox.company.builder import Builder
from sandbox.company.company import LoadedEntry
from sandbox.company.names import company_id
from sandbox.dataverse.seed import USERS
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.benchmarks.simulated import SimulatedClock
from tests.flow.world import World

FIRST = date(2026, 1, 5)
DAYS = 80
ODD_HOURS = Decimal("7.75")
TIME = "msdyn_timeentry"
WRITTEN = {
    "msdyn_actual": "msdyn_actuals",
    "msdyn_transactionorigin": "msdyn_transactionorigins",
    "msdyn_transactionconnection": "msdyn_transactionconnections",
}
"""The tables an entry's rows go into, and their entity sets."""
STAMPS = ("createdon", "modifiedon", "versionnumber", "@odata.etag")
"""What differs between two runs that did the same."""


@contextmanager
def approved(
    count: int, projects: int, odd: Callable[[int], bool] = lambda _: False
) -> Iterator[tuple[World, SimulatedClock, list[LoadedEntry]]]:
    """A world where so many entries of so many projects are approved and nothing has been made of them yet.

    All are of 8 hours, but for ``odd`` ones.
    """
    clock = SimulatedClock()
    with Sandbox(clock=clock) as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        entries = submitted(sandbox, count, projects, odd)
        for first in range(0, count, 200):
            world.approve(*entries[first : first + 200])
        yield world, clock, entries


def submitted(
    sandbox: Sandbox, count: int, projects: int, odd: Callable[[int], bool] = lambda _: False, start: int = 0
) -> list[LoadedEntry]:
    """So many entries, submitted and not yet approved; ``start``: how many there are already, on the same projects."""
    names = [f"B{number}" for number in range(projects)]
    entries: list[LoadedEntry] = []
    with sandbox.web.transaction() as work:
        builder = Builder(work, USERS["approver"])
        dollar = builder.currency("USD")
        for name in names if not start else ():
            builder.project(name, f"Benchmark {name}", dollar)
            builder.project_line(name, "C1", dollar)
        for number in range(start, start + count):
            project, resource = names[number % projects], ("Ada", "Ben")[number % 2]
            key, day = f"bench-{number}", FIRST + timedelta(days=number // projects % DAYS)
            minutes = int(60 * ODD_HOURS) if odd(number) else 480
            made = builder.submitted_time(project, resource, minutes, day, key=key)
            entries.append(LoadedEntry(key, TIME, made.id, made.approval, project, resource, day, None))
    assert all(entry.id == company_id(TIME, entry.key) for entry in entries)
    return entries


def rows_made(world: World) -> dict[str, dict[str, Any]]:
    """Every row that was made of entries, by table and id, without what differs from run to run."""
    made: dict[str, dict[str, Any]] = {}
    with Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {world.sandbox.tokens['administrator']}"
        for table, set_name in WRITTEN.items():
            page = f"{world.sandbox.dataverse}/api/data/v9.2/{set_name}"
            while page:
                answer = session.get(page, timeout=60).json()
                for row in answer["value"]:
                    kept = {name: value for name, value in row.items() if name not in STAMPS}
                    made[f"{table}/{row[f'{table}id']}"] = kept
                page = answer.get("@odata.nextLink", "")
    return made
