"""Fabrikam with its price lists, and a service that keeps for a minute what seldom changes."""

from __future__ import annotations

from typing import Any

from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome
from handlers.seldom_changed import SeldomChanged
from mappings.tables import Ref
from tests.handlers.price_world import PricedWorld, figures
from tests.handlers.world import GO_LIVE, UNBILLED, ZONE

SET_UP = {"msdyn_project", "salesorderdetail", "salesorder", "msdyn_organizationalunit", "transactioncurrency"}
PRICES = {"pricelevel", "msdyn_resourcecategorypricelevel", "msdyn_projectparameter", "uom", "msdyn_orderpricelist"}
NEVER_KEPT = {"msdyn_timeentry", "msdyn_projectapproval", "msdyn_transactionorigin", "msdyn_actual"}


class KeepingWorld(PricedWorld):
    """Fabrikam with its price lists, and a service that keeps what it read for a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.seldom_changed = SeldomChanged(lambda: self.dataverse.rows.now)
        self.service = FixedPoint(self.dataverse, seldom_changed=self.seldom_changed)
        self.handler = ActualsHandler(GO_LIVE, ZONE)

    def approve(self, entry: Ref, **changes: Any) -> None:
        """Approve; the event takes two seconds."""
        super().approve(entry, **changes)
        self.dataverse.later(seconds=2)

    def work_on(self, *entries: Ref, through: FixedPoint | None = None) -> list[Outcome]:
        """The service handles the entries; ``asked`` is what it asked for meanwhile."""
        self.dataverse.requests.clear()
        outcomes = (through or self.service).settle(self.handler, list(entries))
        return [outcomes[entry] for entry in entries]

    def asked(self, tables: set[str]) -> int:
        """How often the service asked about one of these in its last piece of work."""
        return sum(bool({query.table for query in request} & tables) for request in self.dataverse.requests)

    def sales_price_of(self, entry: Ref) -> str:
        """At what price an entry was billed."""
        ((*_, price, _amount),) = (row for row in figures(self, entry) if row[0] == UNBILLED)
        return price
