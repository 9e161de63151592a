"""Which days may be asked about.

The midnights of these and of the days beside them can be told in every time zone, and by Dataverse.
"""

from __future__ import annotations

from datetime import date

FIRST, LAST = date(1900, 1, 1), date(9998, 12, 31)
OUTSIDE = f"is not between {FIRST} and {LAST}"
"""What is said of any other day: a slip, or what is typed where no end is meant."""


def may_be_asked(day: date) -> bool:
    """Whether it is a day to work with."""
    return FIRST <= day <= LAST
