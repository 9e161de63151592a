"""An explained entry as JSON; its shape is stable and described in docs/how-actuals-are-made.md."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum

from handlers.explanation import HeldRow, PlannedRow
from handlers.plan import Refuse
from mappings.choices import BillingStatus, BillingType, TransactionType
from mappings.comparison import Finding
from mappings.entry import Approval, Entry
from mappings.tables import CURRENCY, Cell, Ref
from service.explaining import Explained
from service.explanation_in_words import choice, entry_of, kind, project_of, state, word, worth
from service.reconcile_report import link


def plain(told: Explained) -> dict[str, object]:
    """The explanation as JSON takes it; figures as strings."""
    explanation = told.explanation
    entry, unknown = entry_of(told), explanation.unknown
    return {
        "entry": {
            "table": explanation.entry.table,
            "id": str(explanation.entry.id),
            "link": link(told.url, explanation.entry),
            **(_entry_data(told, entry) if entry is not None else {}),
        },
        "approvals": [_approval(told, one) for one in (explanation.facts.approvals if explanation.facts else ())],
        "creator": told.creator,
        "decisions": [
            {
                "decision": kind(one),
                "code": one.code if isinstance(one, Refuse) else None,
                "sentence": one.sentence if isinstance(one, Refuse) else one.because,
            }
            for one in explanation.decisions
        ],
        "unknown": None if unknown is None else {"code": unknown.code, "sentence": unknown.sentence},
        "planned": [_planned(told, one) for one in explanation.planned],
        "ledger": [_held(told, one) for one in explanation.held],
        "differences": [_difference(told, one) for one in explanation.findings],
    }


def _entry_data(told: Explained, entry: Entry) -> dict[str, object]:
    rows = {
        "project": project_of(entry),
        "task": entry.task,
        "role": entry.role,
        "category": entry.category,
        "resource": entry.resource,
    }
    return {
        "class": word(entry.transaction_class),
        "stage": entry.stage.name.lower().replace("_", "-"),
        "day": entry.business_day(told.zone).isoformat(),
        "time_zone": told.zone.key,
        "quantity": str(entry.quantity),
        "amount": None if entry.amount is None else str(entry.amount),
        **{word: _plain(told, row) for word, row in rows.items()},
    }


def _approval(told: Explained, approval: Approval) -> dict[str, object]:
    return {
        "id": str(approval.ref.id),
        "link": link(told.url, approval.ref),
        "stage": word(approval.stage),
        "approved_on": _plain(told, approval.approved_on),
        "submitted": _plain(told, approval.cost_quantity),
        "billable": _plain(told, approval.sales_quantity),
        "cost_price": _plain(told, approval.cost_price),
        "sales_price": _plain(told, approval.sales_price),
        "billing_type": word(approval.billing_type) if approval.billing_type is not None else None,
        "currency": told.money(Ref(CURRENCY, approval.currency)).code if approval.currency else None,
    }


def _planned(told: Explained, row: PlannedRow) -> dict[str, object]:
    one, money = row.actual, told.money(row.actual.cells.get("transactioncurrencyid"))
    return {
        "id": str(row.row.id),
        "type": word(one.type),
        "billing_type": word(one.billing_type) if one.billing_type is not None else None,
        "quantity": f"{one.quantity:.2f}",
        "price": f"{one.price:.{money.precision}f}",
        "amount": f"{one.amount:.{money.precision}f}",
        "currency": money.code,
        "standing": row.standing.value,
        "because": list(one.because),
        "columns": {column: _plain(told, cell) for column, cell in one.cells.items()},
    }


def _held(told: Explained, held: HeldRow) -> dict[str, object]:
    quantity, price, amount = held.actual.figures
    money = told.money(held.actual.row.link("transactioncurrencyid"))
    return {
        "id": str(held.actual.id),
        "link": link(told.url, held.actual.row.ref),
        "type": choice(TransactionType, held.actual.type),
        "billing_type": choice(BillingType, held.actual.billing_type),
        "quantity": f"{quantity:.2f}",
        "price": f"{price:.{money.precision}f}",
        "amount": f"{amount:.{money.precision}f}",
        "currency": money.code,
        "state": state(held),
        "billing_status": choice(BillingStatus, held.actual.row.choice("msdyn_billingstatus")),
        "whose": held.whose.value,
        "created_by": told.name(held.by),
        "to_be_reversed": held.goes,
    }


def _difference(told: Explained, finding: Finding) -> dict[str, object]:
    amount, code = worth(told, finding)
    return {"finding": finding.kind.value, "what": finding.sentence, "amount": amount, "currency": code}


def _plain(told: Explained, cell: Cell) -> object:
    match cell:
        case Ref(table, id):
            return {"table": table, "id": str(id), "name": told.names.get(cell)}
        case datetime():
            return cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return cell.isoformat()
        case Decimal():
            return str(cell)
        case IntEnum():
            return int(cell)
        case _:
            return cell
