"""Relationships seen from the one side: which rows point to a row, and what the Web API calls them.

The names of Microsoft's own relationships that are known are in ``schema/_collections.json``. For the others the
platform's rule for made relationships is followed (``msdyn_<one>_<many>_<column>``); whether the product kept to it
everywhere is not known from public sources, so clients do well to read the names from the metadata.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.dataverse.catalog import Column, Table

KNOWN = Path(__file__).parent / "schema" / "_collections.json"


@dataclass(frozen=True, slots=True)
class Collection:
    """The rows of ``table`` whose ``lookup`` points to a row."""

    name: str
    table: Table
    lookup: Column


def collections_of(tables: Mapping[str, Table]) -> dict[str, Mapping[str, Collection]]:
    """By table: its collection-valued navigation properties by name."""
    found: dict[str, dict[str, Collection]] = {name: {} for name in tables}
    for table in tables.values():
        for lookup in table.lookups:
            for one in lookup.to:
                if one in found:
                    name = collection_name(one, table, lookup)
                    found[one][name] = Collection(name, table, lookup)
    return dict(found)


def collection_name(one: str, many: Table, lookup: Column) -> str:
    """What the table ``one`` calls the rows of ``many`` whose ``lookup`` points to one of its rows."""
    if one in lookup.relationships:
        return lookup.relationships[one][1]
    known = _known().get(f"{one}/{many.name}/{lookup.name}")
    if known:
        return known
    prefix, mark, rest = lookup.schema_name.partition("_")
    if not mark:
        return f"{one}_{many.name}_{lookup.name}"
    return f"{prefix}_{one}_{many.name}_{rest}"


@functools.cache
def _known() -> Mapping[str, str]:
    names: Mapping[str, str] = json.loads(KNOWN.read_text("utf-8"))["names"]
    return names
