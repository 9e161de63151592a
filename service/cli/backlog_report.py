"""How backlogs and their totals are written: as tables for people, as JSON and CSV for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from mappings.backlog import Backlog
from service.backlog_totals import Age, Total, Totals
from service.backlog_view import BacklogLine
from service.cli.output import Column, exact, figure, key, money, show, show_in_parts
from service.contracts import Contract
from service.fixed_price_view import FixedPriceLine

TITLES = {
    Backlog.TIME_AND_MATERIAL: "Time and material",
    Backlog.PRODUCTS: "Products",
    Backlog.MILESTONES: "Milestones",
}
CSV_COLUMNS = (
    *("backlog", "id", "contract_id", "contract_number", "contract_name", "what", "resource", "role", "category"),
    *("project", "dated", "amount", "billable", "currency", "status", "may_mark", "why_not", "notes"),
)
CSV_TOTALS = (
    *("contract_id", "contract_number", "contract_name", "currency", "rows", "ready", "held", "billable"),
    *("ready_billable", *(f"age_{age.replace('-', '_')}" for age in Age)),
)
_NAMES = {
    "resource": "msdyn_bookableresource",
    "role": "msdyn_resourcecategory",
    "category": "msdyn_transactioncategory",
    "project": "msdyn_project",
}


def as_data(line: BacklogLine) -> dict[str, object]:
    """A row as programs read it."""
    return {
        "backlog": line.row.backlog,
        "id": line.id,
        "contract": _contract(line.contract),
        "what": line.what,
        **{name: line.names.get(column) for name, column in _NAMES.items()},
        "dated": line.dated,
        "amount": exact(line.row.amount, line.precision),
        "billable": exact(line.row.billable, line.precision),
        "currency": line.currency,
        "status": line.status or None,
        "may_mark": line.judgement.may_mark,
        "why_not": line.judgement.why_not,
        "notes": list(line.judgement.notes),
    }


def as_cells(line: BacklogLine) -> tuple[object, ...]:
    """A row in the order of ``CSV_COLUMNS``."""
    contract = line.contract
    return (
        line.row.backlog.value,
        line.id,
        *(("", "", "") if contract is None else (contract.id, contract.number, contract.name)),
        line.what,
        *(line.names.get(column, "") for column in _NAMES.values()),
        line.dated,
        _exact(line.row.amount, line.precision),
        _exact(line.row.billable, line.precision),
        line.currency,
        line.status,
        "yes" if line.judgement.may_mark else "no",
        line.judgement.why_not,
        " ".join(line.judgement.notes),
    )


def rows_as_table(backlog: Backlog, pages: Iterable[Sequence[BacklogLine]]) -> None:
    """A backlog as a table in parts, as its pages come."""
    columns = (Column("Contract"), key("Date"), Column("What"), figure("Billable"), key("Status"), Column("Remarks"))
    show_in_parts(
        TITLES[backlog],
        (*columns, key("Id")),
        ([_cells(line) for line in page] for page in pages),
        empty="Nothing is open or ready to invoice, or nothing that was asked for.",
    )


def totals_as_table(totals: Totals) -> None:
    """What all rows together come to, per contract and per currency; nothing without rows."""
    found = totals.by_contract()
    if not found:
        return
    columns = (Column("Contract"), figure("Rows"), figure("Ready"), figure("Held"), figure("Billable"))
    show(
        "Totals: what an invoice would bill",
        (*columns, figure("Of it ready")),
        [_total_cells(one, _displayed(one.contract)) for one in found]
        + [_total_cells(one, f"All in {one.currency}") for one in totals.by_currency()],
    )
    ages = [age for age in Age if any(one.ages[age] for one in found)]
    show(
        "Ages: days since the business date",
        (Column("Contract"), *(figure(age.value) for age in ages)),
        [_age_cells(one, _displayed(one.contract), ages) for one in found]
        + [_age_cells(one, f"All in {one.currency}", ages) for one in totals.by_currency()],
    )


def fixed_price_as_table(odd: Sequence[FixedPriceLine]) -> None:
    """The fixed-price lines that need a look; nothing where all are in order."""
    if odd:
        show(
            "Fixed-price lines that need a look",
            (Column("Contract"), Column("Line"), figure("Value"), figure("Milestones"), figure("Sum"), Column("Why")),
            [
                (
                    one.contract.displayed,
                    one.name,
                    money(one.found.agreed, one.contract.precision, one.contract.currency),
                    str(one.found.milestones),
                    money(one.found.total, one.contract.precision, one.contract.currency),
                    one.found.why,
                )
                for one in odd
            ],
        )


def summary_as_data(totals: Totals, odd: Sequence[FixedPriceLine]) -> dict[str, object]:
    """Totals per contract and per currency, with ages, and the fixed-price lines that need a look."""
    return {
        "contracts": [{"contract": _contract(one.contract), **_total(one)} for one in totals.by_contract()],
        "currencies": [_total(one) for one in totals.by_currency()],
        "fixed_price_lines": [
            {
                "contract": _contract(one.contract),
                "id": one.found.line.id,
                "name": one.name,
                "value": exact(one.found.agreed, one.contract.precision),
                "milestones": one.found.milestones,
                "sum": exact(one.found.total, one.contract.precision),
                "currency": one.contract.currency,
                "why": one.found.why,
            }
            for one in odd
        ],
    }


def totals_as_cells(totals: Totals) -> Iterator[tuple[object, ...]]:
    """The totals per contract in the order of ``CSV_TOTALS``."""
    for one in totals.by_contract():
        contract = one.contract
        yield (
            *(("", "", "") if contract is None else (contract.id, contract.number, contract.name)),
            one.currency,
            one.rows,
            one.ready,
            one.held,
            *(_exact(sum, one.precision) for sum in (one.billable, one.ready_billable, *one.ages.values())),
        )


def _cells(line: BacklogLine) -> tuple[str, ...]:
    said = line.judgement
    # That a ready row is ready already is said by its status.
    why_not = [said.why_not] if said.why_not and not (line.row.is_ready and not line.row.is_doubled) else []
    return (
        _displayed(line.contract),
        str(line.dated or ""),
        line.what,
        money(line.row.billable, line.precision, line.currency),
        line.status,
        " ".join((*why_not, *said.notes)),
        str(line.id),
    )


def _total_cells(one: Total, title: str) -> tuple[str, ...]:
    return (
        title,
        str(one.rows),
        str(one.ready),
        str(one.held),
        money(one.billable, one.precision, one.currency),
        money(one.ready_billable, one.precision, one.currency),
    )


def _age_cells(one: Total, title: str, ages: Sequence[Age]) -> tuple[str, ...]:
    return (title, *(money(one.ages[age], one.precision, one.currency) if one.ages[age] else "" for age in ages))


def _total(one: Total) -> dict[str, object]:
    return {
        "currency": one.currency,
        "rows": one.rows,
        "ready": one.ready,
        "held": one.held,
        "billable": exact(one.billable, one.precision),
        "ready_billable": exact(one.ready_billable, one.precision),
        "ages": {age.value: exact(sum, one.precision) for age, sum in one.ages.items()},
    }


def _contract(contract: Contract | None) -> dict[str, object] | None:
    return None if contract is None else {"id": contract.id, "number": contract.number, "name": contract.name}


def _displayed(contract: Contract | None) -> str:
    return "" if contract is None else contract.displayed


def _exact(amount: Decimal, precision: int) -> Decimal:
    """An amount as a number; as text, one below zero would read like a formula."""
    return Decimal(exact(amount, precision))
