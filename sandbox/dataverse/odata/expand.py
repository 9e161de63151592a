"""``$expand``: navigation properties to be followed, to one row or to many, with options inside."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.odata.sql import navigation
from sandbox.dataverse.refusals import bad_query

ONE = {"$select", "$expand"}
MANY = ONE | {"$filter", "$orderby", "$top", "$count"}
MOST = 15
"""Navigation properties one request may follow (expand tables, "limitations")."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """One navigation property to be followed, and what to show of what is behind it.

    ``many``: the rows of ``target`` whose ``lookup`` points here; otherwise the one row ``lookup`` points to.
    """

    navigation: str
    lookup: Column
    target: Table
    many: bool
    options: dict[str, str]
    inner: list[Expansion]


def split_outside_parentheses(text: str, mark: str) -> list[str]:
    """The parts of ``text`` between ``mark``s that are inside neither parentheses nor quotes."""
    parts, depth, part, quoted = [], 0, "", False
    for character in text:
        quoted ^= character == "'"
        if not quoted:
            depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == mark and depth == 0 and not quoted:
            parts.append(part)
            part = ""
        else:
            part += character
    if depth != 0:
        raise bad_query(f"Found an unbalanced bracket expression in '{text}'.")
    return [one.strip() for one in [*parts, part] if one.strip()]


def clause(text: str) -> tuple[str, dict[str, str]]:
    """``name($a=1;$b=2)`` → name and options."""
    name, bracket, rest = text.partition("(")
    if not bracket:
        return name.strip(), {}
    if not rest.endswith(")"):
        raise bad_query(f"Found an unbalanced bracket expression in '{text}'.")
    options: dict[str, str] = {}
    for option in split_outside_parentheses(rest[:-1], ";"):
        key, _, value = option.partition("=")
        options[key.strip()] = value.strip()
    return name.strip(), options


def parse_expand(catalog: Catalog, table: Table, text: str) -> list[Expansion]:
    """The expansions a ``$expand`` asks for."""
    expansions = _parse(catalog, table, text)
    if _count(expansions) > MOST:
        raise bad_query(f"The number of expanded navigation properties exceeds the limit of {MOST}.")
    return expansions


def _parse(catalog: Catalog, table: Table, text: str) -> list[Expansion]:
    expansions = []
    for part in split_outside_parentheses(text, ","):
        name, options = clause(part)
        collection = catalog.collections(table).get(name)
        if collection:
            lookup, target = collection.lookup, collection.table
        else:
            lookup, target = navigation(catalog, table, name)
        strange = set(options) - (MANY if collection else ONE)
        if strange:
            raise bad_query(f"{', '.join(sorted(strange))} cannot be used inside the $expand of '{name}'.")
        inner = _parse(catalog, target, options["$expand"]) if "$expand" in options else []
        expansions.append(Expansion(name, lookup, target, collection is not None, options, inner))
    return expansions


def _count(expansions: list[Expansion]) -> int:
    return sum(1 + _count(expansion.inner) for expansion in expansions)
