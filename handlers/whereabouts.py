"""Where things were found the last time: by that, what will be wanted is asked for ahead. Never itself an answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from connector.dataverse.changes import ChangeSet, Create
from handlers.set_up import Basis, SetUp
from mappings import tables
from mappings.tables import Ref

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_ENTRIES, MOST_OTHERS = 4000, 4000
"""Of how many it is kept; whoever was not met for the longest time goes first."""
NOWHERE: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class OfProject:
    """What a project led to: its contracts and their customers, its unit, the lines that name it."""

    contracts: frozenset[UUID] = NOWHERE
    customers: frozenset[UUID] = NOWHERE
    units: frozenset[UUID] = NOWHERE
    lines: frozenset[UUID] = NOWHERE


@dataclass(frozen=True, slots=True)
class OfEntry:
    """What an entry led to. ``since``: when its approval had been written; ``actuals``: whoever wrote them."""

    basis: Basis
    since: datetime | None
    journal_lines: frozenset[UUID]
    actuals: frozenset[UUID]


class Whereabouts:
    """Of the entries, projects and resources met last. Safe between threads."""

    def __init__(self) -> None:
        self._entries = _Latest[UUID, OfEntry](MOST_ENTRIES)
        self._projects = _Latest[UUID, OfProject](MOST_OTHERS)
        self._units = _Latest[UUID, UUID](MOST_OTHERS)

    def entry(self, id: UUID) -> OfEntry | None:
        """What is known of an entry."""
        return self._entries.get(id)

    def project(self, id: UUID | None) -> OfProject:
        """What is known of a project; nothing where it was never met."""
        return (self._projects.get(id) if id else None) or OfProject()

    def unit(self, resource: UUID | None) -> UUID | None:
        """Which organizational unit a resource was in."""
        return self._units.get(resource) if resource else None

    def found(self, entry: UUID, facts: OfEntry, set_up: SetUp) -> None:
        """Keep what a look at an entry has found."""
        self._entries.put(entry, facts)
        if facts.basis.resource and set_up.resource_unit:
            self._units.put(facts.basis.resource, set_up.resource_unit)
        if facts.basis.project and set_up.project:
            unit = set_up.project.contracting_unit
            self._projects.put(
                facts.basis.project,
                OfProject(
                    contracts=frozenset(set_up.contracts),
                    customers=frozenset(one.customer.id for one in set_up.contracts.values() if one.customer),
                    units=frozenset({unit} if unit else ()),
                    lines=frozenset(line.id for line in set_up.lines),
                ),
            )

    def tried(self, subject: object, change_sets: Iterable[ChangeSet]) -> None:
        """What was to be written for a subject; whether it was carried out is for the next look to find."""
        if not isinstance(subject, Ref) or (known := self._entries.get(subject.id)) is None:
            return
        new = {one.row for changes in change_sets for one in changes.changes if isinstance(one, Create)}
        actuals = known.actuals.union(row.id for row in new if row.table == tables.ACTUAL)
        self._entries.put(subject.id, replace(known, actuals=actuals))


class _Latest(Generic[K, V]):
    """So many of the latest by name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: K) -> V | None:
        with self._lock:
            return self._kept.get(name)

    def put(self, name: K, what: V) -> None:
        with self._lock:
            self._kept[name] = what
            self._kept.move_to_end(name)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
