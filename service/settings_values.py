"""Values of settings that are more than a word or a number, read from whatever source they stand in."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError


def from_json(value: object) -> Any:
    """A variable can hold several values only as JSON; what a file says is several values already."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError as error:
        raise PydanticCustomError("json", "is not JSON") from error


def amount(value: object) -> Decimal:
    """An exact amount of zero or more."""
    try:
        read = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        read = None
    if read is None or not read.is_finite() or read < 0:
        raise PydanticCustomError("amount", "is no amount of zero or more, nor one for each currency")
    return read


def names(value: object) -> list[str]:
    """A list of names, none of them empty."""
    given = from_json(value)
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) and one.strip() for one in given):
        raise PydanticCustomError("names", "is no list of names")
    return [one.strip() for one in given]


def amounts(value: object) -> Decimal | dict[str, Decimal]:
    """An amount, or amounts by a currency's ISO code; a variable holds the latter as JSON."""
    given = from_json(value)
    if isinstance(given, dict):
        return {str(code).upper(): amount(one) for code, one in given.items()}
    return amount(given)


def zone(value: object) -> ZoneInfo:
    """The time zone of an IANA name."""
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(cast(str, value))
    except (KeyError, ValueError, TypeError, OSError) as error:
        # A directory of the time zone database ("Europe") is an OSError, an unknown name a KeyError.
        raise PydanticCustomError("time_zone", "is no time zone name") from error


def zones(value: object) -> dict[UUID, ZoneInfo]:
    """Time zones by the id of a row; what is wrong is named by the pair it stands in."""
    given = from_json(value)
    if not isinstance(given, dict):
        raise PydanticCustomError("zones", "is no table of ids and time zone names")
    read = {}
    for id, name in given.items():
        try:
            read[id if isinstance(id, UUID) else UUID(id)] = zone(name)
        except ValueError as error:
            raise PydanticCustomError("zones", "is no id of a unit with a time zone name each") from error
    return read
