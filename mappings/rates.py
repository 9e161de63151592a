"""The one price of each side of an entry: the approval's, else the journal line's, else the price lists'.

What the approver released counts; a price list is asked only where neither the approval nor the journal line has a
price in the side's currency. A price of zero is never written unseen: it is held with the reason the lists give, or
written and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from mappings.approved_entry import JournalLine
from mappings.entry import Approval
from mappings.money import Currency
from mappings.price_lists import Unpriced
from mappings.pricing import Found, PriceBook, Work
from mappings.refusal import Refusal
from mappings.tables import Ref

_REPLAY = "Mend the price list, then replay the message."
_APPROVE_ANEW = "Mend the price list, then recall and approve the entry anew."


@dataclass(frozen=True, slots=True)
class Rate:
    """A price in its side's currency and precision, the list it came from where one is known, and why it is this.

    ``is_released``: the approval or the journal line fixed it. What the lists say may change any day.
    """

    price: Decimal
    price_list: Ref | None
    because: str
    is_released: bool = True


def cost_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the work costs, in the contracting unit's currency (an expense: in its own). Raises ``Refusal``."""
    side = _Side("cost", approval, line, currency, lambda: book.cost_rate(work, currency))
    return side.rate(approval.cost_price, zero_is_held)


def sales_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the work sells for, in the contract's currency. Raises ``Refusal``."""
    side = _Side("sales", approval, line, currency, lambda: book.sales_rate(work, currency))
    return side.rate(approval.sales_price, zero_is_held)


def resourcing_unit_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the work costs the unit that delivers it, in that unit's currency. Raises ``Refusal``."""
    side = _Side("resourcing unit cost", approval, line, currency, lambda: book.resourcing_unit_rate(work, currency))
    return side.rate(None, zero_is_held)


def transfer_rate(
    approval: Approval, line: JournalLine | None, currency: Currency, work: Work, book: PriceBook, zero_is_held: bool
) -> Rate:
    """What the delivering unit charges the contracting unit, in the latter's currency. Raises ``Refusal``.

    It is the price of the delivering unit's people in the contracting unit's own cost list (PO/set-up-labor-cost-rate).
    """
    side = _Side("transfer", approval, line, currency, lambda: book.cost_rate(work, currency))
    return side.rate(None, zero_is_held)


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of an entry, and whom to ask for its price."""

    name: str
    approval: Approval
    line: JournalLine | None
    currency: Currency
    from_lists: Callable[[], Found | Unpriced]

    def rate(self, released: Decimal | None, zero_is_held: bool) -> Rate:
        """The side's rate, ``released`` being the approval's price for it."""
        line, currency = self.line, self.currency
        price_list = line.price_list if line else None
        if released is not None and self.approval.currency in (None, currency.id):
            price, source = released, "the approval"
        elif line is not None and line.price is not None and line.currency == currency.id:
            price, source = line.price, "the journal line written at submission"
        else:
            return self._from_lists(zero_is_held)
        # Rounded as the column will hold it: figures that can't be read back as planned would never come to rest.
        price = currency.round(price)
        rate = Rate(price, price_list, f"The {self.name} price {price} {currency.code} is that of {source}.")
        return rate if rate.price else self._zero(rate, zero_is_held)

    def _from_lists(self, zero_is_held: bool) -> Rate:
        found = self._said_by_lists()
        if isinstance(found, Found):
            rate = Rate(self.currency.round(found.price), found.price_list, found.because, is_released=False)
            return rate if rate.price else self._zero(rate, zero_is_held)
        if not zero_is_held:
            because = f"{found.because} A {self.name} price of zero is written all the same."
            return Rate(self.currency.round(Decimal(0)), None, because, is_released=False)
        carries = f"{self.approval.ref} carries no {self.name} price in {self.currency.code}."
        raise Refusal(found.code, f"{carries} {found.because} {_REPLAY}")

    def _zero(self, rate: Rate, zero_is_held: bool) -> Rate:
        found = self._said_by_lists()
        reason = found.because
        if isinstance(found, Found) and (now := self.currency.round(found.price)):
            reason = f"By now the lists give {now}: {reason}"
        if not zero_is_held:
            return replace(rate, because=f"{reason} A {self.name} price of zero is written all the same.")
        raise Refusal(
            "price-zero", f"{self.approval.ref} carries a {self.name} price of zero. {reason} {_APPROVE_ANEW}"
        )

    def _said_by_lists(self) -> Found | Unpriced:
        try:
            return self.from_lists()
        except Refusal as refusal:
            return Unpriced(refusal.code, refusal.sentence)
