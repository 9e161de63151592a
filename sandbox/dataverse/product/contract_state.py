"""What happens to actuals when a project contract is confirmed, or closed as lost (sales/confirm-contract-sales).

The acts have no documented message of their own: they are the change of the contract's status reason. Only a product
that makes actuals itself does any of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sandbox.dataverse.product import entries, ledger, traces
from sandbox.dataverse.product.authority import as_product
from sandbox.dataverse.product.cells import key, linked
from sandbox.dataverse.product.choices import BillingStatus, ContractState, TransactionType
from sandbox.dataverse.product.entries import EXPENSE, TIME, Entry
from sandbox.dataverse.product.recreation import as_booked, recreate
from sandbox.dataverse.product.switches import Creation, Switches
from sandbox.dataverse.unit_of_work import Cell, Link, UnitOfWork

_REASON = "msdyn_psastatusreason"


def contract_changes(switches: Switches, work: UnitOfWork, id: UUID | None, values: Mapping[str, Cell]) -> None:
    """Asked before a contract is written: confirmed now, its actuals are made anew; lost now, unbilled ones go."""
    row = None if id is None else work.get("salesorder", id)
    if id is None or row is None or _REASON not in values or row.get(_REASON) == values[_REASON]:
        return
    if switches.actuals is Creation.NEVER:
        return
    with as_product(work):
        if values[_REASON] == ContractState.REASON_CONFIRMED:
            confirm(switches, work, id)
        elif values[_REASON] == ContractState.REASON_LOST:
            lose(switches, work, id)


def confirm(switches: Switches, work: UnitOfWork, contract: UUID) -> None:
    """Reverse the actuals of the contract's projects and make them anew; entries on an invoice are left alone."""
    for project in _projects(work, contract):
        for entry in _entries_with_actuals(work, project):
            if not ledger.is_invoiced(work, entry, also_on_a_draft=True):
                recreate(switches, work, as_booked(work, entry))


def lose(switches: Switches, work: UnitOfWork, contract: UUID) -> None:
    """Reverse the unbilled sales of the contract that are on no invoice; costs remain."""
    of_contract = Link("salesorder", contract)
    for row in work.find(
        traces.ACTUAL, msdyn_salescontract=of_contract, msdyn_transactiontypecode=TransactionType.UNBILLED_SALES
    ):
        if ledger.is_live(row) and row.get("msdyn_billingstatus") != BillingStatus.INVOICE_CREATED:
            ledger.take_back(switches, work, row)


def _projects(work: UnitOfWork, contract: UUID) -> list[UUID]:
    lines = work.find("salesorderdetail", salesorderid=Link("salesorder", contract))
    return list(dict.fromkeys(project for line in lines if (project := linked(line, "msdyn_project")) is not None))


def _entries_with_actuals(work: UnitOfWork, project: UUID) -> list[Entry]:
    found: dict[Link, Entry] = {}
    for row in work.find(traces.ACTUAL, msdyn_project=Link("msdyn_project", project)):
        if not ledger.is_live(row):
            continue
        for origin in _sources(work, Link(traces.ACTUAL, key(row, traces.ACTUAL))):
            for kind in (TIME, EXPENSE):
                if origin.table == kind.table and origin not in found:
                    found[origin] = entries.read(work, kind, origin.id)
    return list(found.values())


def _sources(work: UnitOfWork, actual: Link) -> list[Link]:
    """Where an actual came from, and where what it came from, or replaced, did."""
    found = traces.origins_of(work, actual)
    found += [Link(traces.ACTUAL, id) for id in traces.connected(work, actual, traces.ACTUAL)]
    for link in found:
        if link.table == traces.JOURNAL_LINE:
            found.extend(other for other in traces.origins_of(work, link) if other not in found)
        elif link.table == traces.ACTUAL:
            further = traces.origins_of(work, link)
            further += [Link(traces.ACTUAL, id) for id in traces.connected(work, link, traces.ACTUAL)]
            found.extend(other for other in further if other not in found)
    return found
