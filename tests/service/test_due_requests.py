"""What calling for a due invoice, and writing back how a run went, look like on the wire, against mocked HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import responses

from connector.dataverse.changes import ChangeSet, Committed
from connector.errors import Rejected
from handlers.due_run import DueRunHandler, RunFacts
from handlers.invoice_facts import InvoiceFacts
from handlers.invoicing import InvoicingHandler
from handlers.plan import Plan
from handlers.recorded import InvoiceCalls, Mode
from handlers.rows import reference
from mappings import keys, tables
from mappings.backlog import Backlog, BacklogRow
from mappings.invoice import Invoice
from mappings.invoice_verification import Contents
from mappings.messages import CreateInvoices
from mappings.row import Row
from mappings.schedule import DueRun
from mappings.tables import Cell, Ref
from sandbox.world import Sandbox
from service.registration import register_command_table
from tests.flow.world import World
from tests.service.test_invoice_requests import batch, done, told

CONTRACT, LINE, FIXED, ROW, MILESTONE, INVOICE = (UUID(int=number, version=4) for number in range(1, 7))
DAY, ZONE, NOW = date(2026, 3, 2), ZoneInfo("America/New_York"), datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = DueRun(CONTRACT, DAY, (ROW,), ((LINE, date(2026, 3, 1)),), (MILESTONE,), ((MILESTONE, FIXED),))
COMMAND = CreateInvoices(command=RUN.command(0), requested_by="clerk", contract=CONTRACT)
ATTEMPT, LEASE = keys.attempt_id(CONTRACT, COMMAND.command), keys.lease_id(CONTRACT)
OF_MILESTONE = keys.schedule_row_id(MILESTONE)
SCHEDULES = "/msdyn_contractlineinvoiceschedules"
FAILED, SUCCESSFUL = 192350002, 192350001


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A client that has learned the tables it writes to."""
    with Sandbox() as sandbox:
        world = World(sandbox)
        register_command_table(world.signed_in("administrator"))
        world.client.metadata.learn(
            {"salesorder", "salesorderdetail", tables.SCHEDULE, tables.MILESTONE, tables.COMMAND, "invoice"}
        )
        yield world


def facts() -> RunFacts:
    """A line's row that failed before, with something that is ready; and a milestone without a row."""
    cells: dict[str, Cell] = {
        "msdyn_billingstatus": 192350004,
        "msdyn_billingtype": 192350001,
        "msdyn_transactiontypecode": 192350005,
        "msdyn_amount": Decimal(100),
        "msdyn_startdatetime": datetime(2026, 3, 1, 5, tzinfo=UTC),
        "msdyn_accountcustomer": Ref("account", UUID(int=9)),
        "msdyn_salescontract": Ref(tables.CONTRACT, CONTRACT),
        "msdyn_salescontractlineid": Ref(tables.CONTRACT_LINE, LINE),
    }
    invoice = InvoiceFacts(
        contract=Row(Ref(tables.CONTRACT, CONTRACT), 'W/"1"', {}),
        attempt=None,
        lease=Row(Ref(tables.COMMAND, LEASE), 'W/"7"', {"psac_mark": 3}),
        ready=(BacklogRow(Backlog.TIME_AND_MATERIAL, Row(Ref(tables.ACTUAL, UUID(int=8)), 'W/"2"', cells)),),
        contents=None,
        now=NOW,
    )
    return RunFacts(invoice, {ROW: Row(Ref(tables.SCHEDULE, ROW), 'W/"5"', {"msdyn_invoicerunstatus": FAILED})})


def planned(about: RunFacts, refusals: Any = None) -> tuple[ChangeSet, ...]:
    decision = DueRunHandler(RUN, InvoicingHandler(lambda: NOW, ZONE)).decide(COMMAND, about, refusals or {})
    assert isinstance(decision, Plan)
    return decision.change_sets


def bodies(request: Any) -> list[Any]:
    """The JSON objects a batch carries."""
    return [json.loads(one) for one in re.findall(r"(?m)^(\{.*\})\r?$", str(request, "utf-8"))]


CALL = f"POST /salesorders({CONTRACT})/Microsoft.Dynamics.CRM.msdyn_createinvoicefrominvoiceschedule?tag=psa-connector"
RECORD = [
    f"PATCH /psac_commands({ATTEMPT})?tag=psa-connector",
    "If-None-Match: *",
    f"PATCH /psac_commands({LEASE})?tag=psa-connector",
    'If-Match: W/"7"',
    f"PATCH {SCHEDULES}({OF_MILESTONE})?tag=psa-connector",
    "If-None-Match: *",
    f"PATCH {SCHEDULES}({ROW})?tag=psa-connector",
    'If-Match: W/"5"',
]


def test_record_rows_and_call_are_one_change_set_and_the_call_names_the_rows_of_the_run(world: World) -> None:
    with responses.RequestsMock() as http:
        http.post(f"{world.sandbox.dataverse}/api/data/v9.2/$batch", **batch(done(5)))
        assert InvoiceCalls(world.client, lambda: Mode.FENCE).commit(planned(facts())) == [Committed((None,) * 5)]
        (call,) = http.calls
    assert told(call.request.body) == [*RECORD, CALL]
    attempt, _, made, reset, given = bodies(call.request.body)
    noted = json.loads(attempt["psac_selection"])["due"]
    assert (noted["day"], noted["rows"], noted["command"]) == ("2026-03-02", [str(ROW)], str(COMMAND.command))
    assert made == {
        "msdyn_name": "2026-03-02",
        "msdyn_ContractLineId@odata.bind": f"/salesorderdetails({FIXED})",
        "msdyn_ContractLineScheduleOfValue@odata.bind": f"/msdyn_contractlinescheduleofvalues({MILESTONE})",
        "msdyn_invoicerundate": "2026-03-02T05:00:00Z",
        "msdyn_transactioncutoffdate": "2026-03-01T05:00:00Z",
        "msdyn_invoicerunstatus": 192350000,
    }
    assert reset == {"msdyn_invoicerunstatus": 192350000}
    of_type = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_contractlineinvoiceschedule"}
    assert given == {
        "InvoiceSchedules": [
            of_type | {"msdyn_contractlineinvoicescheduleid": str(id)} for id in sorted((ROW, OF_MILESTONE))
        ]
    }


def test_how_a_run_went_is_written_into_its_row_as_it_was_read(world: World) -> None:
    refused = {reference(Ref(tables.COMMAND, ATTEMPT)): Rejected("0x80040265", "Time-out.")}
    not_run = Row(Ref(tables.SCHEDULE, ROW), 'W/"6"', {"msdyn_invoicerunstatus": 192350000})
    refused_facts = RunFacts(facts().invoice, {ROW: not_run})
    header = Row(Ref(tables.INVOICE, INVOICE), 'W/"3"', {})
    called = Row(Ref(tables.COMMAND, ATTEMPT), 'W/"8"', {"psac_state": "called"})
    done_facts = RunFacts(InvoiceFacts(None, called, None, (), Contents((Invoice(header),)), NOW), {ROW: not_run})
    with responses.RequestsMock() as http:
        http.post(f"{world.sandbox.dataverse}/api/data/v9.2/$batch", **batch(done(1)))
        http.post(f"{world.sandbox.dataverse}/api/data/v9.2/$batch", **batch(done(1)))
        world.client.commit(planned(refused_facts, refused))
        world.client.commit(planned(done_facts))
        sent = [call.request.body for call in http.calls]
    for one in sent:
        assert told(one) == [f"PATCH {SCHEDULES}({ROW})?tag=psa-connector", 'If-Match: W/"6"']
    assert [bodies(one) for one in sent] == [
        [{"msdyn_invoicerunstatus": FAILED}],
        [{"msdyn_invoicerunstatus": SUCCESSFUL, "msdyn_Invoice@odata.bind": f"/invoices({INVOICE})"}],
    ]
