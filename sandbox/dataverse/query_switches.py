"""What public sources say differently of queries, as switches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class QuerySwitches:
    """The state of the switches; they may be moved at any time.

    ``quoted_ids``: whether an id may stand in quotes in a filter. An example of "filter rows" has it so; the refusal of
    an Edm.String beside an Edm.Guid is widely shown. Refused by default.
    ``countdistinct``: whether ``$apply`` counts distinct values. "Aggregate data" lists it as not available, OData has
    it. Refused by default.
    """

    quoted_ids: bool = False
    countdistinct: bool = False
