"""A project invoice as it stands: header, lines, details, and the row each detail came of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from mappings.billed import Group, group_of
from mappings.choices import ProductType, TransactionClass
from mappings.row import Row
from mappings.tables import Ref

MANY_DETAILS = 1000
"""More details on one invoice than this are slow to open, to recalculate and to confirm in the product."""

INVOICE_COLUMNS = (
    "invoicenumber",
    "name",
    "salesorderid",
    "customerid",
    "transactioncurrencyid",
    "msdyn_projectinvoicestatus",
    "totalamount",
    "totaltax",
    "ownerid",
    "createdon",
    "createdby",
)
LINE_COLUMNS = (
    "invoiceid",
    "invoicedetailname",
    "salesorderdetailid",
    "producttypecode",
    "msdyn_billingmethod",
    "lineitemnumber",
    "quantity",
    "priceperunit",
    "tax",
    "extendedamount",
)
DETAIL_COLUMNS = (
    "msdyn_invoice",
    "msdyn_invoicelineid",
    "msdyn_salescontractlineid",
    "msdyn_description",
    "msdyn_transactionclassification",
    "msdyn_billingtype",
    "msdyn_startdatetime",
    "msdyn_quantity",
    "msdyn_price",
    "msdyn_amount",
    "msdyn_correction",
    "msdyn_project",
    "msdyn_bookableresource",
    "msdyn_resourcecategory",
    "msdyn_transactioncategory",
)
_NOTHING = Decimal(0)
_NOTHING_TO_TAKE = "no past dated transactions"


def found_nothing(sentence: str) -> bool:
    """The product refuses to make an invoice because there is nothing it would take (APA-746); in English only."""
    return _NOTHING_TO_TAKE in sentence.casefold()


@dataclass(frozen=True, slots=True)
class Detail:
    """A detail of an invoice line, and the actual or milestone it came of; ``None`` where nothing ties it to one."""

    row: Row
    source: Ref | None = None

    @property
    def line(self) -> UUID | None:
        """The contract line it bills."""
        return self.row.link_id("msdyn_salescontractlineid")

    @property
    def group(self) -> Group:
        """Where it stands on its line."""
        return group_of(self.row.choice("msdyn_billingtype"))

    @property
    def quantity(self) -> Decimal:
        """How much is billed."""
        return self.row.number("msdyn_quantity") or _NOTHING

    @property
    def price(self) -> Decimal:
        """The price of one."""
        return self.row.number("msdyn_price") or _NOTHING

    @property
    def amount(self) -> Decimal:
        """Its amount before tax, charged or not."""
        return self.row.number("msdyn_amount") or _NOTHING

    @property
    def is_milestone(self) -> bool:
        """It bills a milestone."""
        return self.row.choice("msdyn_transactionclassification") == TransactionClass.MILESTONE


@dataclass(frozen=True, slots=True)
class Line:
    """An invoice line with its details."""

    row: Row
    details: tuple[Detail, ...] = ()

    @property
    def contract_line(self) -> UUID | None:
        """The contract line it bills."""
        return self.row.link_id("salesorderdetailid")

    @property
    def name(self) -> str:
        """Its name."""
        return self.row.text("invoicedetailname") or ""

    @property
    def is_project(self) -> bool:
        """It has details; a product line has none."""
        return self.row.choice("producttypecode") == ProductType.PROJECT_BASED_SERVICE

    @property
    def tax(self) -> Decimal:
        """Its tax."""
        return self.row.number("tax") or _NOTHING

    @property
    def amount(self) -> Decimal:
        """What it comes to before tax."""
        return (self.row.number("extendedamount") or _NOTHING) - self.tax

    def comes_to(self, group: Group) -> Decimal:
        """The sum of its details of one group."""
        return sum((one.amount for one in self.details if one.group is group), _NOTHING)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice with its lines; ``loose`` are details that belong to none of them."""

    row: Row
    lines: tuple[Line, ...] = ()
    loose: tuple[Detail, ...] = ()

    @property
    def id(self) -> UUID:
        """The invoice's id."""
        return self.row.id

    @property
    def number(self) -> str:
        """Its number, or else its id."""
        return self.row.text("invoicenumber") or str(self.id)

    @property
    def customer(self) -> Ref | None:
        """Who is charged."""
        return self.row.link("customerid")

    @property
    def tax(self) -> Decimal:
        """Its tax."""
        return self.row.number("totaltax") or _NOTHING

    @property
    def amount(self) -> Decimal:
        """What it comes to before tax."""
        return (self.row.number("totalamount") or _NOTHING) - self.tax

    @property
    def details(self) -> tuple[Detail, ...]:
        """All its details."""
        return (*(one for line in self.lines for one in line.details), *self.loose)

    @property
    def warning(self) -> str | None:
        """What is worth knowing before it is opened."""
        count = len(self.details)
        if count <= MANY_DETAILS:
            return None
        return f"Invoice {self.number} has {count:,} details; above {MANY_DETAILS:,} the product is slow with them."
