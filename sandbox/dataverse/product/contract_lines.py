"""Which contract line an entry bills to, and whether it may be charged there."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sandbox.dataverse.product.cells import existing, key, linked
from sandbox.dataverse.product.choices import BillingMethod, BillingType
from sandbox.dataverse.product.entries import TIME, Entry
from sandbox.dataverse.unit_of_work import Link, Row, UnitOfWork


@dataclass(frozen=True, slots=True)
class Coverage:
    """What covers an entry: a contract line with its contract, or neither."""

    line: Row | None
    contract: Row | None
    billing_type: int

    @property
    def time_and_material(self) -> bool:
        """Whether approval of the entry is to become unbilled sales."""
        return self.line is not None and self.line.get("msdyn_billingmethod") == BillingMethod.TIME_AND_MATERIAL


def covering(work: UnitOfWork, entry: Entry) -> Coverage:
    """The one line of the entry's project that includes its class; the pair must be unique (PSA/basic-quote-lines).

    No line, or two that claim the entry: none covers it and the billing type is Not Available. On a covered entry the
    billing type follows the role or category as the line sets it, else as its master row does; any "non" wins
    (configure-chargeable-components-contract-line). The same is done on a fixed price line, which is inferred.
    """
    if entry.project is None:
        return Coverage(None, None, BillingType.NOT_AVAILABLE)
    candidates = work.find("salesorderdetail", msdyn_project=Link("msdyn_project", entry.project))
    including = [line for line in candidates if line.get(entry.kind.included_by) is True]
    if len(including) != 1:
        return Coverage(None, None, BillingType.NOT_AVAILABLE)
    line = including[0]
    contract = existing(work, "salesorder", linked(line, "salesorderid"))
    return Coverage(line, contract, _billing_type(work, entry, key(line, "salesorderdetail")))


def _billing_type(work: UnitOfWork, entry: Entry, line: UUID) -> int:
    if entry.kind is TIME:
        role = "msdyn_resourcecategory"
        setting = _setting(work, "msdyn_orderlineresourcecategory", role, "bookableresourcecategory", line, entry.role)
    else:
        category = "msdyn_transactioncategory"
        setting = _setting(work, "msdyn_orderlinetransactioncategory", category, category, line, entry.category)
    return BillingType.NON_CHARGEABLE if setting == BillingType.NON_CHARGEABLE else BillingType.CHARGEABLE


def _setting(work: UnitOfWork, on_line: str, column: str, master: str, line: UUID, component: UUID | None) -> object:
    """The billing type set for a role or category: the line's own setting, else the master row's."""
    if component is None:
        return None
    of_line = {"msdyn_contractlineid": Link("salesorderdetail", line), column: Link(master, component)}
    for row in work.find(on_line, **of_line):
        if row.get("msdyn_billingtype") is not None:
            return row["msdyn_billingtype"]
    row_of_master = work.get(master, component)
    return None if row_of_master is None else row_of_master.get("msdyn_billingtype")
