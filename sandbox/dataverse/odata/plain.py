"""A filter's tree applied to plain values: metadata is filtered in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.dataverse.odata.tree import Comparison, Condition, Junction, Membership, Not, Path
from sandbox.dataverse.refusals import bad_query, unsupported


def holds(tree: Condition, facts: Mapping[str, Any]) -> bool:
    """Whether the values meet the filter; only equality and membership are known here."""
    if isinstance(tree, Junction):
        parts = [holds(part, facts) for part in tree.parts]
        return all(parts) if tree.word == "and" else any(parts)
    if isinstance(tree, Not):
        return not holds(tree.part, facts)
    value = _value(tree.path, facts)
    if isinstance(tree, Comparison) and tree.operator in ("eq", "ne") and not isinstance(tree.value, Path):
        return bool((value == tree.value) == (tree.operator == "eq"))
    if isinstance(tree, Membership) and not tree.as_text:
        return value in tree.values
    raise unsupported("this comparison in a filter on metadata; eq, ne and in are known")


def _value(path: Path, facts: Mapping[str, Any]) -> Any:
    value: Any = facts
    for name in path.names:
        if not isinstance(value, Mapping) or name not in value:
            raise bad_query(f"Could not find a property named '{path}' on this type of metadata.")
        value = value[name]
    return value
