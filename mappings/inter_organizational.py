"""What one organizational unit owes another whose people worked for it: two more rows (PSA/actuals, second table).

The resourcing unit has a cost, in its own currency and by its own list; it charges the contracting unit the transfer
price, in the latter's currency. Both follow the submitted hours, whatever of them is billable. Expenses have neither.
The documentation contradicts itself on work that is not billed by time; a setting decides.
"""

from __future__ import annotations

from enum import StrEnum

from mappings import actual_cells, keys, money, rates
from mappings.approved_entry import ApprovedEntry
from mappings.choices import BillingType, TransactionType
from mappings.money import Currency
from mappings.planned_actual import PlannedActual


class Owed(StrEnum):
    """For which work of another unit the two rows are written."""

    TIME_AND_MATERIAL = "time-and-material"
    ALWAYS = "always"


def is_owed(approved: ApprovedEntry, setting: Owed) -> bool:
    """Whether the entry needs the two rows."""
    unit = approved.entry.resourcing_unit
    return (
        approved.is_time
        and unit not in (None, approved.project.contracting_unit)
        and (setting is Owed.ALWAYS or approved.is_billed_by_time)
    )


def rows_of(approved: ApprovedEntry, own: Currency, billing_type: BillingType | None) -> tuple[PlannedActual, ...]:
    """What the resource's unit spends, in its ``own`` currency, and what it charges.

    Raises ``Refusal`` when a price can't be known.
    """
    hours, held = approved.submitted, approved.zero_price_is_held
    known = (approved.work, approved.book, held)
    spent = rates.resourcing_unit_rate(approved.approval, approved.unit_line, own, *known)
    charged = rates.transfer_rate(approved.approval, approved.transfer_line, approved.cost_currency, *known)
    why = "The resource belongs to another organizational unit than the contract; its hours follow what was submitted."
    return (
        actual_cells.planned(
            approved,
            keys.RESOURCING_UNIT_COST,
            TransactionType.RESOURCING_UNIT_COST,
            approved.unit_line,
            own,
            spent,
            (hours, money.amount(hours, spent.price, own)),
            billing_type,
            (why, spent.because),
        ),
        actual_cells.planned(
            approved,
            keys.INTER_ORGANIZATIONAL_SALES,
            TransactionType.INTER_ORGANIZATIONAL_SALES,
            approved.transfer_line,
            approved.cost_currency,
            charged,
            (hours, money.amount(hours, charged.price, approved.cost_currency)),
            billing_type,
            (why, charged.because),
        ),
    )
