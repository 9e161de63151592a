"""The set-up of each entry, prices and settings included where they are needed: read, or told from the last minute."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from connector.dataverse.access import Reader
from handlers import expected, price_facts
from handlers.price_needs import Need, need_of
from handlers.reading import ask
from handlers.seldom_changed import Lately, Reading
from handlers.set_up import SetUp, SetUps, basis_of, journal_lines_of
from mappings.entry import Approval, Entry
from mappings.profile import Profile
from mappings.tables import Ref

_UNKNOWN = datetime.max.replace(tzinfo=UTC)
_GRAIN = timedelta(seconds=1)
"""When a row was written is told to the second, and never rounded up."""


def set_ups(
    entries: Mapping[Ref, Entry | None],
    approvals: Mapping[Ref, Approval],
    journal_lines: Mapping[Ref, Collection[UUID]],
    dataverse: Reader,
    profile: Profile,
) -> dict[Ref, SetUp]:
    """Two requests, one where they lead where they led before, and two more where some price is open; none for what was
    read in the last minute.

    ``entries`` are as approved, ``approvals`` the one that holds for each entry, where there is one.
    """
    if isinstance(dataverse, Lately):
        told = _told(entries, approvals, journal_lines, dataverse)
        if told is not None:
            dataverse.has_told = True
            return told
        dataverse.expect(*expected.behind_set_ups(entries.values(), dataverse, profile))
    lines = (id for ids in journal_lines.values() for id in ids)
    read = SetUps.read((entry for entry in entries.values() if entry), lines, dataverse, profile)
    found = {ref: read.of(entry, journal_lines[ref]) for ref, entry in entries.items()}
    needs = _needs(found, entries, approvals)
    prices = price_facts.read(list(needs.values()), dataverse, profile) if needs else None
    if isinstance(dataverse, Lately):
        dataverse.seldom_changed.keep(
            Reading(
                dataverse.began,
                bases=frozenset(basis_of(entry) for entry in entries.values()),
                set_ups=replace(read, journal_lines=[]),
                prices=replace(prices, own_values={}) if prices is not None else None,
                priced=frozenset(need.scope for need in needs.values()),
            )
        )
    if prices is None:
        return found
    return {ref: price_facts.completed(one, prices, ref) if ref in needs else one for ref, one in found.items()}


def _told(
    entries: Mapping[Ref, Entry | None],
    approvals: Mapping[Ref, Approval],
    journal_lines: Mapping[Ref, Collection[UUID]],
    lately: Lately,
) -> dict[Ref, SetUp] | None:
    """The same from what is kept; ``None`` as soon as one entry's is not. What may change any time is asked for."""
    readings: dict[Ref, Reading] = {}
    for ref, entry in entries.items():
        reading = lately.seldom_changed.of(basis_of(entry), written_by(approvals.get(ref)))
        if reading is None:
            return None
        readings[ref] = reading
    wanted = sorted({id for ids in journal_lines.values() for id in ids})
    rows = ask(lately, journal_lines_of(wanted))[0] if wanted else []
    found = {
        ref: replace(readings[ref].set_ups, journal_lines=rows).of(entry, journal_lines[ref])
        for ref, entry in entries.items()
    }
    needs = _needs(found, entries, approvals)
    if any(need.scope not in readings[ref].priced for ref, need in needs.items()):
        return None
    prices = {ref: kept for ref in needs if (kept := readings[ref].prices) is not None}
    own = price_facts.own_values([(need, prices[ref]) for ref, need in needs.items()], lately)
    return {
        ref: price_facts.completed(one, replace(prices[ref], own_values=own), ref) if ref in prices else one
        for ref, one in found.items()
    }


def _needs(
    found: Mapping[Ref, SetUp], entries: Mapping[Ref, Entry | None], approvals: Mapping[Ref, Approval]
) -> dict[Ref, Need]:
    return {
        ref: need
        for ref, approval in approvals.items()
        if (entry := entries.get(ref)) and (need := need_of(entry, approval, found[ref])) is not None
    }


def written_by(approval: Approval | None) -> datetime | None:
    """When the approval had been written for certain; one that does not say when was written just now."""
    if approval is None:
        return None
    written = approval.row.instant("modifiedon") if approval.row else None
    return written + _GRAIN if written else _UNKNOWN
