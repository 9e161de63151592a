"""Reads backlog rows: by contract in two requests, however many contracts; or page by page, however many rows.

A milestone may name its contract, or only its contract line; either way it belongs to the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from connector.dataverse.access import Reader, Scanner
from connector.dataverse.query import Condition, Query, all_of, any_of, either
from handlers.judged_rows import judged, judged_by
from handlers.reading import ask
from handlers.rows import row
from mappings import tables
from mappings.backlog import Backlog, BacklogRow
from mappings.not_to_exceed import NotToExceed
from mappings.row import Row
from mappings.tables import Ref


def of_contracts(
    backlogs: Sequence[Backlog],
    contracts: Iterable[UUID],
    condition: Callable[[Backlog], Condition],
    dataverse: Reader,
    columns: Mapping[Backlog, Sequence[str]] | None = None,
) -> list[BacklogRow]:
    """The rows of these backlogs and contracts that meet ``condition``, each with its contract filled in.

    ``columns``: what is read of them, where that is more than is needed to judge them.
    """
    wanted = sorted(set(contracts))
    (lines,) = ask(dataverse, Query(tables.CONTRACT_LINE, ("salesorderid",), any_of("salesorderid", wanted)))
    contract_of = {line.id: line.link("salesorderid") for line in lines}
    answers = ask(
        dataverse,
        *(
            Query(
                backlog.table,
                backlog.columns if columns is None else columns[backlog],
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


def pages(
    backlog: Backlog,
    condition: Condition,
    order_by: Sequence[str],
    dataverse: Scanner,
    check: NotToExceed | None = None,
) -> Iterator[list[BacklogRow]]:
    """The rows that meet ``condition`` in the order asked for, a page at a time, each with its contract filled in.

    Each is judged; ready rows are told to be doubled, too, where they are.
    """
    for page in dataverse.scan(Query(backlog.table, judged_by(backlog, check), condition, order_by)):
        found = [row(record) for record in page]
        contract_of = _contracts_by_line(backlog, found, dataverse)
        rows = (BacklogRow(backlog, _with_contract(backlog, one, contract_of)) for one in found)
        yield judged(rows, dataverse, check, even_ready=True)


def _contracts_by_line(backlog: Backlog, found: Iterable[Row], dataverse: Reader) -> dict[UUID, Ref | None]:
    """For milestones that do not name their contract: that of their line."""
    if backlog is not Backlog.MILESTONES:
        return {}
    without = (one for one in found if one.link(backlog.contract_column) is None)
    named = {id for one in without if (id := one.link_id("msdyn_contractlineid")) is not None}
    if not named:
        return {}
    wanted = any_of(f"{tables.CONTRACT_LINE}id", sorted(named))
    (lines,) = ask(dataverse, Query(tables.CONTRACT_LINE, ("salesorderid",), wanted))
    return {line.id: line.link("salesorderid") for line in lines}


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
