"""What no public source settles about dates, as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo


@dataclass(slots=True)
class DateSwitches:
    """``plain_dates_are_local``: a date without a time, given for a user-local column, is midnight in the caller's
    time zone; otherwise it is midnight in UTC. FetchXML reads dates the first way, OData literals suggest the second.
    """

    plain_dates_are_local: bool = True

    def zone_of_plain_dates(self, zone: tzinfo) -> tzinfo:
        """Where a date without a time begins, for a caller in this zone."""
        return zone if self.plain_dates_are_local else UTC
