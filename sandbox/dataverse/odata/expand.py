"""``$expand``: navigation properties to be followed, to one row or to many, with options inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.odata.sql import PRINCIPAL, is_owner, navigation
from sandbox.dataverse.refusals import bad_query, no_property

ONE = {"$select", "$expand"}
MANY = ONE | {"$filter", "$orderby", "$top"}
MOST = 15
"""Navigation properties one request may follow (expand tables, "limitations")."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """One navigation property to be followed, and what to show of what is behind it.

    ``many``: the rows of ``target`` whose ``lookup`` points here; otherwise the one row ``lookup`` points to.
    ``shape``: whether its row is shown, only its address (``/$ref``), or, of an owner, only the id. ``paged``: whether
    many rows come in pages, as they do where anything is expanded inside an expansion.
    """

    navigation: str
    lookup: Column
    target: Table
    many: bool
    options: dict[str, str]
    inner: list[Expansion]
    shape: Literal["row", "reference", "owner"] = "row"
    paged: bool = False


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
    return [_nested(one) for one in expansions] if any(one.inner for one in expansions) else expansions


def _nested(expansion: Expansion) -> Expansion:
    """Where an expansion stands inside another one, none of them can be sorted or cut off, and rows come in pages."""
    if {"$top", "$orderby"} & set(expansion.options):
        raise bad_query(
            "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or nested "
            "one-to-many relationship."
        )
    return replace(expansion, paged=True, inner=[_nested(one) for one in expansion.inner])


def _parse(catalog: Catalog, table: Table, text: str) -> list[Expansion]:
    expansions = []
    for part in split_outside_parentheses(text, ","):
        name, options = clause(part)
        name, reference = name.removesuffix("/$ref"), name.endswith("/$ref")
        collection = catalog.collections(table).get(name)
        if collection and reference:
            raise bad_query("Expand with $ref is only supported on lookup type navigation property.")
        if is_owner(table, name):
            expansions.append(_owner(table, name, options, reference=reference))
            continue
        if collection:
            lookup, target = collection.lookup, collection.table
        else:
            lookup, target = navigation(catalog, table, name)
        strange = set(options) - (set() if reference else MANY if collection else ONE)
        if strange and strange <= {"$orderby", "$top"} and not reference:
            raise bad_query(
                "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or "
                "nested one-to-many relationship."
            )
        if strange:
            raise bad_query(f"{', '.join(sorted(strange))} cannot be used inside the $expand of '{name}'.")
        inner = _parse(catalog, target, options["$expand"]) if "$expand" in options else []
        shape: Literal["row", "reference"] = "reference" if reference else "row"
        expansions.append(Expansion(name, lookup, target, collection is not None, options, inner, shape))
    return expansions


def _owner(table: Table, name: str, options: dict[str, str], *, reference: bool) -> Expansion:
    """An owner is a user or a team, and shows only what both have: an id."""
    chosen = [part.strip() for part in options.get("$select", name).split(",")]
    for part in chosen:
        if part != name:
            raise no_property(part, PRINCIPAL)
    if set(options) - {"$select"}:
        raise bad_query(f"{', '.join(sorted(options))} cannot be used inside the $expand of '{name}'.")
    return Expansion(name, table.columns[name], table, False, options, [], "reference" if reference else "owner")


def _count(expansions: list[Expansion]) -> int:
    return sum(1 + _count(expansion.inner) for expansion in expansions)
