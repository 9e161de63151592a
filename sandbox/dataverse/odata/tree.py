"""What a filter says, as a tree of plain values."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.dataverse.odata.tokens import Literal


@dataclass(frozen=True, slots=True)
class Path:
    """A property, or one behind a single-valued navigation property (``sdkmessageid/name``)."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator literal``; the operator is eq, ne, gt, ge, lt or le."""

    path: Path
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class TextMatch:
    """``contains``, ``startswith`` or ``endswith`` of a property and a string."""

    function: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The property's value is in the list. ``as_text``: the list came as strings whatever the property's type."""

    path: Path
    values: tuple[Literal, ...]
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """``and`` or ``or`` of its parts."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | TextMatch | Membership | Not | Junction
