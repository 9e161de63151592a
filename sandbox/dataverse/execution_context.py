"""The RemoteExecutionContext that Dataverse posts: one committed write as JSON, member for member as it really looks.

Members are in alphabetical order; collections are arrays of key and value; a value whose static type is ``object``
begins with ``__type``, an image does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.unit_of_work import Cell, Link, Row, Written

Json = Mapping[str, object] | Sequence[object] | str | int | bool | Decimal | None
Names = Callable[[Link], str | None]
"""A row's primary name, if it has one."""

CONTRACTS: Final = "http://schemas.microsoft.com/xrm/2011/Contracts"
OBJECT_MODEL: Final = UUID("63cdbb1b-ea3e-db11-86a7-000a3a5473e8")
"""The platform's own step, in which the operation itself is carried out."""
AUTOMATIC_IMAGE: Final = "AsynchronousStepPrimaryName"
_NOBODY: Final = UUID(int=0)
_STAMPS: Final = ("modifiedon", "modifiedby", "modifiedonbehalfby")
_SYNCHRONOUS: Final = 0


@dataclass(frozen=True, slots=True)
class Image:
    """A registered snapshot: its alias, when it is taken, and of which columns (``None``: all)."""

    alias: str
    before: bool
    after: bool
    columns: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who posts: the organisation, the step, and the acting user's directory id."""

    organization: UUID
    organization_name: str
    business_unit: UUID
    step: UUID
    step_name: str
    mode: int
    user_object: UUID | None = None


def context(
    write: Written, table: Table, sender: Sender, images: Iterable[Image], operation: UUID, names: Names
) -> dict[str, Json]:
    """The whole context of one write for one step. ``operation`` is the system job's id."""
    synchronous = sender.mode == _SYNCHRONOUS
    snapshots = [*images]
    if not synchronous:
        columns = frozenset({table.name_column} if table.name_column else ())
        deleted = write.message == "Delete"
        snapshots.append(Image(AUTOMATIC_IMAGE, before=deleted, after=not deleted, columns=columns))
    own = _members(write, sender, operation, _shared(write), 40)
    own["InputParameters"] = [_pair("Target", _target(write, table, stamped=True))]
    if write.message == "Create":
        own["OutputParameters"] = [_pair("id", str(write.id))]
    own["PreEntityImages"] = _images(snapshots, write.before, table, names, lambda image: image.before)
    own["PostEntityImages"] = _images(snapshots, write.after, table, names, lambda image: image.after)
    parent = _members(write, sender, operation, _shared(write), 30)
    if synchronous:
        parent["OwningExtension"] = _extension(OBJECT_MODEL, "ObjectModel Implementation")
    parent["InputParameters"] = [
        _pair("Target", _target(write, table, stamped=False)),
        _pair("SuppressDuplicateDetection", False),
    ]
    own["ParentContext"] = dict(sorted(parent.items()))
    return dict(sorted(own.items()))


def without_bulk(whole: Mapping[str, Json]) -> dict[str, Json]:
    """What is left of a context that is too large to post: its ids, without parameters, images and parent."""
    cut: dict[str, Json] = {"InputParameters": [], "PreEntityImages": [], "PostEntityImages": [], "ParentContext": None}
    return {**whole, **cut}


def _members(write: Written, sender: Sender, operation: UUID, shared: Sequence[Json], stage: int) -> dict[str, Json]:
    synchronous = sender.mode == _SYNCHRONOUS
    user, person = str(write.user), str(sender.user_object or _NOBODY)
    return {
        "BusinessUnitId": str(sender.business_unit),
        "CorrelationId": str(write.correlation_id),
        "Depth": 1,
        "InitiatingUserAgent": "",
        "InitiatingUserAzureActiveDirectoryObjectId": person,
        "InitiatingUserId": user,
        "InputParameters": [],
        "IsExecutingOffline": False,
        "IsInTransaction": synchronous,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": write.message,
        "Mode": sender.mode,
        "OperationCreatedOn": _instant(write.at) if synchronous else _instant(write.at, "+0000"),
        "OperationId": str(write.request_id if synchronous else operation),
        "OrganizationId": str(sender.organization),
        "OrganizationName": sender.organization_name,
        "OutputParameters": [],
        "OwningExtension": _extension(sender.step, sender.step_name if synchronous else None),
        "ParentContext": None,
        "PostEntityImages": [],
        "PreEntityImages": [],
        "PrimaryEntityId": str(write.id),
        "PrimaryEntityName": write.table,
        "RequestId": str(write.request_id),
        "SecondaryEntityName": "none",
        "SharedVariables": shared,
        "Stage": stage,
        "UserAzureActiveDirectoryObjectId": person,
        "UserId": user,
    }


def _extension(step: UUID, name: str | None) -> dict[str, Json]:
    id: dict[str, Json] = {"Id": str(step), "KeyAttributes": [], "LogicalName": "sdkmessageprocessingstep"}
    return id | {"Name": name, "RowVersion": None}


def _shared(write: Written) -> list[Json]:
    pairs: list[Json] = [_pair("IsAutoTransact", True)]
    if write.message == "Create":
        pairs.append(_pair("DefaultsAddedFlag", True))
    return pairs + [_pair(name, value) for name, value in write.shared_variables.items()]


def _target(write: Written, table: Table, *, stamped: bool) -> Json:
    """An entity with the columns that were written, or for Delete a reference to the row.

    With ``stamped`` the columns the platform filled in are among them, as they are in a context but not in its parent.
    """
    if write.message == "Delete" or write.after is None:
        return _reference(Link(write.table, write.id), None)
    row = write.after
    columns = [table.columns[name] for name in _written(write, table, stamped=stamped) if name in table.columns]
    attributes = [_pair(column.name, wrap(column, row.get(column.name))) for column in columns]
    if stamped and "modifiedonbehalfby" in table.columns and row.get("modifiedonbehalfby") is None:
        attributes.append(_pair("modifiedonbehalfby", None))
    return {"__type": f"Entity:{CONTRACTS}", **_entity(write.table, write.id, attributes)}


def _written(write: Written, table: Table, *, stamped: bool) -> list[str]:
    row = write.after or {}
    if write.message == "Create":
        return [name for name, cell in row.items() if cell is not None and name != "versionnumber"]
    names = sorted(write.changed - {table.id_column})
    if stamped:
        money = [name for name in names if table.columns[name].kind == "money"]
        names += [f"{name}_base" for name in money if f"{name}_base" in table.columns]
        names += ["transactioncurrencyid", "exchangerate"] if money else []
        names += [name for name in _STAMPS if row.get(name) is not None]
    return list(dict.fromkeys([*names, table.id_column]))


def _images(
    images: Iterable[Image], row: Row | None, table: Table, names: Names, taken: Callable[[Image], bool]
) -> list[Json]:
    return [
        _pair(image.alias, _snapshot(row, table, image.columns, names))
        for image in images
        if row is not None and taken(image)
    ]


def _snapshot(row: Row, table: Table, columns: frozenset[str] | None, names: Names) -> Json:
    """The columns that hold something, the row's id always among them; lookups with their names."""
    attributes = [
        _pair(name, wrap(column, row.get(name), names))
        for name, column in table.columns.items()
        if row.get(name) is not None
        and name != "versionnumber"
        and (columns is None or name in columns or name == table.id_column)
    ]
    id = row[table.id_column]
    return _entity(table.name, id if isinstance(id, UUID) else _NOBODY, attributes)


def wrap(column: Column, cell: Cell, names: Names | None = None) -> Json:
    """One column's value as the context carries it."""
    if cell is None:
        return None
    if isinstance(cell, Link):
        return _reference(cell, names(cell) if names else None)
    if isinstance(cell, datetime):
        return _instant(cell)
    if isinstance(cell, date):
        return _instant(datetime.combine(cell, time(), UTC))
    if isinstance(cell, UUID):
        return str(cell)
    if column.kind in ("picklist", "state", "status"):
        return {"__type": f"OptionSetValue:{CONTRACTS}", "Value": cell}
    if column.kind == "money":
        return {"__type": f"Money:{CONTRACTS}", "Value": cell}
    if column.kind == "multiselectpicklist" and isinstance(cell, str):
        chosen = [int(value) for value in cell.split(",") if value.strip()]
        return [{"__type": f"OptionSetValue:{CONTRACTS}", "Value": value} for value in chosen]
    return cell


def _entity(table: str, id: UUID, attributes: Sequence[Json]) -> dict[str, Json]:
    return {
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": str(id),
        "KeyAttributes": [],
        "LogicalName": table,
        "RelatedEntities": [],
        "RowVersion": None,
    }


def _reference(link: Link, name: str | None) -> Json:
    return {
        "__type": f"EntityReference:{CONTRACTS}",
        "Id": str(link.id),
        "KeyAttributes": [],
        "LogicalName": link.table,
        "Name": name,
        "RowVersion": None,
    }


def _pair(name: str, value: Json) -> dict[str, Json]:
    return {"key": name, "value": value}


def _instant(moment: datetime, offset: str = "") -> str:
    """Milliseconds since 1970 UTC; the offset is for show only."""
    return f"/Date({int(moment.timestamp() * 1000)}{offset})/"
