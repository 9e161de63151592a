"""A selection as one question to Dataverse: what a filter means in the columns of a backlog, in a stated time zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, either, equals
from handlers.reading import ask
from mappings import tables
from mappings.backlog import WORK_BASED, Backlog
from mappings.choices import AdjustmentStatus, ProductType, TransactionType
from mappings.refusal import Refusal
from mappings.selection import Filter, Selection, Status, columns, stages

NAMED = ("contracts", "customers", "projects", "resources", "roles")


def condition(
    backlog: Backlog, selection: Selection, statuses: Sequence[Status], zone: ZoneInfo, dataverse: Reader
) -> Condition:
    """What a row must be to be selected; ``statuses`` holds for a filter that names none.

    Rows named by id are selected whatever they are, so that each can be told why it is refused. Raises ``Refusal`` for
    a filter this backlog's rows can't be asked.
    """
    if selection.where is None:
        return any_of(f"{backlog.table}id", selection.rows)
    return filtered(backlog, selection.where, statuses, zone, dataverse)


def filtered(
    backlog: Backlog, where: Filter, statuses: Sequence[Status], zone: ZoneInfo, dataverse: Reader
) -> Condition:
    """What a row must be to meet the filter; see ``condition``."""
    if (fault := where.fault(backlog)) is not None:
        raise Refusal("unknown-filter", fault)
    return all_of(
        _kind(backlog),
        either(*(_stage(backlog, status) for status in where.statuses or statuses)),
        *_named(backlog, where, dataverse),
        *_dated(backlog, where.dated_from, where.dated_to, zone),
        *_worth(backlog, where),
    )


def _kind(backlog: Backlog) -> Condition:
    match backlog:
        case Backlog.TIME_AND_MATERIAL:
            return equals("msdyn_transactiontypecode", TransactionType.UNBILLED_SALES)
        case Backlog.PRODUCTS:
            goods = Compare("producttypecode", "ne", ProductType.PROJECT_BASED_SERVICE)
            return all_of(goods, equals("salesorderid/msdyn_ordertype", WORK_BASED))
        case Backlog.MILESTONES:
            return all_of()


def _stage(backlog: Backlog, status: Status) -> Condition:
    if status is Status.ADJUSTED:
        return any_of("msdyn_adjustmentstatus", (AdjustmentStatus.ADJUSTED, AdjustmentStatus.UNADJUSTABLE))
    held = any_of(backlog.status_column, stages(backlog)[status])
    if status is Status.OPEN and backlog is Backlog.TIME_AND_MATERIAL:
        return all_of(held, any_of("msdyn_adjustmentstatus", (None, AdjustmentStatus.IN_PROCESS)))
    return held


def _named(backlog: Backlog, where: Filter, dataverse: Reader) -> Iterable[Condition]:
    for name in NAMED:
        if ids := getattr(where, name):
            meeting: list[Condition] = [any_of(column, sorted(set(ids))) for column in columns(backlog)[name]]
            if backlog is Backlog.MILESTONES and name == "contracts":
                meeting.append(_of_lines(lines_of(ids, dataverse)))
            yield either(*meeting)
    if where.classes:
        yield any_of("msdyn_transactionclassification", [one.number for one in where.classes])


def lines_of(contracts: Iterable[UUID], dataverse: Reader) -> list[UUID]:
    """The contract lines of these contracts, by id."""
    (lines,) = ask(dataverse, Query(tables.CONTRACT_LINE, (), any_of("salesorderid", sorted(set(contracts)))))
    return sorted(line.id for line in lines)


def _of_lines(lines: Sequence[UUID]) -> Condition:
    """A milestone that names no contract belongs to that of its line."""
    return all_of(equals("msdyn_contract", None), any_of("msdyn_contractlineid", lines))


def _dated(backlog: Backlog, first: date | None, last: date | None, zone: ZoneInfo) -> Iterable[Condition]:
    for column in columns(backlog).get("dated", ()):
        if first is not None:
            yield Compare(column, "ge", _begins(first, zone))
        if last is not None:
            yield Compare(column, "lt", _begins(last + timedelta(days=1), zone))


def _worth(backlog: Backlog, where: Filter) -> Iterable[Condition]:
    for column in columns(backlog).get("amount", ()):
        if where.amount_from is not None:
            yield Compare(column, "ge", where.amount_from)
        if where.amount_to is not None:
            yield Compare(column, "le", where.amount_to)


def _begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
