"""An invoice that the product may still be drawing up: it is looked at again before it counts as made.

The product may answer, or write an invoice's header, before it has taken every row. Until it has, nothing is written
down, so that nobody else calls for what is still ready.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from handlers import command_record, verified_invoice
from handlers.invoice_facts import InvoiceFacts
from handlers.invoice_recognised import took
from handlers.plan import NotYet
from mappings.row import Row

SETTLING = timedelta(minutes=5)
"""How long after its call rows that are still ready may yet come onto an invoice that took others."""


def half_made(attempt: Row, facts: InvoiceFacts, patience: timedelta, zone: ZoneInfo) -> NotYet | None:
    """To wait for the rest of an invoice, where rows of the attempt are still ready; ``None``: it is as it will be.

    One on which nothing of the attempt stands is waited for as long as one that is not there at all.
    """
    contents = facts.contents
    if contents is None or not contents.invoices or not facts.still_ready:
        return None
    has_some = any(took(invoice, attempt) for invoice in contents.invoices)
    limit = min(SETTLING, patience) if has_some else patience
    if command_record.age(attempt, facts.now) >= limit:
        return None
    if has_some and _leaves_only_what_is_of_today(attempt, facts, zone):
        return None
    named = " and ".join(invoice.number for invoice in contents.invoices)
    left = "1 row it is for is" if len(facts.still_ready) == 1 else f"{len(facts.still_ready)} rows it is for are"
    return NotYet(f"Invoice {named} may not be complete: {left} still ready. It is looked at again.")


def _leaves_only_what_is_of_today(attempt: Row, facts: InvoiceFacts, zone: ZoneInfo) -> bool:
    """Where only what is dated before the day is taken: all of that is on it to the cent, and nothing of the day."""
    contents = facts.contents
    if contents is None:
        return False
    asked = cast(dict[str, Any], command_record.selection_of(attempt))
    due = verified_invoice.expectation(asked, contents, zone)
    of_today = {row.source for row in due.rows if row.dated is not None and row.dated == due.today}
    found = verified_invoice.differences(asked, contents, zone)
    return facts.still_ready == of_today and not any(one.is_mistake for one in found)
