"""How invoices are written: as tables for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from mappings.billed import Group
from mappings.business_date import business_date
from mappings.invoice import Detail, Invoice, Line
from mappings.invoice_difference import Difference
from mappings.row import Row
from service.cli.output import Column, exact, figure, key, line, money, show, show_in_parts
from service.contracts import Contract
from service.invoice_view import Listed, Shown
from service.reconcile_report import link

_WORK = {
    "resource": "msdyn_bookableresource",
    "role": "msdyn_resourcecategory",
    "category": "msdyn_transactioncategory",
    "project": "msdyn_project",
}


def list_as_table(pages: Iterable[Sequence[Listed]], zone: ZoneInfo) -> None:
    """The list as a table in parts, as its pages come."""
    columns = (key("Invoice"), Column("Contract"), Column("Customer"), Column("Status"), key("Created"))
    show_in_parts(
        "Invoices",
        (*columns, figure("Total"), key("Id")),
        ([_cells(one, zone) for one in page] for page in pages),
        empty="There is no invoice, or none that was asked for.",
    )


def as_data(one: Listed, url: str) -> dict[str, object]:
    """A header as programs read it."""
    precision, currency = one.money
    total, tax = (one.row.number(column) or Decimal(0) for column in ("totalamount", "totaltax"))
    return {
        "id": one.row.id,
        "number": one.row.text("invoicenumber"),
        "name": one.row.text("name"),
        "contract": _contract(one.contract),
        "customer": one.named("customerid") or None,
        "owner": one.named("ownerid") or None,
        "created_by": one.named("createdby") or None,
        "created_on": None if one.created_on is None else one.created_on.isoformat(),
        "status": one.status or None,
        "total_before_tax": exact(total - tax, precision),
        "tax": exact(tax, precision),
        "total": exact(total, precision),
        "currency": currency,
        "link": link(url, one.row.ref),
    }


def shown_as_data(told: Shown, url: str, zone: ZoneInfo) -> dict[str, object]:
    """An invoice with all that is on it, as programs read it."""
    precision, _ = told.listed.money
    created = None
    if told.record is not None:
        created = {
            "record": told.record,
            "requested_by": told.requested_by,
            "outcome": told.outcome.get("outcome"),
            "expected_before_tax": told.outcome.get("expected_total"),
            "differences_then": told.outcome.get("differences", []),
        }
    return {
        **as_data(told.listed, url),
        "lines": [_line_as_data(one, told, precision, zone) for one in told.invoice.lines],
        "details_without_line": [_detail_as_data(one, told, precision, zone) for one in told.invoice.loose],
        "warning": told.invoice.warning,
        "created_by_this_service": created,
        "differences_now": [one.as_data() for one in told.differences],
    }


def shown_as_table(told: Shown, url: str, zone: ZoneInfo) -> None:
    """An invoice as headline, lines, details and differences."""
    one, invoice = told.listed, told.invoice
    precision, currency = one.money
    line(f"Invoice {one.number}: {one.status or 'unknown status'}", style="bold")
    line(link(url, one.row.ref))
    if one.contract is not None:
        line(f"Contract {one.contract.displayed}")
    said = [("Customer", "customerid"), ("Owner", "ownerid"), ("Created by", "createdby")]
    line(", ".join(f"{what} {name}" for what, column in said if (name := one.named(column))))
    if invoice.warning:
        line(invoice.warning)
    groups = (figure("Chargeable"), figure("Complimentary"), figure("Non-chargeable"))
    show(
        "Lines",
        (Column("Line"), figure("Details"), *groups, figure("Amount"), figure("Tax")),
        [_line_cells(each, precision, currency) for each in invoice.lines],
        ("Total", str(len(invoice.details)), "", "", "", *_totals(invoice, precision, currency)),
        empty="It has no lines.",
    )
    columns = (key("Date"), Column("What"), Column("Billing type"), figure("Quantity"), figure("Price"))
    for each in invoice.lines:
        if each.details:
            cells = [_detail_cells(detail, told.works, precision, zone) for detail in _grouped(each)]
            show_in_parts(each.name, (*columns, figure("Amount"), key("Comes of")), [cells], empty="")
    _tell_differences(told)


def differences_as_table(title: str, differences: Sequence[Difference], *, empty: str) -> None:
    """How an invoice differs, both sides of each."""
    show(
        title,
        (Column("What"), Column("Why"), figure("Expected"), figure("Found")),
        [(one.what, one.why, one.expected, one.found) for one in differences],
        empty=empty,
    )


def _tell_differences(told: Shown) -> None:
    if told.record is None:
        line("It was not created by this service, or its record is gone.")
        return
    then = told.outcome.get("outcome")
    line(f"Created for {told.requested_by}; recorded then: {then}.")
    differences_as_table(
        "How it differs now from what was expected", told.differences, empty="Nothing differs from what was expected."
    )


def _cells(one: Listed, zone: ZoneInfo) -> tuple[str, ...]:
    precision, currency = one.money
    created = "" if one.created_on is None else str(business_date(one.created_on, zone))
    contract = "" if one.contract is None else one.contract.displayed
    total = money(one.row.number("totalamount") or Decimal(0), precision, currency)
    return (one.number, contract, one.named("customerid"), one.status, created, total, str(one.row.id))


def _line_cells(one: Line, precision: int, currency: str) -> tuple[str, ...]:
    sums = [one.comes_to(group) for group in (Group.CHARGEABLE, Group.COMPLIMENTARY, Group.NON_CHARGEABLE)]
    return (
        one.name,
        str(len(one.details)) if one.is_project else "",
        *(f"{sum_:,.{precision}f}" if one.is_project else "" for sum_ in sums),
        money(one.amount, precision, currency),
        money(one.tax, precision, currency),
    )


def _totals(invoice: Invoice, precision: int, currency: str) -> tuple[str, str]:
    return money(invoice.amount, precision, currency), money(invoice.tax, precision, currency)


def _detail_cells(
    detail: Detail, works: Mapping[UUID, Mapping[str, str]], precision: int, zone: ZoneInfo
) -> tuple[str, ...]:
    work = ", ".join(works.get(detail.row.id, {}).values())
    what = ": ".join(part for part in (detail.row.text("msdyn_description"), work) if part)
    return (
        _day(detail.row, zone),
        what,
        detail.group.value,
        f"{detail.quantity:,.2f}",
        f"{detail.price:,.{precision}f}",
        f"{detail.amount:,.{precision}f}",
        "" if detail.source is None else str(detail.source.id),
    )


def _grouped(one: Line) -> list[Detail]:
    """Its details as the product groups them, each group in the order of their days."""
    order = list(Group)
    return sorted(one.details, key=lambda detail: order.index(detail.group))


def _line_as_data(one: Line, told: Shown, precision: int, zone: ZoneInfo) -> dict[str, object]:
    return {
        "id": one.row.id,
        "name": one.name,
        "contract_line": one.contract_line,
        "kind": "project" if one.is_project else "product",
        "quantity": None if one.is_project else str(one.row.number("quantity") or 0),
        "price": None if one.is_project else exact(one.row.number("priceperunit") or Decimal(0), precision),
        **{group.value.replace("-", "_"): exact(one.comes_to(group), precision) for group in Group if one.is_project},
        "amount_before_tax": exact(one.amount, precision),
        "tax": exact(one.tax, precision),
        "details": [_detail_as_data(detail, told, precision, zone) for detail in _grouped(one)],
    }


def _detail_as_data(detail: Detail, told: Shown, precision: int, zone: ZoneInfo) -> dict[str, object]:
    work = told.works.get(detail.row.id, {})
    return {
        "id": detail.row.id,
        "dated": _day(detail.row, zone) or None,
        "what": detail.row.text("msdyn_description"),
        **{name: work.get(column) for name, column in _WORK.items()},
        "billing_type": detail.group.value,
        "quantity": str(detail.quantity),
        "price": exact(detail.price, precision),
        "amount": exact(detail.amount, precision),
        "comes_of": None if detail.source is None else {"table": detail.source.table, "id": detail.source.id},
    }


def _contract(contract: Contract | None) -> dict[str, object] | None:
    return None if contract is None else {"id": contract.id, "number": contract.number, "name": contract.name}


def _day(row: Row, zone: ZoneInfo) -> str:
    when = row.instant("msdyn_startdatetime")
    return "" if when is None else str(business_date(when, zone))
