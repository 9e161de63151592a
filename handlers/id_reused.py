"""Whether the id of a command to invoice was given before, for another contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from connector.dataverse.query import Query, any_of
from handlers import command_record
from mappings import tables
from mappings.messages import CreateInvoices
from mappings.row import Row

REUSED = "command-id-reused"


def question(subjects: Iterable[CreateInvoices]) -> Query:
    """The attempts of these commands, on whichever contract."""
    names = sorted({command_record.attempt_name(one.command) for one in subjects})
    return Query(tables.COMMAND, ("psac_name", "psac_subject", "psac_outcome"), any_of("psac_name", names))


def reused(subjects: Sequence[CreateInvoices], attempts: Iterable[Row]) -> Mapping[CreateInvoices, UUID]:
    """The contract that was meant before, by command that was given again for another one.

    An attempt that was itself refused for that reason does not count. Of two that come together the first counts.
    """
    meant: defaultdict[str, list[UUID]] = defaultdict(list)
    for attempt in attempts:
        if command_record.outcome_of(attempt).get("code") != REUSED:
            meant[attempt.text("psac_name") or ""].append(UUID(attempt.text("psac_subject") or ""))
    found: dict[CreateInvoices, UUID] = {}
    for one in subjects:
        before = meant[command_record.attempt_name(one.command)]
        if one.contract in before:
            continue
        if before:
            found[one] = before[0]
        before.append(one.contract)
    return found
