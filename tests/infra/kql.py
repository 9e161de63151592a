"""What the alerts' queries find in metrics, replayed: of Kusto's language no more than these queries use.

Each stage is one function over rows; whatever else a query says is refused, so that no test holds by misreading one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import ge, gt, lt
from typing import Any

from tests.infra.paper import duration

Row = dict[str, Any]
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
OPERATORS: dict[str, Callable[[float, float], bool]] = {"GreaterThan": gt, "GreaterThanOrEqual": ge, "LessThan": lt}


def metric(name: str, at: datetime, value: float, **properties: str) -> Row:
    """A metric as it arrives: its value is its ``Sum``."""
    return {"Name": name, "TimeGenerated": at, "Sum": value, "Properties": properties}


def rings(rule: Mapping[str, Any], told: Sequence[Row], begin: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """When an alert begins, by what it is split by: while it is on it tells of nothing more. ``told``: in order."""
    (criterion,) = rule["criteria"]["allOf"]
    split, window = [one["name"] for one in criterion["dimensions"]], duration(rule["windowSize"])
    moments = [row["TimeGenerated"] for row in told]
    on: set[str] = set()
    found = []
    now = begin
    while now <= end:
        rows = told[bisect_right(moments, now - window) : bisect_right(moments, now)]
        counts: dict[str, int] = {} if split else {"": 0}
        for row in answered(criterion["query"], rows, now):
            key = ",".join(str(row[column]) for column in split)
            counts[key] = counts.get(key, 0) + 1
        is_on = {
            key for key, count in counts.items() if OPERATORS[criterion["operator"]](count, criterion["threshold"])
        }
        found += [(now, key) for key in sorted(is_on - on)]
        on = is_on
        now += duration(rule["evaluationFrequency"])
    return found


def answered(query: str, rows: Sequence[Row], now: datetime) -> list[Row]:
    """The rows that a query answers with."""
    table, *stages = query.split(" | ")
    assert table == "AppMetrics", table
    found = list(rows)
    for stage in stages:
        word, _, rest = stage.partition(" ")
        found = list(STAGES[word](rest, found, now))
    return found


def _where(condition: str, rows: list[Row], now: datetime) -> Iterator[Row]:
    yield from (row for row in rows if _value(condition, row, now))


def _extend(assignment: str, rows: list[Row], now: datetime) -> Iterator[Row]:
    name, _, expression = assignment.partition(" = ")
    before = re.fullmatch(r"prev\((\w+), (\d+), ([\d.]+)\)", expression)
    for index, row in enumerate(rows):
        if before is None:
            value = _value(expression, row, now)
        else:
            back = index - int(before[2])
            value = rows[back][before[1]] if back >= 0 else float(before[3])
        yield row | {name: value}


def _summarize(text: str, rows: list[Row], _: datetime) -> Iterator[Row]:
    said = re.fullmatch(r"(\w+) = max\(Sum\) by (?:(\w+), )?bin\(TimeGenerated, (\d+)([mhd])\)", text)
    assert said, text
    width = timedelta(**{UNITS[said[4]]: int(said[3])})
    groups: dict[tuple[Any, datetime], list[Row]] = {}
    for row in rows:
        at: datetime = row["TimeGenerated"]
        groups.setdefault(
            (row.get(said[2] or ""), at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % width), []
        ).append(row)
    # In no order: whoever needs one has to ask for it.
    for (key, at), several in sorted(groups.items(), key=lambda one: (hash(one[0][1]), str(one[0][0]))):
        yield {said[1]: max(row["Sum"] for row in several), "TimeGenerated": at} | ({said[2]: key} if said[2] else {})


def _sort(text: str, rows: list[Row], _: datetime) -> Iterator[Row]:
    assert text == "by TimeGenerated asc", text
    yield from sorted(rows, key=lambda row: row["TimeGenerated"])


def _expand(text: str, rows: list[Row], _: datetime) -> Iterator[Row]:
    said = re.fullmatch(r"(\w+) to typeof\(string\)", text)
    assert said, text
    yield from (row | {said[1]: one} for row in rows for one in row[said[1]])


def _value(expression: str, row: Row, now: datetime) -> Any:
    """The value of an expression, by way of Python, which writes most of it alike."""
    python = re.sub(r"Properties\.(\w+)", r'Properties.get("\1", "")', expression)
    python = re.sub(r"ago\((\d+)d\)", r"ago(\1)", python).replace("!in", "not in")
    names = {
        "tostring": str,
        "ago": lambda days: now - timedelta(days=days),
        "iff": lambda condition, yes, no: yes if condition else no,
        "dynamic": list,
    }
    return eval(python, {"__builtins__": {}}, names | row)  # noqa: S307 - the templates' own text


STAGES: dict[str, Callable[[str, list[Row], datetime], Iterator[Row]]] = {
    "where": _where,
    "extend": _extend,
    "summarize": _summarize,
    "sort": _sort,
    "mv-expand": _expand,
}
