"""The product's invoice in a fake Dataverse: a line per contract line, a detail per actual or milestone, and sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

from connector.dataverse.changes import Reference
from tests.handlers.fake_dataverse import Cells, Rows

ACTUAL, MILESTONE, PRODUCT = "msdyn_actual", "msdyn_contractlinescheduleofvalue", "salesorderdetail"
DETAIL = "msdyn_invoicelinetransaction"
CHARGEABLE = 192350001
_NOTHING = Decimal(0)


def draw_up(
    rows: Rows,
    invoice: Reference,
    contract: Reference,
    taken: Sequence[Reference],
    fresh: Callable[[str], Reference],
) -> None:
    """Put everything that was taken on the invoice, and move it on; rows without a line stand on the first one."""
    project = [
        row for row, cells in rows.of(PRODUCT).items() if cells["salesorderid"] == contract and _is_project(cells)
    ]
    on: dict[UUID | None, Reference] = {}
    sums: dict[Reference, tuple[Decimal, Decimal]] = {}
    for line in project:
        made = on[line.id] = fresh("invoicedetail")
        sums[made] = (_NOTHING, _NOTHING)
        rows.put(made, {"invoiceid": invoice, "salesorderdetailid": line, "producttypecode": 5})
    for row in taken:
        cells = rows.cells[row]
        if row.table == PRODUCT:
            made = fresh("invoicedetail")
            tax = cells.get("tax") or _NOTHING
            sums[made] = ((cells.get("extendedamount") or _NOTHING) - tax, tax)
            kept = {name: cells.get(name) for name in ("producttypecode", "quantity", "priceperunit")}
            rows.put(made, {"invoiceid": invoice, "salesorderdetailid": row, **kept})
            rows.put(row, {"msdyn_billingstatus": 192350001})
            continue
        named = cells.get("msdyn_salescontractlineid") or cells.get("msdyn_contractlineid")
        place = on.get(named.id if named else None) or next(iter(on.values()), None)
        net, tax = _detail(rows, invoice, place, row, fresh)
        if place is not None:
            sums[place] = (sums[place][0] + net, sums[place][1] + tax)
        else:
            sums[invoice] = (sums.get(invoice, (_NOTHING, _NOTHING))[0] + net, tax)
    for made, (net, tax) in sums.items():
        if made != invoice:
            rows.put(made, {"extendedamount": net + tax, "tax": tax})
    net, tax = (sum((pair[n] for pair in sums.values()), _NOTHING) for n in (0, 1))
    rows.put(invoice, {"totalamount": net + tax, "totaltax": tax})


def _detail(
    rows: Rows, invoice: Reference, place: Reference | None, row: Reference, fresh: Callable[[str], Reference]
) -> tuple[Decimal, Decimal]:
    """A detail of an actual or a milestone, tied to it; what it adds to its line and to the tax."""
    cells, detail, amount = rows.cells[row], fresh(DETAIL), rows.cells[row].get("msdyn_amount") or _NOTHING
    values: Cells = {"msdyn_invoice": invoice, "msdyn_invoicelineid": place, "msdyn_amount": amount}
    if row.table == MILESTONE:
        values |= {
            "msdyn_transactionclassification": 192350003,
            "msdyn_billingtype": CHARGEABLE,
            "msdyn_quantity": Decimal(1),
            "msdyn_price": amount,
            "msdyn_salescontractlineid": cells.get("msdyn_contractlineid"),
        }
        tie: Cells = {"msdyn_origin": str(row.id), "msdyn_origintype": row.table}
        tie |= {"msdyn_transaction": str(detail.id), "msdyn_transactiontype": DETAIL}
        rows.put(fresh("msdyn_transactionorigin"), tie)
        rows.put(row, {"msdyn_invoicestatus": 192350002})
    else:
        kept = ("msdyn_billingtype", "msdyn_quantity", "msdyn_price", "msdyn_salescontractlineid", "msdyn_description")
        values |= {name: cells.get(name) for name in kept}
        tie = {"msdyn_transaction1": str(detail.id), "msdyn_transaction1type": DETAIL}
        tie |= {"msdyn_transaction2": str(row.id), "msdyn_transaction2type": row.table}
        rows.put(fresh("msdyn_transactionconnection"), tie)
        rows.put(row, {"msdyn_billingstatus": 192350001})
    rows.put(detail, values)
    counts = amount if values["msdyn_billingtype"] == CHARGEABLE else _NOTHING
    return counts, cells.get("msdyn_tax") or _NOTHING


def _is_project(cells: Cells) -> bool:
    return bool(cells.get("producttypecode") == 5)
