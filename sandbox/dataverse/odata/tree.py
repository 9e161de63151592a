"""What a filter says, as a tree of plain values."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.dataverse.odata.tokens import Literal


@dataclass(frozen=True, slots=True)
class Path:
    """A property, or one behind single-valued navigation properties (``sdkmessageid/name``).

    Inside a lambda the first name is its variable (``o/name``).
    """

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator value``; the operator is eq, ne, gt, ge, lt or le, the value a literal or another property."""

    path: Path
    operator: str
    value: Literal | Path


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
class QueryFunction:
    """A query function of Dataverse's own (``Microsoft.Dynamics.CRM.LastXDays``), by its short name."""

    name: str
    path: Path
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    """``any`` or ``all`` over a collection; ``any`` without a condition asks whether there is a row at all."""

    word: str
    path: Path
    variable: str
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """``and`` or ``or`` of its parts."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | TextMatch | Membership | QueryFunction | Lambda | Not | Junction
