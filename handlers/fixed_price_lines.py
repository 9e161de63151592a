"""Finds the fixed-price lines whose milestones do not add up to them: two requests per page of lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from connector.dataverse.access import Scanner
from connector.dataverse.query import Compare, Query, all_of, any_of, equals
from handlers.reading import ask
from handlers.rows import row
from mappings import tables
from mappings.backlog import WORK_BASED
from mappings.choices import BillingMethod, ProductType
from mappings.milestone_totals import LINE_COLUMNS, MILESTONE_COLUMNS, Mismatch, mismatch
from mappings.row import Row

CANCELED = 2
"""salesorder.statecode of a contract that came to nothing."""


def mismatches(contracts: Sequence[UUID], projects: Sequence[UUID], dataverse: Scanner) -> Iterator[Mismatch]:
    """The lines that need a look on these contracts and projects; without any, on all contracts not canceled."""
    wanted = all_of(
        equals("msdyn_billingmethod", BillingMethod.FIXED_PRICE),
        equals("producttypecode", ProductType.PROJECT_BASED_SERVICE),
        equals("salesorderid/msdyn_ordertype", WORK_BASED),
        Compare("salesorderid/statecode", "ne", CANCELED),
        *([any_of("salesorderid", sorted(set(contracts)))] if contracts else []),
        *([any_of("msdyn_project", sorted(set(projects)))] if projects else []),
    )
    order = ("salesorderid", f"{tables.CONTRACT_LINE}id")
    for page in dataverse.scan(Query(tables.CONTRACT_LINE, LINE_COLUMNS, wanted, order)):
        lines = [row(record) for record in page]
        of_lines = any_of("msdyn_contractlineid", [line.id for line in lines])
        milestones: defaultdict[UUID | None, list[Row]] = defaultdict(list)
        for one in ask(dataverse, Query(tables.MILESTONE, MILESTONE_COLUMNS, of_lines))[0] if lines else ():
            milestones[one.link_id("msdyn_contractlineid")].append(one)
        yield from (found for line in lines if (found := mismatch(line, milestones[line.id])))
