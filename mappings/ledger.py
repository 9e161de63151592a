"""The ledger of an entry: every actual tied to it, whoever wrote it, and what that means for the next one.

An actual is *ours* when its id is one that only we could have derived. It is *live* while nobody reversed it. The
*generation* counts the entry's cost originals that were taken back in full, so an entry approved again starts new rows
under new ids, the same ones for whoever gets there first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from mappings import keys, tables
from mappings.choices import AdjustmentStatus, BillingStatus, BillingType, TransactionType
from mappings.profile import Profile
from mappings.row import Row
from mappings.tables import Ref

ACTUAL_COLUMNS = (
    "msdyn_transactiontypecode",
    "msdyn_transactionclassification",
    "msdyn_billingtype",
    "msdyn_billingstatus",
    "msdyn_adjustmentstatus",
    "msdyn_quantity",
    "msdyn_price",
    "msdyn_amount",
    "msdyn_amountmethod",
    "msdyn_basisquantity",
    "msdyn_basisprice",
    "msdyn_basisamount",
    "msdyn_documentdate",
    "msdyn_accountingdate",
    "msdyn_startdatetime",
    "msdyn_enddatetime",
    "msdyn_description",
    "msdyn_externaldescription",
    "msdyn_project",
    "msdyn_task",
    "msdyn_bookableresource",
    "msdyn_resourcecategory",
    "msdyn_transactioncategory",
    "msdyn_unit",
    "msdyn_unitschedule",
    "msdyn_pricelist",
    "msdyn_salescontract",
    "msdyn_salescontractlineid",
    "msdyn_contractorganizationalunitid",
    "msdyn_resourceorganizationalunitid",
    "msdyn_customertype",
    "msdyn_accountcustomer",
    "msdyn_contactcustomer",
    "transactioncurrencyid",
    "ownerid",
)

_SIDES = (
    TransactionType.COST,
    TransactionType.UNBILLED_SALES,
    TransactionType.RESOURCING_UNIT_COST,
    TransactionType.INTER_ORGANIZATIONAL_SALES,
)


@dataclass(frozen=True)
class Actual:
    """One actual, read for what it means rather than for all it holds (``row`` keeps the rest)."""

    row: Row

    @property
    def id(self) -> UUID:
        """The actual's id."""
        return self.row.id

    @cached_property
    def type(self) -> int | None:
        """Transaction type."""
        return self.row.choice("msdyn_transactiontypecode")

    @cached_property
    def billing_type(self) -> int | None:
        """Chargeable, non-chargeable, complimentary."""
        return self.row.choice("msdyn_billingtype")

    @cached_property
    def figures(self) -> tuple[Decimal, Decimal, Decimal]:
        """Quantity, price and amount."""
        zero = Decimal(0)
        return (
            self.row.number("msdyn_quantity") or zero,
            self.row.number("msdyn_price") or zero,
            self.row.number("msdyn_amount") or zero,
        )

    @property
    def customer(self) -> UUID | None:
        """The account or contact it is billed to."""
        return self.customer_ref.id if self.customer_ref else None

    @property
    def customer_ref(self) -> Ref | None:
        """The row of that account or contact."""
        return self.row.link("msdyn_accountcustomer") or self.row.link("msdyn_contactcustomer")

    @property
    def is_reversed(self) -> bool:
        """It was an original, and was taken back."""
        return self.row.choice("msdyn_adjustmentstatus") == AdjustmentStatus.ADJUSTED

    @property
    def is_reversal(self) -> bool:
        """It takes another row back."""
        return self.row.choice("msdyn_adjustmentstatus") == AdjustmentStatus.UNADJUSTABLE

    @property
    def is_live(self) -> bool:
        """A cost, unbilled or inter-organizational sales actual that still counts."""
        return self.type in _SIDES and not self.is_reversed and not self.is_reversal

    @property
    def is_being_adjusted(self) -> bool:
        """A correction of it was begun and not confirmed yet."""
        return self.row.choice("msdyn_adjustmentstatus") == AdjustmentStatus.IN_PROCESS

    @property
    def is_on_draft(self) -> bool:
        """It stands on a draft invoice; deleting the draft sets it free."""
        return self.row.choice("msdyn_billingstatus") == BillingStatus.CUSTOMER_INVOICE_CREATED

    @property
    def is_invoiced(self) -> bool:
        """It stands on a posted invoice."""
        return self.row.choice("msdyn_billingstatus") == BillingStatus.CUSTOMER_INVOICE_POSTED


@dataclass(frozen=True)
class Ledger:
    """All actuals of one entry, found by origin and by derived id.

    ``signed``: actuals whose origin row bears the id only we give it, whatever has become of their customer since.
    ``lines``: the journal lines an actual came from, by its id. ``drafts``: the invoices on which one stands whose
    status says that it is on a draft, by its id.
    """

    entry: UUID
    actuals: tuple[Actual, ...]
    signed: frozenset[UUID] = frozenset()
    lines: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)
    drafts: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)

    @cached_property
    def ids(self) -> frozenset[UUID]:
        """The ids that are taken."""
        return frozenset(actual.id for actual in self.actuals)

    @property
    def generation(self) -> int:
        """How often this entry was approved and withdrawn again; part of the id of whatever is created next.

        Counts cost originals that were taken back, by us or by the product's own cancelling.
        """
        costs = [actual for actual in self.actuals if actual.type == TransactionType.COST]
        originals = sum(actual.is_reversed for actual in costs)
        return min(originals, sum(actual.is_reversal for actual in costs))

    def taken_back_by_others_since(self, approval: Row) -> tuple[Actual, ...]:
        """The reversals of cost, not ours, that were written after the approval was.

        A withdrawn approval that holds again was written after its reversals. Where these are younger, the approval
        stood all along: somebody corrected the rows, and what replaced them may be tied to nothing.
        """
        costs = [actual for actual in self.actuals if actual.type == TransactionType.COST and actual.is_reversal]
        return tuple(one for one in costs if not self.is_ours(one) and _is_later(one.row, approval))

    def is_younger_than(self, approval: Row) -> bool:
        """Our rows were written after the approval was, so that nothing was released since."""
        costs = [actual for actual in self.live if actual.type == TransactionType.COST]
        return bool(costs) and all(_is_later(actual.row, approval) for actual in costs)

    @cached_property
    def _own_ids(self) -> frozenset[UUID]:
        customers = {actual.customer for actual in self.actuals if actual.customer is not None}
        generations = range(len(self.actuals) + 1)
        roles = own_roles(customers)
        originals = {keys.row_id(self.entry, generation, role) for generation in generations for role in roles}
        return frozenset(originals | {keys.reversal_id(original) for original in originals})

    def is_ours(self, actual: Actual) -> bool:
        """Only we could have given it this id."""
        return actual.id in self._own_ids or actual.id in self.signed

    def is_stale(self, actual: Actual) -> bool:
        """A live row of ours of a generation whose cost was taken back: it should have gone with it."""
        roles = own_roles([actual.customer] if actual.customer else [])
        earlier = range(self.generation)
        return any(actual.id == keys.row_id(self.entry, generation, role) for generation in earlier for role in roles)

    def counts_as_work_of(self, unit: UUID | None, resource: Ref | None) -> bool:
        """A cost that counts, whoever wrote it, says that this resource worked for this organizational unit."""
        costs = (actual.row for actual in self.actuals if actual.is_live and actual.type == TransactionType.COST)
        return unit is not None and any(
            row.link_id("msdyn_resourceorganizationalunitid") == unit and row.link("msdyn_bookableresource") == resource
            for row in costs
        )

    @property
    def counting_twice(self) -> tuple[list[Actual], list[Actual]]:
        """Our rows and somebody else's that would count the same work, where both sides have any.

        Once ours was posted, what the product adds are the rows of confirming and correcting that invoice; and a row
        that takes away counts nothing.
        """
        ours = [actual for actual in self.live if not actual.is_invoiced]
        theirs = [actual for actual in self.foreign if actual.figures[0] > 0]
        return ours, theirs

    @property
    def is_credited(self) -> bool:
        """What was billed of the entry has all been billed back: a corrective invoice credited it in full."""
        billed = [actual.figures[0] for actual in self.actuals if actual.type == TransactionType.BILLED_SALES]
        return bool(billed) and sum(billed) == 0

    @property
    def split(self) -> str | None:
        """A sentence that names the customers, where sales that count were split among several of them."""
        sales = (one for one in self.actuals if one.is_live and one.type == TransactionType.UNBILLED_SALES)
        customers = sorted({str(one.customer_ref) for one in sales if one.customer_ref})
        several = f"Its sales are split among {len(customers)} customers: {', '.join(customers)}."
        return several if len(customers) > 1 else None

    @cached_property
    def live(self) -> tuple[Actual, ...]:
        """Our rows that still count; what was posted and credited since has been settled by the product's own rows."""
        ours = [actual for actual in self.actuals if actual.is_live and self.is_ours(actual)]
        return tuple(actual for actual in ours if not (actual.is_invoiced and self.is_credited))

    @cached_property
    def foreign(self) -> tuple[Actual, ...]:
        """Rows that still count and that somebody else wrote."""
        return tuple(actual for actual in self.actuals if actual.is_live and not self.is_ours(actual))


def _is_later(row: Row, than: Row) -> bool:
    return row.written is not None and than.written is not None and row.written > than.written


def actual_columns(profile: Profile) -> tuple[str, ...]:
    """The columns an actual is read with, and that its reversal carries on."""
    day = profile.day_of(tables.ACTUAL)
    return (*ACTUAL_COLUMNS, *profile.own_columns(), *((day,) if day else ()))


def own_roles(customers: Iterable[UUID], *, between_units: bool = True) -> frozenset[str]:
    """Every role a row of ours may have, for these customers, and for work between organizational units."""
    billing = (BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE, BillingType.COMPLIMENTARY)
    sales = {keys.sales_role(kind, customer) for customer in customers for kind in billing}
    units = {keys.RESOURCING_UNIT_COST, keys.INTER_ORGANIZATIONAL_SALES} if between_units else set()
    return frozenset(sales | {keys.COST} | units)
