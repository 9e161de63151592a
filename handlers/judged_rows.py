"""Backlog rows with what other rows say against them: doubles, checks that failed, orders that are no contracts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, all_of, any_of, equals
from handlers.doubles import doubled
from handlers.reading import ask
from mappings import tables
from mappings.backlog import WORK_BASED, Backlog, BacklogRow
from mappings.not_to_exceed import NotToExceed

AT_ONCE = 500
"""Rows whose entries' ledgers are held at once: an entry has several rows, each with ties to others."""


def judged_by(backlog: Backlog, check: NotToExceed | None) -> tuple[str, ...]:
    """What must be read of a row to judge it."""
    return backlog.columns if check is None else (*backlog.columns, *check.columns(backlog))


def judged(
    found: Iterable[BacklogRow], dataverse: Reader, check: NotToExceed | None, *, even_ready: bool = False
) -> list[BacklogRow]:
    """The rows with what keeps them from being marked; ``even_ready``: ready rows are told to be doubled, too."""
    rows = _of_contracts(list(found), dataverse)
    if check is not None:
        rows = [check.told(row) for row in rows]
    sales = [
        one.row.id
        for one in rows
        if one.backlog is Backlog.TIME_AND_MATERIAL and (one.why_not() is None or (even_ready and one.is_ready))
    ]
    twice = {id for n in range(0, len(sales), AT_ONCE) for id in doubled(sales[n : n + AT_ONCE], dataverse)}
    return [replace(one, is_doubled=True) if one.row.id in twice else one for one in rows]


def _of_contracts(rows: Sequence[BacklogRow], dataverse: Reader) -> list[BacklogRow]:
    """Product lines stand on orders of every kind; only those of project contracts are a backlog's."""
    orders = {one.contract for one in rows if one.backlog is Backlog.PRODUCTS and one.contract is not None}
    if not orders:
        return list(rows)
    is_contract = all_of(any_of(f"{tables.CONTRACT}id", sorted(orders)), equals("msdyn_ordertype", WORK_BASED))
    (contracts,) = ask(dataverse, Query(tables.CONTRACT, (), is_contract))
    others = orders - {one.id for one in contracts}
    return [replace(one, is_elsewhere=True) if one.contract in others else one for one in rows]
