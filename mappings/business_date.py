"""An instant becomes a business date here, in the one time zone the administrator states.

Most of the product's date columns hold an instant that shows a different day to users in different zones; a rule that
asks "which day?" must therefore ask in a stated zone.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def business_date(instant: datetime, zone: ZoneInfo) -> date:
    """The day it is at ``instant`` in ``zone``. Raises ``ValueError`` for an instant without a zone of its own."""
    if instant.tzinfo is None:
        raise ValueError("An instant without a time zone has no business date; read it as UTC first.")
    return instant.astimezone(zone).date()
