"""What the tests of entries ask of outcomes and books, and how somebody else writes into the latter."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from connector.dataverse.changes import Reference
from connector.errors import Rejected, Transient
from handlers.fixed_point import Unsettled
from handlers.plan import NOT_YET, ON_DRAFT
from mappings.tables import Ref
from tests.handlers.world import CHARGEABLE, CONTRACT, COST, CUSTOMER, PROJECT, UNBILLED, USD, World

EIGHT_HOURS = [(COST, CHARGEABLE, "8.00", "800.00"), (UNBILLED, CHARGEABLE, "8.00", "1600.00")]
ADJUSTED, UNADJUSTABLE = 192350001, 192350002


def refused(outcome: object) -> Rejected:
    """The refusal an outcome holds."""
    assert isinstance(outcome, Unsettled)
    assert isinstance(outcome.failure, Rejected)
    return outcome.failure


def not_yet(outcome: object) -> bool:
    """Whether the reading was in flux."""
    return (
        isinstance(outcome, Unsettled)
        and isinstance(outcome.failure, Transient)
        and outcome.failure.code in (NOT_YET, ON_DRAFT)
    )


def write(world: World, entry: Ref, kind: int, id: Reference | None = None, **cells: object) -> Reference:
    """Somebody else writes an actual and ties it to the entry."""
    actual = id or world.fresh("msdyn_actual")
    price = Decimal(200 if kind == UNBILLED else 100)
    figures = {"msdyn_quantity": Decimal(8), "msdyn_price": price, "msdyn_amount": 8 * price}
    customer = {"msdyn_accountcustomer": CUSTOMER} if kind == UNBILLED else {}
    fixed = {"msdyn_transactiontypecode": kind, "msdyn_billingtype": CHARGEABLE, "msdyn_project": PROJECT}
    world.dataverse.put(
        actual, **(figures | customer | fixed | {"msdyn_salescontract": CONTRACT, "transactioncurrencyid": USD} | cells)
    )
    world.dataverse.put(
        world.fresh("msdyn_transactionorigin"),
        msdyn_origin=str(entry.id),
        msdyn_origintype=entry.table,
        msdyn_transaction=str(actual.id),
        msdyn_transactiontype="msdyn_actual",
    )
    return actual


def in_balance(world: World, entry: Ref) -> bool:
    """Every row that was taken back has exactly one counterpart, and the pairs cancel out."""
    gone = [c for c in world.actuals(entry).values() if c.get("msdyn_adjustmentstatus") is not None]
    by_status = Counter(c["msdyn_adjustmentstatus"] for c in gone)
    return sum(c["msdyn_amount"] for c in gone) == 0 and by_status[ADJUSTED] == by_status[UNADJUSTABLE]
