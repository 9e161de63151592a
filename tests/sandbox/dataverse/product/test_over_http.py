"""The product's actions as a client of the Web API meets them, on the demo company."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.clock import Clock
from sandbox.company import CUT, Company, load
from sandbox.dataverse.product import BEFORE_DELETE, Creation, Environment, Switches, actions, guards
from sandbox.dataverse.security.privileges import assign, make_role
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api, Loop

NAMESPACE = "Microsoft.Dynamics.CRM"
READY = 192350004


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def server(loop: Loop, switches: Switches) -> Iterator[DataverseServer]:
    server = DataverseServer(Clock(), actions=actions(switches))
    server.organisation.before_delete.update(BEFORE_DELETE)
    server.organisation.before_write.update(guards(switches))
    loop.run(server.start())
    yield server
    loop.end(server.stop())


@pytest.fixture
def company(server: DataverseServer) -> Company:
    return load(server)


def approval(id: UUID) -> str:
    return f"msdyn_projectapprovals({id})"


def invoice_path(contract: UUID) -> str:
    return f"salesorders({contract})/{NAMESPACE}.msdyn_NewInvoiceContract"


def make_ready(api: Api, company: Company) -> None:
    pack = company.products["Support pack"]
    assert api("PATCH", f"salesorderdetails({pack})", json={"msdyn_billingstatus": READY}).status_code == 204


def test_the_approver_cuts_the_hours_and_approves(company: Company, as_user: Callable[[str], Api]) -> None:
    """Scenario 2, over the wire."""
    entry, paula = company.decided(CUT), as_user("approver")
    assert paula("PATCH", approval(entry.approval), json=dict(CUT.changes)).status_code == 204
    answer = paula("POST", f"{approval(entry.approval)}/{NAMESPACE}.msdyn_ApprovalStatusApprove", json={})
    assert answer.status_code == 204
    row = paula.get(approval(entry.approval))
    assert (row["msdyn_recordstage"], row["msdyn_costquantity"], row["msdyn_salesquantity"]) == (2, 8, 6)
    assert paula.get(f"msdyn_timeentries({entry.id})")["msdyn_entrystatus"] == 192350002


def test_an_approval_set_takes_a_collection_of_rows(company: Company, as_user: Callable[[str], Api]) -> None:
    paula = as_user("approver")
    entries = company.of_project("P2")
    rows = [
        {"@odata.type": f"{NAMESPACE}.msdyn_projectapproval", "msdyn_projectapprovalid": str(entry.approval)}
        for entry in entries
    ]
    body = {"ProjectApprovals": rows, "ActionType": 192350003, "NoteLogName": "March"}
    answer = paula("POST", "msdyn_ProcessProjectApprovalSets", json=body)
    assert answer.status_code == 204, answer.text
    stages = {paula.get(approval(entry.approval))["msdyn_recordstage"] for entry in entries}
    assert stages == {2}


def test_a_second_decision_is_refused_with_a_sentence(company: Company, as_user: Callable[[str], Api]) -> None:
    paula = as_user("approver")
    path = f"{approval(company.decided(CUT).approval)}/{NAMESPACE}.msdyn_ApprovalStatusApprove"
    assert paula("POST", path, json={}).status_code == 204
    status, code, message = paula.refused("POST", path, json={})
    assert (status, code) == (400, "0x80040265")
    assert message == "This time entry can't be approved because it isn't waiting for approval."


def test_creating_an_invoice_returns_it(company: Company, as_user: Callable[[str], Api]) -> None:
    clerk = as_user("clerk")
    make_ready(clerk, company)
    answer = clerk("POST", invoice_path(company.contracts["C3"]), json={})
    assert answer.status_code == 200, answer.text
    invoice = answer.json()
    assert invoice["totalamount"] == 300
    assert invoice["name"] == "Northwind support"
    stored = clerk.get(f"invoices({invoice['invoiceid']})")
    assert stored["msdyn_projectinvoicestatus"] == 192350000


def test_milestones_are_invoiced_in_the_currency_of_the_contract(
    company: Company, as_user: Callable[[str], Api]
) -> None:
    clerk = as_user("clerk")
    milestone = company.milestones["Design accepted"]
    path = f"msdyn_contractlinescheduleofvalues({milestone})"
    assert clerk("PATCH", path, json={"msdyn_invoicestatus": 192350001}).status_code == 204
    invoice = clerk("POST", invoice_path(company.contracts["C2"]), json={}).json()
    contract = clerk.get(f"salesorders({company.contracts['C2']})")
    assert invoice["totalamount"] == 5000
    assert invoice["_transactioncurrencyid_value"] == contract["_transactioncurrencyid_value"]
    assert clerk.get(path)["msdyn_invoicestatus"] == 192350002


def test_an_empty_contract_is_refused_in_the_products_words(company: Company, as_user: Callable[[str], Api]) -> None:
    """Scenario 36, over the wire."""
    status, _, message = as_user("clerk").refused("POST", invoice_path(company.contracts["C1"]), json={})
    assert status == 400
    assert message.startswith("There are no past dated transactions to invoice for this project contract.")


def test_scenario_40_two_simultaneous_requests_make_one_invoice(
    company: Company, as_user: Callable[[str], Api]
) -> None:
    """Here because writers take turns; the service must not rely on that."""
    make_ready(as_user("clerk"), company)
    callers, statuses = [as_user("clerk"), as_user("clerk")], []
    together = threading.Barrier(2)

    def create(api: Api) -> None:
        together.wait()
        statuses.append(api("POST", invoice_path(company.contracts["C3"]), json={}).status_code)

    threads = [threading.Thread(target=create, args=(api,)) for api in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 400]
    assert len(callers[0].get("invoices?$select=invoiceid")["value"]) == 1


def test_deleting_a_draft_makes_its_rows_ready_again(company: Company, as_user: Callable[[str], Api]) -> None:
    """Scenario 46, first half, over the wire."""
    clerk = as_user("clerk")
    make_ready(clerk, company)
    first = clerk("POST", invoice_path(company.contracts["C3"]), json={}).json()["invoiceid"]
    assert clerk("DELETE", f"invoices({first})").status_code == 204
    assert clerk.get(f"salesorderdetails({company.products['Support pack']})")["msdyn_billingstatus"] == READY
    assert clerk("POST", invoice_path(company.contracts["C3"]), json={}).json()["totalamount"] == 300


def test_a_submitted_entry_is_not_deleted(company: Company, as_user: Callable[[str], Api]) -> None:
    entry = company.decided(CUT).id
    status, _, message = as_user("approver").refused("DELETE", f"msdyn_timeentries({entry})")
    assert status == 400
    assert "isn't a draft" in message


def test_from_approval_to_payment_where_the_product_makes_the_actuals(
    company: Company, switches: Switches, as_user: Callable[[str], Api]
) -> None:
    switches.actuals = Creation.AT_ONCE
    entry, paula, colin = company.decided(CUT), as_user("approver"), as_user("clerk")
    assert paula("PATCH", approval(entry.approval), json=dict(CUT.changes)).status_code == 204
    approved = paula("POST", f"{approval(entry.approval)}/{NAMESPACE}.msdyn_ApprovalStatusApprove", json={})
    assert approved.status_code == 204
    actuals = paula.get("msdyn_actuals?$select=msdyn_amount,msdyn_transactiontypecode&$orderby=msdyn_amount")["value"]
    assert [row["msdyn_amount"] for row in actuals] == [400, 800, 1200]
    for row in actuals:
        if row["msdyn_transactiontypecode"] == 192350005:
            path = f"msdyn_actuals({row['msdyn_actualid']})"
            assert colin("PATCH", path, json={"msdyn_billingstatus": READY}).status_code == 204
    invoice = colin("POST", invoice_path(company.contracts["C1"]), json={}).json()["invoiceid"]
    for action, status in (("msdyn_PostInvoice", 192350002), ("msdyn_InvoicePaid", 192350003)):
        assert colin("POST", f"invoices({invoice})/{NAMESPACE}.{action}", json={}).status_code == 204
        assert colin.get(f"invoices({invoice})")["msdyn_projectinvoicestatus"] == status
    refused, _, message = colin.refused("PATCH", f"invoices({invoice})", json={"name": "Other"})
    assert (refused, "has been confirmed" in message) == (400, True)
    correction = colin("POST", f"invoices({invoice})/{NAMESPACE}.msdyn_CorrectInvoice", json={}).json()
    assert (correction["totalamount"], correction["msdyn_hascorrections"]) == (-1200, True)


def test_project_operations_refuses_an_actual_over_the_wire(
    company: Company, switches: Switches, as_user: Callable[[str], Api]
) -> None:
    switches.environment = Environment.PROJECT_OPERATIONS
    body = {
        "msdyn_description": "By hand",
        "msdyn_documentdate": "2026-02-10T05:00:00Z",
        "msdyn_startdatetime": "2026-02-10T05:00:00Z",
        "msdyn_enddatetime": "2026-02-10T05:00:00Z",
        "msdyn_transactionclassification": 192350000,
        "msdyn_transactiontypecode": 192350005,
    }
    status, _, message = as_user("service").refused("POST", "msdyn_actuals", json=body)
    assert (status, message.split(".")[0]) == (
        400,
        "The product doesn't support creating actuals either manually or through customizations",
    )


def test_what_has_no_public_columns_is_refused_as_unsupported(company: Company, as_user: Callable[[str], Api]) -> None:
    status, code, message = as_user("clerk").refused("POST", "msdyn_ReevaluateActualNotToExceedStatus", json={})
    assert (status, code) == (501, "NotSupportedBySandbox")
    assert "not-to-exceed" in message
    path = f"msdyn_expenses({company.of_project('P3')[-1].id})/{NAMESPACE}.msdyn_ExpenseApproveAction"
    assert as_user("approver")("POST", path, json={}).status_code == 204


@pytest.mark.parametrize(
    ("scenario", "method", "path", "body", "answer"),
    [
        ("13, split billing", "GET", "msdyn_projectcontractsplitbillingrules", None, (404, "0x8006088a")),
        ("34, not to exceed", "POST", "msdyn_ReevaluateActualNotToExceedStatus", {}, (501, "NotSupportedBySandbox")),
        ("34, not to exceed", "PATCH", "{actual}", {"msdyn_ntestatus": 1}, (400, "0x80048d19")),
        ("52, progress", "PATCH", "{milestone}", {"msdyn_nextinvoicepercentage": 20}, (400, "0x80048d19")),
        ("53, retainers", "PATCH", "{actual}", {"msdyn_transactionclassification": 192350006}, (400, "0x8004431a")),
    ],
)
def test_scenarios_whose_columns_nobody_published_are_refused(
    company: Company,
    as_user: Callable[[str], Api],
    scenario: str,
    method: str,
    path: str,
    body: object,
    answer: tuple[int, str],
) -> None:
    """They are left to environments that have them; here nothing stands in for them."""
    anybody = as_user("administrator")
    made = (
        anybody(
            "POST",
            "msdyn_actuals",
            json={
                "msdyn_documentdate": "2026-02-10T05:00:00Z",
                "msdyn_startdatetime": "2026-02-10T05:00:00Z",
                "msdyn_enddatetime": "2026-02-10T05:00:00Z",
                "msdyn_transactionclassification": 192350000,
                "msdyn_transactiontypecode": 192350005,
            },
        )
        .headers["OData-EntityId"]
        .rpartition("/")[2]
    )
    milestone = f"msdyn_contractlinescheduleofvalues({company.milestones['Design accepted']})"
    where = path.format(actual=made, milestone=milestone)
    status, code, _ = anybody.refused(method, where, json=body)
    assert (status, code) == answer, scenario


def test_who_may_only_read_actuals_marks_none_and_who_may_make_no_invoices_makes_none_by_schedule(
    company: Company, server: DataverseServer, switches: Switches, as_user: Callable[[str], Api]
) -> None:
    switches.environment, switches.actuals = Environment.PROJECT_OPERATIONS, Creation.AT_ONCE
    path = f"{approval(company.decided(CUT).approval)}/{NAMESPACE}.msdyn_ApprovalStatusApprove"
    assert as_user("approver")("POST", path, json={}).status_code == 204
    clerk = as_user("clerk")
    sales = clerk.get("msdyn_actuals?$filter=msdyn_transactiontypecode eq 192350005")["value"]
    with server.transaction() as work:
        rights = {
            "msdyn_actual": {"Read": 8},
            "salesorder": {"Read": 8, "Write": 8},
            "invoice": {"Read": 8, "Write": 8},
        }
        assign(work, USERS["clerk"], make_role(work, "Reader", rights))
    body = {"Actuals": [{"msdyn_actualid": sales[0]["msdyn_actualid"]}], "ReadyToInvoice": True}
    status, _, message = clerk.refused("POST", "msdyn_MarkActualReadyToInvoiceOrNot", json=body)
    assert (status, "prvWritemsdyn_actual" in message) == (403, True)
    contract = f"salesorders({company.contracts['C1']})/{NAMESPACE}"
    for action in ("msdyn_NewInvoiceContract", "msdyn_createinvoicefrominvoiceschedule"):
        status, _, message = clerk.refused("POST", f"{contract}.{action}", json={})
        assert (status, "prvCreateInvoice" in message) == (403, True)
    with server.transaction() as work:
        assign(work, USERS["clerk"], make_role(work, "Biller", {"msdyn_actual": {"Read": 8, "Write": 8}}))
    assert clerk("POST", "msdyn_MarkActualReadyToInvoiceOrNot", json=body).status_code == 204


def test_entries_are_rejected_by_their_ids_with_a_correlation_id(
    company: Company, as_user: Callable[[str], Api]
) -> None:
    entry, paula = company.decided(CUT), as_user("approver")
    body = {"TimeEntryIds": str(entry.id), "CorrelationId": "42"}
    assert paula("POST", "msdyn_TimeEntriesReject", json=body).status_code == 204
    assert paula.get(f"msdyn_timeentries({entry.id})")["msdyn_entrystatus"] == 192350001
    status, _, message = paula.refused("POST", "msdyn_TimeEntriesApprove", json=body)
    assert (status, "isn't waiting for approval" in message) == (400, True)
    assert paula.refused("POST", "msdyn_TimeEntriesPendingApproval", json={})[0] == 501
