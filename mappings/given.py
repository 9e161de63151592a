"""Values as programs write them in commands, taken at their word: what could mean something else is refused."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StrictBool
from pydantic_core import PydanticCustomError

from mappings.days import OUTSIDE, may_be_asked

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _is_a_day(value: object) -> object:
    """Neither a moment, whose day depends on the time zone, nor a number of seconds."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise PydanticCustomError("date_parsing", "no day")


def _may_be_asked(value: date) -> date:
    if not may_be_asked(value):
        raise PydanticCustomError("date_outside", OUTSIDE)
    return value


Day = Annotated[date, BeforeValidator(_is_a_day), AfterValidator(_may_be_asked)]
"""A business date, as 2026-01-31, from 1900 to 9998."""
Flag = StrictBool
"""True or false, and no word or number that may stand for it."""
