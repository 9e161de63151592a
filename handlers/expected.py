"""What a look at entries will probably ask for, by where things were found before: one round trip for several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from connector.dataverse.query import Query
from handlers import ledger_facts, set_up
from handlers.ledger_facts import Trace
from handlers.seldom_changed import Lately, SeldomChanged
from handlers.set_up import Basis, basis_of, journal_lines_of
from handlers.whereabouts import OfEntry, Whereabouts
from mappings.entry import Entry
from mappings.ledger import actual_columns
from mappings.profile import Profile
from mappings.tables import Ref


def of_another_look(refs: Sequence[Ref], seldom_changed: SeldomChanged, profile: Profile) -> list[Query]:
    """All there is besides the entries themselves, where every one was looked at before; else nothing."""
    where = seldom_changed.whereabouts
    known = {ref.id: found for ref in refs if (found := where.entry(ref.id)) is not None}
    if len(known) < len(refs):
        return []
    lines = {line for found in known.values() for line in found.journal_lines}
    # Origins are looked for in a text that no index covers, so one question looks for all of them; and they are read
    # before the actuals, so that none is known to be tied and unknown itself.
    ahead = [ledger_facts.origins_from({*known, *lines}), journal_lines_of(sorted(lines))]
    if not all(seldom_changed.of(found.basis, found.since) for found in known.values()):
        bases = [found.basis for found in known.values()]
        ahead += [*set_up.named_by(bases), *_behind(bases, where, profile)]
    tied = {id for found in known.values() for id in found.actuals}
    derived = {id for entry, found in known.items() for id in _again(entry, found, where)}
    return [*ahead, *ledger_facts.questions(tied | derived, tied, (), actual_columns(profile))]


def of_ledgers(
    entries: Mapping[Ref, Entry | None], traces: Mapping[UUID, Trace], lately: Lately, profile: Profile
) -> Sequence[Query]:
    """The ledgers of entries that were just read, by the customers of their projects where those are known."""
    where = lately.seldom_changed.whereabouts
    tied = {id for trace in traces.values() for id in trace.actuals}
    lines = {line for trace in traces.values() for line in trace.journal_lines}
    derived = {
        id for ref, entry in entries.items() for id in _derived(ref.id, basis_of(entry), traces[ref.id].actuals, where)
    }
    return ledger_facts.questions(tied | derived, tied, lines, actual_columns(profile))


def behind_set_ups(entries: Iterable[Entry | None], lately: Lately, profile: Profile) -> Sequence[Query]:
    """What stood behind the projects and resources of these entries when they were met last."""
    return _behind([basis_of(entry) for entry in entries], lately.seldom_changed.whereabouts, profile)


def _again(entry: UUID, found: OfEntry, where: Whereabouts) -> set[UUID]:
    return _derived(entry, found.basis, found.actuals, where)


def _derived(entry: UUID, basis: Basis, tied: Iterable[UUID], where: Whereabouts) -> set[UUID]:
    project = where.project(basis.project)
    unit = basis.unit or where.unit(basis.resource)
    between_units = unit is None or unit not in project.units
    return ledger_facts.derived_ids(entry, len(list(tied)), project.customers, between_units=between_units)


def _behind(bases: Sequence[Basis], where: Whereabouts, profile: Profile) -> Sequence[Query]:
    projects = [where.project(one) for one in {basis.project for basis in bases}]
    units = {unit for basis in bases for unit in (basis.unit, where.unit(basis.resource)) if unit}
    return set_up.behind(
        contracts={id for project in projects for id in project.contracts},
        units=units.union(*(project.units for project in projects)),
        lines=[id for project in projects for id in project.lines],
        profile=profile,
    )
