"""Reads backlog rows by contract: two requests, however many contracts.

A milestone may name its contract, or only its contract line; either way it belongs to the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Condition, Query, all_of, any_of, either
from handlers.reading import ask
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.row import Row
from mappings.tables import Ref


def of_contracts(
    backlogs: Sequence[Backlog],
    contracts: Iterable[UUID],
    condition: Callable[[Backlog], Condition],
    dataverse: Reader,
) -> list[BacklogRow]:
    """The rows of these backlogs and contracts that meet ``condition``, each with its contract filled in."""
    wanted = sorted(set(contracts))
    (lines,) = ask(dataverse, Query(tables.CONTRACT_LINE, ("salesorderid",), any_of("salesorderid", wanted)))
    contract_of = {line.id: line.link("salesorderid") for line in lines}
    answers = ask(
        dataverse,
        *(
            Query(
                backlog.table,
                backlog.columns,
                all_of(_belongs(backlog, wanted, sorted(contract_of)), condition(backlog)),
            )
            for backlog in backlogs
        ),
    )
    return [
        BacklogRow(backlog, _with_contract(backlog, row, contract_of))
        for backlog, answer in zip(backlogs, answers, strict=True)
        for row in answer
    ]


def _belongs(backlog: Backlog, contracts: Sequence[UUID], lines: Sequence[UUID]) -> Condition:
    by_contract = any_of(backlog.contract_column, contracts)
    if backlog is not Backlog.MILESTONES or not lines:
        return by_contract
    return either(by_contract, any_of("msdyn_contractlineid", lines))


def _with_contract(backlog: Backlog, row: Row, contract_of: Mapping[UUID, Ref | None]) -> Row:
    line = row.link_id("msdyn_contractlineid") if backlog is Backlog.MILESTONES else None
    if line is None or row.link(backlog.contract_column) is not None:
        return row
    return replace(row, cells={**row.cells, backlog.contract_column: contract_of.get(line)})
