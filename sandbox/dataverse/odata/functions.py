"""Dataverse's own query functions → SQL over a column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sandbox.dataverse.catalog import Column
from sandbox.dataverse.cells import DECIMALS, INTEGERS, encode
from sandbox.dataverse.odata import periods
from sandbox.dataverse.odata.asked import Asked
from sandbox.dataverse.odata.tokens import Literal
from sandbox.dataverse.odata.values import edm_type, from_text
from sandbox.dataverse.refusals import bad_query, unsupported

NAMESPACE = "Microsoft.Dynamics.CRM."
MINE = {"EqualUserId", "NotEqualUserId", "EqualBusinessId", "NotEqualBusinessId"} | {
    "EqualUserTeams",
    "EqualUserOrUserTeams",
}
LISTS = {"NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"}
KNOWN = periods.PLAIN | periods.COUNTED | periods.DAYS | MINE | LISTS | {"In"}
ELSEWHERE = {
    *("Above", "AboveOrEqual", "Under", "UnderOrEqual", "NotUnder", "ContainsValue", "DoesNotContainValue"),
    *("EqualRoleBusinessId", "EqualUserLanguage"),
    *("EqualUserOrUserHierarchy", "EqualUserOrUserHierarchyAndTeams", "LastFiscalPeriod", "LastFiscalYear"),
    *("LastXFiscalPeriods", "LastXFiscalYears", "NextFiscalPeriod", "NextFiscalYear", "NextXFiscalPeriods"),
    *("NextXFiscalYears", "ThisFiscalPeriod", "ThisFiscalYear", "InFiscalPeriod", "InFiscalPeriodAndYear"),
    *("InFiscalYear", "InOrAfterFiscalPeriodAndYear", "InOrBeforeFiscalPeriodAndYear"),
}
"""Functions Dataverse has and this sandbox does not."""


def function_sql(name: str, column: Column, sql: str, values: Sequence[Literal], asked: Asked) -> tuple[str, list[Any]]:
    """The SQL of a query function on the column behind ``sql``, and what fills its question marks."""
    if name in MINE:
        return _mine(name, column, sql, asked)
    if name in ("Between", "NotBetween", "NotIn") or name.endswith("Values"):
        return _listed(name, column, sql, values, asked)
    if column.kind != "datetime":
        raise bad_query(f"{NAMESPACE}{name} takes a date column; '{column.name}' is {edm_type(column)}.")
    local = column.behavior == "UserLocal"
    now = asked.now.astimezone(asked.zone if local or column.date_only else UTC).replace(tzinfo=None)
    if name in periods.PLAIN:
        start, end = periods.plain(name, now)
    elif name in periods.COUNTED:
        start, end = periods.counted(name, _count(name, values), now)
    else:
        start, end = periods.on(name, _day(column, values, asked))
    conditions: list[str] = []
    parameters: list[str] = []
    for bound, marks in ((start, (">=", ">")), (end, ("<", "<="))):
        if bound is not None:
            conditions.append(f"{sql} {marks[_within_a_day(column, bound)]} ?")
            parameters.append(_edge(column, bound, asked))
    text = " AND ".join(conditions)
    return (f"({sql} IS NOT NULL AND NOT ({text}))" if name == "NotOn" else f"({text})"), list(parameters)


def _within_a_day(column: Column, bound: datetime) -> bool:
    """Whether the edge lies inside a day, where the column knows only whole days."""
    return column.date_only and bound != periods.day_of(bound)


def _edge(column: Column, bound: datetime, asked: Asked) -> str:
    if column.date_only:
        return bound.date().isoformat()
    zone = asked.zone if column.behavior == "UserLocal" else UTC
    return bound.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None).isoformat()


def _mine(name: str, column: Column, sql: str, asked: Asked) -> tuple[str, list[Any]]:
    if column.kind not in ("lookup", "id", "guid"):
        raise bad_query(f"{NAMESPACE}{name} takes a lookup; '{column.name}' is {edm_type(column)}.")
    if name.endswith("Teams"):
        ids = [*asked.teams(), *([asked.user] if "Or" in name else [])]
        return f"coalesce({sql}, '') IN ({','.join('?' * len(ids))})", [str(id) for id in ids]
    wanted = asked.user if "User" in name else asked.business_unit
    return f"coalesce({sql}, '') {'<>' if name.startswith('Not') else '='} ?", [str(wanted)]


def _listed(name: str, column: Column, sql: str, values: Sequence[Literal], asked: Asked) -> tuple[str, list[Any]]:
    if not values:
        raise bad_query(f"{NAMESPACE}{name} takes a list of values.")
    if name.endswith("Values"):
        if column.kind != "multiselectpicklist":
            raise bad_query(f"{NAMESPACE}{name} takes a multi-select choice; '{column.name}' is {edm_type(column)}.")
        parts = " OR ".join([f"',' || {sql} || ',' LIKE ?"] * len(values))
        found = f"({sql} IS NOT NULL AND ({parts}))"
        return (found if name == "ContainValues" else f"NOT {found}"), [f"%,{value},%" for value in values]
    if name == "NotIn":
        listed = [encode(column, from_text(column, str(value))) for value in values]
        return f"({sql} IS NOT NULL AND {sql} NOT IN ({','.join('?' * len(listed))}))", listed
    if len(values) != 2 or column.kind not in INTEGERS | DECIMALS | {"datetime"}:
        raise bad_query(f"{NAMESPACE}{name} takes a number or date column and two values.")
    if column.kind == "datetime":
        edges: list[Any] = [_edge(column, _moment(column, value, asked), asked) for value in values]
    else:
        edges = [encode(column, from_text(column, str(value))) for value in values]
    return f"{sql} {'NOT ' if name == 'NotBetween' else ''}BETWEEN ? AND ?", edges


def _count(name: str, values: Sequence[Literal]) -> int:
    text = str(values[0]) if len(values) == 1 else ""
    if not text.isdigit() or int(text) == 0 or int(text) > 1_000_000:
        raise bad_query(f"{NAMESPACE}{name} takes a positive whole number.")
    return int(text)


def _day(column: Column, values: Sequence[Literal], asked: Asked) -> datetime:
    if len(values) != 1:
        raise bad_query("A function on a day takes one date.")
    return _moment(column, values[0], asked)


def _moment(column: Column, value: Literal, asked: Asked) -> datetime:
    """The point on the wall clock that a value means: instants move to the caller's zone, plain dates stay."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
        except ValueError:
            raise bad_query(f"'{value}' is not a date.") from None
    if isinstance(value, datetime):
        zone = asked.zone if column.behavior == "UserLocal" else UTC
        return value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    raise bad_query(f"'{value}' is not a date.")


def known(name: str) -> str:
    """The function's short name; what the platform has and this sandbox has not is refused as such."""
    short = name.removeprefix(NAMESPACE)
    if short in ELSEWHERE:
        raise unsupported(f"the query function {name}")
    return short if short in KNOWN else ""
