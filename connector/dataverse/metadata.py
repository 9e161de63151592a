"""What an environment says about its own tables: set names, primary ids, column types, and how lookups are bound."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from connector.errors import Misconfigured

LOOKUP_TYPES = frozenset({"Lookup", "Customer", "Owner"})
UNREADABLE_TYPES = frozenset({"PartyList", "ManagedProperty", "CalendarRules"})


OWNER = "owner"
PRINCIPALS = frozenset({"systemuser", "team"})
"""An owner is described as one relationship to the abstract table ``owner``, and bound to one of these."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table as this environment has it.

    ``columns`` maps logical column names to attribute types; ``navigation`` maps a lookup column to its
    target tables and the navigation property that binds each.
    """

    name: str
    set_name: str
    primary_id: str
    columns: Mapping[str, str]
    navigation: Mapping[str, Mapping[str, str]]

    def type_of(self, column: str) -> str:
        """The column's attribute type; an unknown column is a ``Misconfigured`` that names it."""
        kind = self.columns.get(column)
        if kind is None:
            raise Misconfigured("unknown-column", f"This environment's table {self.name} has no column {column}.")
        if kind in UNREADABLE_TYPES:
            raise Misconfigured("unsupported-column", f"Column {column} of {self.name} is a {kind}: not supported.")
        return kind

    def is_lookup(self, column: str) -> bool:
        """Whether the column points at a row of another table."""
        return self.type_of(column) in LOOKUP_TYPES

    def wire_name(self, column: str) -> str:
        """The property that carries the column in requests and answers: lookups as ``_column_value``."""
        return f"_{column}_value" if self.is_lookup(column) else column

    def binding(self, column: str, target: str) -> str:
        """The navigation property that binds this lookup to a row of ``target``."""
        by_target = self.navigation.get(column, {})
        if target in PRINCIPALS and OWNER in by_target:
            target = OWNER
        if target not in by_target:
            known = ", ".join(sorted(by_target)) or "nothing this service knows of"
            raise Misconfigured("unknown-binding", f"{self.name}.{column} cannot point at {target}, only at {known}.")
        return by_target[target]

    def only_binding(self, column: str) -> str:
        """The navigation property of a lookup that leads to one table; any other column is a ``Misconfigured``."""
        bindings = sorted(self.navigation.get(column, {}).values())
        if len(bindings) != 1:
            raise Misconfigured(
                "unknown-binding", f"{self.name}.{column} leads to {len(bindings)} tables; it can't be looked through."
            )
        return bindings[0]


class Metadata:
    """The tables learned so far. ``ask`` is given a path below the service root and returns the parsed JSON answer.

    Tables are learned when first needed, all missing ones in one request, and kept; ``forget`` makes the next use ask
    again, which is how a table or column created later is found without a restart.
    """

    def __init__(self, ask: Callable[[str], object]) -> None:
        self._ask = ask
        self._tables: dict[str, Table] = {}
        self._lock = threading.Lock()

    def learn(self, names: Iterable[str]) -> None:
        """Make sure these tables are known; a name the environment does not have is a ``Misconfigured``."""
        with self._lock:
            self._learn(names)

    def table(self, name: str) -> Table:
        """One table, learned if need be."""
        with self._lock:
            self._learn([name])
            return self._tables[name]

    def table_of_set(self, set_name: str) -> Table:
        """The table behind an entity set name, as answers name it."""
        with self._lock:
            for table in self._tables.values():
                if table.set_name == set_name:
                    return table
            found = read_definitions(self._ask(definitions_path("EntitySetName", [set_name])))
            self._tables.update((table.name, table) for table in found)
        if not found:
            raise Misconfigured("unknown-table", f"This environment has no entity set {set_name}.")
        return found[0]

    def forget(self, name: str) -> None:
        """Ask again about this table when it is next used."""
        with self._lock:
            self._tables.pop(name, None)

    def _learn(self, names: Iterable[str]) -> None:
        missing = sorted(set(names) - self._tables.keys())
        if not missing:
            return
        found = read_definitions(self._ask(definitions_path("LogicalName", missing)))
        self._tables.update((table.name, table) for table in found)
        absent = [name for name in missing if name not in self._tables]
        if absent:
            raise Misconfigured("unknown-table", f"This environment has no table {', '.join(absent)}.")


def definitions_path(by: str, names: Sequence[str]) -> str:
    """The one request that says everything about these tables."""
    condition = quote(" or ".join(f"{by} eq '{name}'" for name in names), safe="'")
    return (
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute"
        f"&$filter={condition}"
        "&$expand=Attributes($select=LogicalName,AttributeType),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)"
    )


def read_definitions(answer: object) -> list[Table]:
    """The answer to ``definitions_path`` as tables. Raises ``Misconfigured`` when it has another shape."""
    try:
        rows = answer["value"]  # type: ignore[index]
        return [_table(row) for row in rows]
    except (KeyError, TypeError) as error:
        raise Misconfigured("unreadable-metadata", f"EntityDefinitions has an unknown shape: {error}.") from error


def _table(row: Mapping[str, object]) -> Table:
    navigation: dict[str, dict[str, str]] = {}
    for relation in row["ManyToOneRelationships"]:  # type: ignore[attr-defined]
        by_target = navigation.setdefault(str(relation["ReferencingAttribute"]), {})
        by_target[str(relation["ReferencedEntity"])] = str(relation["ReferencingEntityNavigationPropertyName"])
    return Table(
        name=str(row["LogicalName"]),
        set_name=str(row["EntitySetName"]),
        primary_id=str(row["PrimaryIdAttribute"]),
        columns={str(a["LogicalName"]): str(a["AttributeType"]) for a in row["Attributes"]},  # type: ignore[attr-defined]
        navigation=navigation,
    )
