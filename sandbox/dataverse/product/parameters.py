"""Reading the JSON parameters of an action, and refusing what does not fit, as Dataverse would: with 400."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sandbox.dataverse.unit_of_work import Refused

_INVALID = "0x80048d19"


def ids(parameters: Mapping[str, object], name: str) -> list[UUID]:
    """Ids in one comma-separated text, spaces and braces allowed. (The product's own list format is undocumented.)"""
    value = parameters.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"Required field '{name}' is missing: a text with ids, separated by commas.", _INVALID)
    return [_id(part, name) for part in value.split(",") if part.strip()]


def whole_number(parameters: Mapping[str, object], name: str) -> int:
    """A required integer."""
    value = parameters.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"Required field '{name}' is missing: a whole number.", _INVALID)
    return value


def yes_or_no(parameters: Mapping[str, object], name: str) -> bool:
    """A required boolean."""
    value = parameters.get(name)
    if not isinstance(value, bool):
        raise Refused(f"Required field '{name}' is missing: true or false.", _INVALID)
    return value


def rows(parameters: Mapping[str, object], name: str, table: str) -> list[UUID]:
    """The ids of a collection of entities of one table, each an object with its primary key."""
    value = parameters.get(name)
    if not isinstance(value, list) or not value:
        raise Refused(f"Required field '{name}' is missing: a collection of {table} rows.", _INVALID)
    found = []
    for item in value:
        if not isinstance(item, Mapping) or not isinstance(item.get(f"{table}id"), str):
            raise Refused(f"Every item of '{name}' must be an object with {table}id.", _INVALID)
        kind = item.get("@odata.type")
        if kind is not None and (not isinstance(kind, str) or kind.rpartition(".")[2] != table):
            raise Refused(f"Every item of '{name}' must be a {table}, not {kind}.", _INVALID)
        found.append(_id(item[f"{table}id"], name))
    return found


def _id(value: str, name: str) -> UUID:
    try:
        return UUID(value.strip())
    except ValueError:
        raise Refused(f"'{name}' holds {value.strip()!r}, which is no id.", _INVALID) from None
