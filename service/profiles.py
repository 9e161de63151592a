"""Finds out which product version an environment is, and makes its profile; nothing about it is assumed.

What is wrong with the administrator's wishes, or with who is to create actuals there, is said at once and keeps the
service from starting.
"""

from __future__ import annotations

import re
from dataclasses import replace

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query, any_of
from connector.errors import Misconfigured
from handlers.reading import ask
from mappings import tables
from mappings.entry import DATED
from mappings.not_to_exceed import NotToExceed
from mappings.profile import Creator, Profile, Tie
from service import own_columns
from service.column_facts import Columns, columns_of, messages_of
from service.column_fit import fitted
from service.not_configured import NotConfigured
from service.own_columns import OwnFile, Place
from service.settings import Settings
from service.shipped_profiles import Shipped, shipped

READ_TABLES = frozenset({tables.ACTUAL, tables.TIME_ENTRY, tables.EXPENSE, tables.APPROVAL})
"""Tables of which own columns are read or written."""
HELD_BY_A_DAY = ("DateOnly", "TimeZoneIndependent")
"""Behaviours of a date column that show the same day to everybody."""
ONLY_THE_PRODUCT = (
    "PSA_CONNECTOR_ACTUALS__CREATOR is `service`, but this environment is Project Operations, where only the product "
    'creates actuals: since update release 55 it refuses those that others create (Microsoft, "Create and update '
    'actuals"), and those of entry journals have no origins to recognise them by. Set it to `product`.'
)


def profile_of(client: DataverseClient, settings: Settings) -> Profile:
    """The environment's profile with the administrator's columns.

    Raises ``NotConfigured`` naming everything that is wrong with them, each with file and line; ``Misconfigured`` for
    an environment that is no product version known here; ``ConnectorError``.
    """
    own = OwnFile() if settings.profile is None else own_columns.read(settings.profile)
    of_ties = {tie.table for _, tie in own.ties.values()}
    candidates = shipped()
    named = frozenset().union(*(one.named_tables for one in candidates))
    columns = columns_of(client, named | READ_TABLES | of_ties)
    version = _recognised(client, candidates, columns)
    _as_instants(columns)
    faults = list(own.faults)
    fitting = [fitted(wish, columns, faults) for wish in own.wishes]
    for place, tie in own.ties.values():
        faults += _faults_of(place, tie, columns)
    if own.not_to_exceed is not None:
        faults += _faults_of_check(*own.not_to_exceed, columns)
    faults.sort(key=_by_line)
    faults += _units_not_there(client, settings)
    if Creator(settings.actuals.creator) not in version.profile.creators:
        faults.insert(0, ONLY_THE_PRODUCT)
    if faults:
        raise NotConfigured(faults)
    ties = {name: tie for name, (_, tie) in own.ties.items()}
    return replace(
        version.profile,
        columns=tuple(column for column in fitting if column is not None),
        line_tasks=ties.get("line_tasks"),
        unit_cost_lists=ties.get("unit_cost_lists") or _there(version.unit_cost_lists, columns),
        not_to_exceed=own.not_to_exceed[1] if own.not_to_exceed else None,
        days=tuple((table, day) for table, names in version.days if (day := _day(columns, table, names))),
    )


def _units_not_there(client: DataverseClient, settings: Settings) -> list[str]:
    """A unit named by mistake would leave its dates in the wrong zone, and nothing would ever show it."""
    wanted = sorted(settings.unit_time_zones)
    if not wanted:
        return []
    (units,) = ask(client, Query(tables.ORGANIZATIONAL_UNIT, (), any_of(f"{tables.ORGANIZATIONAL_UNIT}id", wanted)))
    there = {unit.id for unit in units}
    return [
        f"PSA_CONNECTOR_UNIT_TIME_ZONES names organizational unit {id}, which is not in this environment, or not "
        "shared with this service; correct or remove it."
        for id in wanted
        if id not in there
    ]


def _recognised(client: DataverseClient, candidates: tuple[Shipped, ...], columns: Columns) -> Shipped:
    """The first version of which any sign is there; actions are asked for only where tables tell nothing."""
    for one in candidates:
        if any(table in columns.tables for table in one.tables):
            return one
        if one.messages and messages_of(client, one.messages):
            return one
        if any(columns.has(table, column) for table, column in one.columns):
            return one
    if tables.ACTUAL not in columns.tables:
        raise Misconfigured(
            "no-project-service", f"{client.url} has no table {tables.ACTUAL}; neither product is installed there."
        )
    raise Misconfigured(
        "unknown-product",
        f"{client.url} is neither Project Service Automation 3 nor Project Operations: its actuals name their contract "
        "line by text, as before 3.0, or not at all. This version does not work there.",
    )


def _as_instants(columns: Columns) -> None:
    """Refuse an environment whose entries carry bare days where actuals need an instant; none is made up for them."""
    for table, name in DATED.items():
        column = columns.closely(table, name)
        if column is not None and column.behavior == "DateOnly":
            raise Misconfigured(
                "date-only",
                f"The behaviour of {table}.{name} was changed to Date Only. Actuals need the moment an entry begins, "
                "which it no longer tells; this version does not work there.",
            )


def _there(tie: Tie, columns: Columns) -> Tie | None:
    return tie if columns.has(tie.table, tie.left) and columns.has(tie.table, tie.right) else None


def _day(columns: Columns, table: str, names: tuple[str, ...]) -> str | None:
    for name in names:
        column = columns.closely(table, name)
        if column is not None and column.behavior in HELD_BY_A_DAY:
            return name
    return None


def _faults_of(place: Place, tie: Tie, columns: Columns) -> list[str]:
    if tie.table not in columns.tables:
        return [f"{place.of('table')}: this environment has no table `{tie.table}`."]
    absent = [name for name in tie.columns if not columns.has(tie.table, name)]
    faults = [f"{place.of()}: `{tie.table}` has no column `{name}` in this environment." for name in absent]
    held = columns.tables[tie.table].get(tie.billing_type) if tie.billing_type else None
    if held is not None and held.type != "Picklist":
        faults.append(f"{place.of('billing_type')}: `{tie.table}.{held.name}` is no choice, as a billing type is.")
    return faults


def _faults_of_check(place: Place, check: NotToExceed, columns: Columns) -> list[str]:
    held = columns.closely(tables.ACTUAL, check.column)
    if held is None:
        return [f"{place.of('column')}: `{tables.ACTUAL}` has no column `{check.column}` in this environment."]
    if held.type != "Picklist" or not held.readable:
        return [f"{place.of('column')}: `{tables.ACTUAL}.{check.column}` is no choice that can be read."]
    if check.failed not in held.options:
        known = ", ".join(map(str, sorted(held.options)))
        return [f"{place.of('failed')}: {check.failed} is no choice of `{tables.ACTUAL}.{check.column}`: {known}."]
    return []


def _by_line(fault: str) -> int:
    """The line a fault names; they were found file first, environment second."""
    said = re.search(r", line (\d+):", fault)
    return int(said[1]) if said else 0
