"""Fixed-price lines that milestones do not total, as a person sees them: each with its contract and its amounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.dataverse.access import Scanner
from handlers.fixed_price_lines import mismatches
from mappings.milestone_totals import Mismatch
from mappings.selection import Filter
from service.contracts import Contract, contracts_of


@dataclass(frozen=True, slots=True)
class FixedPriceLine:
    """A line that needs a look, and the contract its amounts are written in."""

    found: Mismatch
    contract: Contract

    @property
    def name(self) -> str:
        """The line's own name."""
        return self.found.line.text("salesorderdetailname") or ""


def fixed_price_lines(dataverse: Scanner, where: Filter) -> Iterator[FixedPriceLine]:
    """Those of the contracts and projects of a filter; its other parts are about rows, and lines may have none."""
    found = list(mismatches(where.contracts, where.projects, dataverse))
    wanted = [one.contract for one in found if one.contract is not None]
    contracts = {one.id: one for one in contracts_of(dataverse, wanted)}
    for one in found:
        if one.contract in contracts:
            yield FixedPriceLine(one, contracts[one.contract])
