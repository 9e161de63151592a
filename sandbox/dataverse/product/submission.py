"""Submitting entries."""

from __future__ import annotations

from uuid import UUID

from sandbox.dataverse.product import contract_lines, entries, journal_lines, pricing
from sandbox.dataverse.product.cells import existing, filled, key, link, linked, text
from sandbox.dataverse.product.choices import Stage
from sandbox.dataverse.product.entries import Entry, EntryKind
from sandbox.dataverse.product.pricing import Price
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row, UnitOfWork


def submit(
    work: UnitOfWork,
    kind: EntryKind,
    id: UUID,
    approval_id: UUID | None = None,
    switches: Switches | None = None,
) -> UUID:
    """Submit a Draft (or returned) entry: status Submitted, journal lines, and the approval row whose id is returned.

    The approval row has room for one currency but two prices. It carries the contract's currency when a time and
    material line covers the entry, else the currency of the cost; ``msdyn_costprice`` is always the number in the
    currency of the cost, ``msdyn_salesprice`` the number in the contract's. Only when those two differ does the row
    hold a price that is not in its own currency, and then rounded to the decimals of the row's.

    An entry without a project (vacation, absence, other time) gets its approval, without prices, and no journal lines.
    """
    work.lock(kind.table, id)
    environment = switches or Switches()
    entry = entries.read(work, kind, id)
    if entry.status not in (kind.draft, kind.returned):
        raise Refused(f"This {kind.noun} can't be submitted because it isn't a draft.")
    if entry.resource is None:
        raise Refused(f"This {kind.noun} can't be submitted because it names no bookable resource.")
    coverage = contract_lines.covering(work, entry)
    cost = pricing.cost_price(environment, work, entry)
    sales = None if cost is None else pricing.sales_price(environment, work, entry, coverage, cost)
    reference = None if cost is None else journal_lines.write(environment, work, entry, coverage, cost, sales)
    values = _approval(work, entry) | _prices(entry, cost, sales) | {"msdyn_billingtype": coverage.billing_type}
    if reference is not None:
        values["msdyn_referencejournalline"] = Link("msdyn_journalline", reference)
    approval = work.create("msdyn_projectapproval", filled(values), approval_id)
    entries.move(environment, work, entry, kind.submitted)
    return approval


def open_approval(work: UnitOfWork, kind: EntryKind, id: UUID) -> Row | None:
    """The entry's approval row that is still to be decided."""
    waiting: dict[str, Cell] = {kind.approval_lookup: Link(kind.table, id), "msdyn_recordstage": Stage.SUBMITTED}
    return next(iter(work.find("msdyn_projectapproval", **waiting)), None)


def _approval(work: UnitOfWork, entry: Entry) -> dict[str, Cell]:
    resource = existing(work, "bookableresource", entry.resource)
    project = None if entry.project is None else existing(work, "msdyn_project", entry.project)
    subject = "No project" if project is None else text(project, "msdyn_subject")
    return {
        "msdyn_name": f"{text(resource, 'name')}, {subject}"[:100],
        "msdyn_recordstage": Stage.SUBMITTED,
        "msdyn_entrytype": entry.kind.entry_type,
        entry.kind.approval_lookup: Link(entry.kind.table, entry.id),
        "msdyn_date": entry.day,
        "msdyn_costquantity": entry.quantity,
        "msdyn_salesquantity": entry.quantity,
        "msdyn_submittedby": Link("bookableresource", key(resource, "bookableresource")),
        "msdyn_bookableresource": Link("bookableresource", key(resource, "bookableresource")),
        "msdyn_manager": _approver(work, resource, project),
        "msdyn_project": _to("msdyn_project", entry.project),
        "msdyn_projecttask": _to("msdyn_projecttask", entry.task),
        "msdyn_resourcecategory": _to("bookableresourcecategory", entry.role),
        "msdyn_expensecategory": _to("msdyn_expensecategory", entry.expense_category),
        "msdyn_transactioncategory": _to("msdyn_transactioncategory", entry.category),
        "msdyn_internalcomments": entry.internal_comment[:100] or None,
        "msdyn_externalcomments": entry.external_comment[:100] or None,
    }


def _prices(entry: Entry, cost: Price | None, sales: Price | None) -> dict[str, Cell]:
    if cost is None:
        return {}
    values: dict[str, Cell] = {
        "msdyn_costprice": cost.per_unit,
        "msdyn_costamount": cost.currency.extended(entry.quantity, cost.per_unit),
        "transactioncurrencyid": Link("transactioncurrency", cost.currency.id),
    }
    if sales is not None:
        values |= {
            "msdyn_salesprice": sales.per_unit,
            "msdyn_salesamount": sales.currency.extended(entry.quantity, sales.per_unit),
            "transactioncurrencyid": Link("transactioncurrency", sales.currency.id),
        }
    return values


def _approver(work: UnitOfWork, resource: Row, project: Row | None) -> Link | None:
    """The project's manager, or for an entry without a project the manager of whoever submits it."""
    if project is not None:
        return link(project, "msdyn_projectmanager")
    user = linked(resource, "userid")
    row = None if user is None else work.get("systemuser", user)
    return None if row is None else link(row, "parentsystemuserid")


def _to(table: str, id: UUID | None) -> Link | None:
    return None if id is None else Link(table, id)
