"""Values as programs write them in commands, taken at their word: what could mean something else is refused."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, StrictBool
from pydantic_core import PydanticCustomError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _is_a_day(value: object) -> object:
    """Neither a moment, whose day depends on the time zone, nor a number of seconds."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise PydanticCustomError("date_parsing", "no day")


Day = Annotated[date, BeforeValidator(_is_a_day)]
"""A business date, as 2026-01-31."""
Flag = StrictBool
"""True or false, and no word or number that may stand for it."""
