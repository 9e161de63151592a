"""What the platform fills in by itself: who and when, owner, state, and automatic numbers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sandbox.dataverse.catalog import Column, Table
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

FIRST_STATUS = {"product": (2, 0), "msdyn_expense": (0, 867380000), "pricelevel": (0, 100001)}
"""State and status of a new row where they are not the first of their lists."""


def created(table: Table, cells: Row, user: UUID, business_unit: UUID | None, now: datetime) -> None:
    """Fill a new row's stamps, in place. What was given stays, so that a company can be loaded with its history."""
    stamps: dict[str, Cell] = {
        "createdon": now,
        "modifiedon": now,
        "createdby": Link("systemuser", user),
        "modifiedby": Link("systemuser", user),
        "ownerid": Link("systemuser", user),
    }
    for name, cell in stamps.items():
        if name in table.columns and cells.get(name) is None:
            cells[name] = cell
    owned(table, cells, business_unit)
    _state(table, cells)


def changed(table: Table, cells: Row, user: UUID, business_unit: UUID | None, now: datetime) -> None:
    """Fill a changed row's stamps, in place."""
    if "modifiedon" in table.columns:
        cells["modifiedon"] = now
        cells["modifiedby"] = Link("systemuser", user)
    owned(table, cells, business_unit)


def on_behalf(table: Table, cells: Row, user: UUID, caller: UUID | None, *also: str) -> None:
    """Say who really wrote where they acted for ``user``, in place; ``also``: in these columns as well."""
    other = Link("systemuser", caller) if caller not in (None, user) else None
    for name in ("modifiedonbehalfby", *(also if other else ())):
        if name in table.columns:
            cells[name] = other


def owned(table: Table, cells: Row, business_unit: UUID | None) -> None:
    """Let the owning columns follow the owner."""
    owner = cells.get("ownerid")
    if not isinstance(owner, Link) or "owninguser" not in table.columns:
        return
    cells["owninguser"] = owner if owner.table == "systemuser" else None
    if "owningteam" in table.columns:
        cells["owningteam"] = owner if owner.table == "team" else None
    if business_unit and "owningbusinessunit" in table.columns:
        cells["owningbusinessunit"] = Link("businessunit", business_unit)


def _first(column: Column) -> int | None:
    return min(column.choices) if column.choices else None


def _state(table: Table, cells: Row) -> None:
    state, status = table.columns.get("statecode"), table.columns.get("statuscode")
    if state is None:
        return
    first_state, first_status = FIRST_STATUS.get(table.name, (_first(state), _first(status) if status else None))
    if cells.get("statecode") is None:
        cells["statecode"] = first_state
    if status is None:
        return
    if cells.get("statuscode") is not None:
        _agree(table, cells)
        return
    cells["statuscode"] = first_status if cells["statecode"] == first_state else matching_status(table, cells)


def restated(table: Table, cells: Row, before: Row) -> None:
    """Let the status follow a state that changes, in place; a status of another state is refused."""
    if "statuscode" not in table.columns or not cells.keys() & {"statecode", "statuscode"}:
        return
    if cells.get("statecode", before.get("statecode")) != before.get("statecode") and "statuscode" not in cells:
        cells["statuscode"] = matching_status(table, cells)
    _agree(table, dict(before) | cells)


def _agree(table: Table, row: Row) -> None:
    """Refuse a status that is called like another state than the row's: it belongs to that one.

    Which state the other statuses belong to is not in the schema files; they go with any.
    """
    states, state, status = table.columns["statecode"].choices, row.get("statecode"), row.get("statuscode")
    called = table.columns["statuscode"].choices.get(status) if isinstance(status, int) else None
    if isinstance(state, int) and called in states.values() and states.get(state) != called:
        raise Refused(
            f"{status} is not a valid status code for state code {table.name}State.{states.get(state)}.",
            "0x80048408",
        )


def matching_status(table: Table, cells: Row) -> int:
    """The status that goes with a newly set state; refused where the two cannot be told from the lists alone."""
    state = cells["statecode"]
    status = table.columns["statuscode"]
    plain = {0: 1, 1: 2}
    if isinstance(state, int) and state in plain and set(table.columns["statecode"].choices) == {0, 1}:
        answer = plain[state]
        if answer in status.choices:
            return answer
    raise Refused(
        f"Name the statuscode together with the statecode: which one belongs to state {state} of {table.name} "
        "is not known here.",
        "0x80048408",
    )
