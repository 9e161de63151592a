"""``$expand`` over single-valued navigation properties, with ``$select`` and further ``$expand`` inside."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.dataverse.catalog import Catalog, Column, Table
from sandbox.dataverse.odata.sql import navigation
from sandbox.dataverse.refusals import bad_query, unsupported


@dataclass(frozen=True, slots=True)
class Expansion:
    """One navigation property to be followed, and what to show of the row behind it."""

    navigation: str
    lookup: Column
    target: Table
    select: str | None
    inner: list[Expansion]


def split_outside_parentheses(text: str, mark: str) -> list[str]:
    """The parts of ``text`` between ``mark``s that are not inside parentheses."""
    parts, depth, part = [], 0, ""
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == mark and depth == 0:
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
    expansions = []
    for part in split_outside_parentheses(text, ","):
        name, options = clause(part)
        strange = set(options) - {"$select", "$expand"}
        if strange:
            raise unsupported(f"{', '.join(sorted(strange))} inside $expand")
        lookup, target = navigation(catalog, table, name)
        inner = parse_expand(catalog, target, options["$expand"]) if "$expand" in options else []
        expansions.append(Expansion(name, lookup, target, options.get("$select"), inner))
    return expansions
