"""The one price of each side of an entry: the approval's, else the journal line's, else the price lists'.

What the approver released counts; a price list is asked only where neither the approval nor the journal line has a
price in the side's currency. A price of zero is never written unseen: it is held, or written and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from mappings.approved_entry import JournalLine
from mappings.entry import Approval
from mappings.money import Currency
from mappings.pricing import Found, PriceBook, Unpriced, Work
from mappings.refusal import Refusal
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class Rate:
    """A price in its side's currency and precision, the list it came from where one is known, and why it is this."""

    price: Decimal
    price_list: Ref | None
    because: str


def cost_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the work costs, in the contracting unit's currency (an expense: in its own). Raises ``Refusal``."""
    return _rate(
        "cost", approval, approval.cost_price, line, currency, lambda: book.cost_rate(work, currency), zero_is_held
    )


def sales_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the work sells for, in the contract's currency. Raises ``Refusal``."""
    return _rate(
        "sales", approval, approval.sales_price, line, currency, lambda: book.sales_rate(work, currency), zero_is_held
    )


def _rate(
    side: str,
    approval: Approval,
    released: Decimal | None,
    line: JournalLine | None,
    currency: Currency,
    from_lists: Callable[[], Found | Unpriced],
    zero_is_held: bool,
) -> Rate:
    price_list = line.price_list if line else None
    if released is not None and approval.currency in (None, currency.id):
        rate = Rate(currency.round(released), price_list, f"The approval released the {side} price.")
    elif line is not None and line.price is not None and line.currency == currency.id:
        rate = Rate(currency.round(line.price), price_list, f"The {side} price is the journal line's.")
    else:
        found = from_lists()
        if isinstance(found, Unpriced):
            if not zero_is_held:
                return Rate(Decimal(0), None, f"{found.because} A {side} price of zero is written.")
            raise Refusal(
                found.code,
                f"{approval.ref} carries no {side} price in {currency.code}. {found.because} Mend the price list, then "
                "recall and approve the entry anew.",
            )
        rate = Rate(currency.round(found.price), found.price_list, found.because)
    if rate.price == 0 and zero_is_held:
        raise Refusal(
            "price-zero",
            f"{approval.ref} carries a {side} price of zero. Mend the price list, then recall and approve the entry "
            "anew.",
        )
    return rate
