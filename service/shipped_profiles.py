"""The profiles that ship with the product: how each product version is recognised, and what it names differently."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mappings.profile import PROJECT_OPERATIONS, PSA_3, Creator, Profile, ReadyMarking, SeveralCostLists, Tie

IN_ORDER = (PROJECT_OPERATIONS, PSA_3)
"""Project Operations has all that Project Service Automation has, so that it is looked for first."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A product version before an environment was asked.

    It is recognised by any one of ``tables``, ``columns`` (table and column) and ``messages``. ``profile`` holds what
    is the same wherever the version is installed; ``unit_cost_lists`` and ``days`` are candidates.
    """

    profile: Profile
    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    messages: tuple[str, ...]
    unit_cost_lists: Tie
    days: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def named_tables(self) -> frozenset[str]:
        """Every table an environment has to be asked about."""
        of_columns = (table for table, _ in self.columns)
        return frozenset((*self.tables, *of_columns, self.unit_cost_lists.table, *(table for table, _ in self.days)))


@cache
def shipped() -> tuple[Shipped, ...]:
    """All of them, in the order in which they are looked for."""
    return tuple(_read(name) for name in IN_ORDER)


def _read(name: str) -> Shipped:
    text = files("mappings").joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")
    given: Mapping[str, Any] = tomllib.loads(text)
    known_by: Mapping[str, list[str]] = given["known_by"]
    return Shipped(
        profile=Profile(
            name=given["name"],
            creators=frozenset(Creator(one) for one in given["creators"]),
            several_cost_lists=SeveralCostLists(given["several_cost_lists"]),
            ready_marking=ReadyMarking(given["ready_marking"]),
        ),
        tables=tuple(known_by.get("tables", ())),
        columns=tuple(
            (table, column) for table, _, column in (one.partition(".") for one in known_by.get("columns", ()))
        ),
        messages=tuple(known_by.get("messages", ())),
        unit_cost_lists=Tie(**given["unit_cost_lists"]),
        days=tuple((table, tuple(columns)) for table, columns in given["days"].items()),
    )
