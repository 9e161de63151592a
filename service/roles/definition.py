"""The roles as data: which privileges on which tables, how deep, and why; one TOML file each beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from service.registering.wanted import chosen

NAMES = ("runtime", "operator", "registrar")
DEPTHS = ("Basic", "Local", "Deep", "Global")
"""How far a privilege reaches, the least first, as the Web API names it."""
WORDS = {"Basic": "user", "Local": "business unit", "Deep": "parent: child business units", "Global": "organization"}
"""Depths as the editor of a role calls them."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights such as ``Read`` and ``AppendTo`` on one table; without ``optional`` ones only less is shown."""

    table: str
    rights: tuple[str, ...]
    why: str
    depth: str = "Global"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A privilege that belongs to no table, by its name."""

    name: str
    why: str
    depth: str = "Global"


@dataclass(frozen=True, slots=True)
class Role:
    """One role. ``key`` is what commands call it, ``name`` what it is called in Dataverse, ``who`` is to have it."""

    key: str
    name: str
    who: str
    tables: tuple[Rights, ...]
    privileges: tuple[Named, ...]

    @property
    def id(self) -> UUID:
        """Its id in the root business unit."""
        return chosen(f"role/{self.key}")

    def rights(self, table: str) -> tuple[str, ...]:
        """What it must have on a table; nothing where it may do without."""
        return next((one.rights for one in self.tables if one.table == table and not one.optional), ())


@cache
def shipped(key: str) -> Role:
    """One of ``NAMES``. Raises ``ValueError`` for a file that is not what it should be."""
    given = tomllib.loads((files(__package__) / f"{key}.toml").read_text(encoding="utf-8"))
    tables = tuple(_rights(one) for one in given["tables"])
    if len({one.table for one in tables}) != len(tables):
        raise ValueError(f"The role {key} names a table twice.")
    return Role(key, given["name"], given["who"], tables, tuple(Named(**one) for one in given.get("privileges", ())))


def _rights(given: Mapping[str, Any]) -> Rights:
    return Rights(**{**given, "rights": tuple(given["rights"])})
