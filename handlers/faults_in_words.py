"""What is wrong with a command, member by member, in words of our own; what stood there is not repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mappings.days import OUTSIDE
from mappings.messages import AnyCommand

KINDS = tuple(str(model.model_fields["kind"].default) for model in get_args(AnyCommand))

_WORDS = {
    "missing": "is missing.",
    "extra_forbidden": "is no field of this command.",
    "uuid_parsing": "is no GUID.",
    "uuid_type": "is no GUID.",
    "string_type": "is no text.",
    "bool_type": "is neither true nor false.",
    "bool_parsing": "is neither true nor false.",
    "tuple_type": "is no list.",
    "model_type": "is no object.",
    "model_attributes_type": "is no JSON object.",
    "dict_type": "is no object.",
    "date_type": "is no day; write it as 2026-01-31.",
    "date_parsing": "is no day; write it as 2026-01-31.",
    "date_from_datetime_parsing": "is no day; write it as 2026-01-31.",
    "date_from_datetime_inexact": "is a moment, not a day; write it as 2026-01-31.",
    "date_outside": f"{OUTSIDE}.",
    "decimal_type": "is no amount.",
    "decimal_parsing": "is no amount.",
    "finite_number": "is no amount.",
}
_WITH_FIGURES = {
    "literal_error": "must be {expected}.",
    "enum": "must be {expected}.",
    "string_too_short": "is empty.",
    "string_too_long": "is longer than {max_length} characters.",
    "too_long": "holds {actual_length} things, and at most {max_length} go in one.",
}


def in_words(error: ValidationError) -> str:
    """One sentence for every fault, in the order of the members."""
    return " ".join(_sentence(fault) for fault in error.errors(include_url=False, include_input=False))


def _sentence(fault: ErrorDetails) -> str:
    kind, told = fault["type"], fault.get("ctx") or {}
    where = ".".join(str(part) for part in fault["loc"] if part not in KINDS)
    if kind == "value_error":
        return str(told["error"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"kind must be one of {', '.join(KINDS)}."
    if kind == "json_invalid":
        return f"The body is no JSON: {told['error']}."
    return f"{where or 'The body'} {_what(kind, told)}"


def _what(kind: str, told: Mapping[str, Any]) -> str:
    if kind in _WITH_FIGURES:
        return _WITH_FIGURES[kind].format(**told)
    return _WORDS.get(kind, "is not as the schema has it.")
