"""What came of a call, as it is written down and answered: the invoices, and how they differ from what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mappings.billed import billed
from mappings.invoice import Invoice
from mappings.invoice_difference import Difference
from mappings.invoice_expectation import Expectation, recorded
from mappings.invoice_verification import Contents, verify

CREATED = "created"
DIFFERS = "created-differs"
GONE = "created-and-gone"
_GONE = (
    "The product carried the call out, but its invoice is not there, and no row it was for is ready any more: it was "
    "deleted, or the rows were taken back before it was made."
)
MOST_TOLD = 200
"""Differences that a record holds; of more, the number is told."""


def differences(expected: Mapping[str, Any], contents: Contents, zone: ZoneInfo) -> tuple[Difference, ...]:
    """How what came of a call differs from what its attempt recorded; nothing where an older record says too little."""
    if "lines" not in expected:
        return ()
    return verify(expectation(expected, contents, zone), contents, zone)


def expectation(expected: Mapping[str, Any], contents: Contents, zone: ZoneInfo) -> Expectation:
    """What an attempt recorded, filled in by the rows as they are now."""
    return recorded(expected, {ref: billed(row, zone) for ref, row in contents.sources.items()})


def outcome(
    expected: Mapping[str, Any], contents: Contents, zone: ZoneInfo, warnings: Sequence[str] = ()
) -> dict[str, object]:
    """The outcome of an attempt whose call was carried out; amounts are exact and before tax unless they say tax.

    ``created-differs``: somebody has to look at it. Rows that others marked, withdrew or invoiced meanwhile are told
    among the differences, and are no mistake.
    """
    found = differences(expected, contents, zone) if contents.invoices else ()
    word = GONE if not contents.invoices else DIFFERS if any(one.is_mistake for one in found) else CREATED
    told = sorted(found, key=lambda one: not one.is_mistake)[:MOST_TOLD]
    why = {} if contents.invoices else {"because": _GONE}
    return {
        "outcome": word,
        **why,
        "invoices": [_plain(invoice) for invoice in contents.invoices],
        "rows": len(expected["rows"]),
        "expected_total": expected["total"],
        "expected_tax": expected.get("tax", "0"),
        "total": str(sum((invoice.amount for invoice in contents.invoices), Decimal(0))),
        "differences": [one.as_data() for one in told],
        "differences_count": len(found),
        "warnings": [*(warning for invoice in contents.invoices if (warning := invoice.warning)), *warnings],
    }


def _plain(invoice: Invoice) -> dict[str, object]:
    return {
        "id": str(invoice.id),
        "number": invoice.row.text("invoicenumber"),
        "name": invoice.row.text("name"),
        "total": str(invoice.amount),
        "tax": str(invoice.tax),
        "details": len(invoice.details),
    }
