"""What one command to mark very many rows ready takes of memory and requests, next to one for a fifth as many."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from mappings import keys
from sandbox.company.names import company_id
from sandbox.dataverse.unit_of_work import Cell, Link, UnitOfWork
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.benchmarks.rivals import printed
from tests.flow.world import World
from tests.service.processes import clean_environment

ROWS = (1_000, 4_900)
MOST_MB = 200
CHARGEABLE, COST, SALES = 192350001, 192350000, 192350005
ACTUAL, ENTRY, ORIGIN = "msdyn_actual", "msdyn_timeentry", "msdyn_transactionorigin"


def bench_memory_for_one_command_of_very_many_rows() -> None:
    for count in ROWS:
        with Sandbox() as sandbox:
            register_command_table(World(sandbox).signed_in("administrator"))
            backlog(sandbox, count)
            done = subprocess.run(  # noqa: S603 — this very Python
                [sys.executable, "-m", "tests.benchmarks.marking", sandbox.dataverse, sandbox.token],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
                env=clean_environment(),
                check=True,
            )
            cost = json.loads(done.stdout)
            printed(way="one-marking", rows=count, **{name: round(told, 1) for name, told in cost.items()})
            assert cost["marked"] == count
            assert cost["most_mb"] < MOST_MB


def backlog(sandbox: Sandbox, count: int) -> None:
    """So many open sales on one contract, each with its cost and an entry both came from."""
    contract = company_id("salesorder", "C1")
    with sandbox.web.transaction() as work:
        sold = work.get("salesorder", contract)
        assert sold is not None
        columns: dict[str, Cell] = {
            "msdyn_billingtype": CHARGEABLE,
            "msdyn_salescontract": Link("salesorder", contract),
            "msdyn_project": Link("msdyn_project", company_id("msdyn_project", "P1")),
            "transactioncurrencyid": sold["transactioncurrencyid"],
            "msdyn_description": "Eight hours of work on what was agreed",
            "msdyn_quantity": Decimal(8),
        }
        customer: dict[str, Cell] = {"msdyn_accountcustomer": sold["customerid"]}
        for number in range(count):
            entry = company_id(ENTRY, f"marking-{number}")
            worth: dict[str, Cell] = {
                "msdyn_startdatetime": datetime(2026, 1, 5, 15, tzinfo=UTC) + timedelta(days=number % 60),
                "msdyn_amount": Decimal(1600),
            }
            cost = work.create(ACTUAL, columns | worth | {"msdyn_transactiontypecode": COST})
            sales = work.create(ACTUAL, columns | worth | customer | {"msdyn_transactiontypecode": SALES})
            for actual in (cost, sales):
                came_from(work, actual, entry)


def came_from(work: UnitOfWork, actual: UUID, entry: UUID) -> None:
    """The origin that says so."""
    work.create(
        ORIGIN,
        {
            "msdyn_origin": str(entry),
            "msdyn_origintype": ENTRY,
            "msdyn_transaction": str(actual),
            "msdyn_transactiontype": ACTUAL,
        },
        keys.origin_id(entry, actual),
    )
