"""Which invoices came of which call, told from those of colleagues, of other commands, and of the product's own jobs.

No invoice names the call it came of. It is told by contract, time and creator, and by the rows that stand on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Compare, Query, all_of, any_of
from handlers import command_record
from handlers.command_record import State
from handlers.invoice_contents import read
from handlers.reading import ask
from mappings import tables
from mappings.backlog import Backlog
from mappings.invoice import Invoice
from mappings.row import Row
from mappings.tables import Ref

_COLUMNS = ("salesorderid", "createdon", "createdby")
_UNSURE = (State.CALLING, State.IN_DOUBT)
_OPEN = (State.CALLING, State.CALLED, State.IN_DOUBT)
TOGETHER = timedelta(minutes=5)
"""How much later than the others an invoice of another customer may be created by the same call."""
_SYSTEM = "SYSTEM"
"""The name of the platform's own user, in every language; what runs in the background is created by it."""


def rows_of(attempt: Row) -> list[Ref]:
    """The rows an attempt was expected to take."""
    return [Ref(Backlog(backlog).table, UUID(id)) for backlog, id in _asked(attempt).get("rows", ())]


def named_by(attempt: Row) -> list[UUID]:
    """The invoices that an attempt's record says came of it, or that the product answered with."""
    invoices = cast(list[dict[str, str]], command_record.outcome_of(attempt).get("invoices", []))
    return [UUID(invoice["id"]) for invoice in invoices]


def recognised(mine: Sequence[Row], attempts: Sequence[Row], dataverse: Reader) -> dict[UUID, list[Invoice]]:
    """By attempt of ``mine``, the invoices that came of it, the oldest first, with all that is on them.

    Looked at are those of its contract since it called, before the contract's next call, that no other attempt has
    told to be its own. ``attempts``: all attempts on these contracts.
    """
    if not mine:
        return {}
    (created,) = ask(
        dataverse,
        Query(
            tables.INVOICE,
            _COLUMNS,
            all_of(
                any_of("salesorderid", sorted({UUID(one.text("psac_subject") or "") for one in mine})),
                Compare("createdon", "ge", min(command_record.called_at(one) for one in mine)),
            ),
            order_by=("createdon",),
        ),
    )
    on_contract: defaultdict[str | None, list[Row]] = defaultdict(list)
    for one in attempts:
        on_contract[one.text("psac_subject")].append(one)
    candidates: dict[UUID, list[Row]] = {}
    beside: dict[UUID, list[Row]] = {}
    for attempt in mine:
        subject = attempt.text("psac_subject")
        since = [one for one in created if str(one.link_id("salesorderid")) == subject]
        beside[attempt.id] = others = [one for one in on_contract[subject] if one.id != attempt.id] if since else []
        # Instants are kept to the second: what another attempt has told to be its own is not this one's.
        told = {id for other in others for id in named_by(other)}
        candidates[attempt.id] = [one for one in since if one.id not in told and _in_time(one, attempt, others)]
    wanted = {one.id for some in candidates.values() for one in some}
    invoices = read(wanted, dataverse) if wanted else {}
    found: dict[UUID, list[Invoice]] = {}
    for attempt in mine:
        there = [invoices[one.id] for one in candidates[attempt.id] if one.id in invoices]
        found[attempt.id] = _by_its_creator(attempt, there, beside[attempt.id])
        if not found[attempt.id] and command_record.state_of(attempt) not in _UNSURE:
            found[attempt.id] = _by_the_system([one for one in there if took(one, attempt)], dataverse)
    return found


def _by_its_creator(attempt: Row, candidates: Iterable[Invoice], others: Iterable[Row]) -> list[Invoice]:
    """The one that the product answered with, and those that whoever called created and that took rows of the attempt.

    Where nothing is certain, and the attempt is sure of its call, any that they created, unless it took rows of another
    attempt. Where the product makes one for each customer, those of others belong to it too: a row marked ready during
    the call may be all that stands on one.
    """
    callers, answered = command_record.callers(attempt), set(named_by(attempt))
    own = [one for one in candidates if one.row.link_id("createdby") in callers or one.id in answered]
    certain = [one for one in own if one.id in answered or took(one, attempt)]
    rivals = [one for one in others if command_record.state_of(one) in _OPEN]
    rest = [one for one in own if one not in certain and not any(took(one, rival) for rival in rivals)]
    if certain:
        return [*certain, *_of_other_customers(certain, rest)] if _asked(attempt).get("several") else certain
    # Whether the product was called is not known: what the same person made of other rows is not ours.
    return [] if answered or command_record.state_of(attempt) in _UNSURE else rest


def _of_other_customers(certain: Sequence[Invoice], rest: Iterable[Invoice]) -> list[Invoice]:
    """What was made beside these in one go: one for each customer who has none of them."""
    times = [made for one in certain if (made := one.row.instant("createdon")) is not None]
    found = {one.customer: one for one in certain}
    beside = []
    for one in rest:
        made = one.row.instant("createdon")
        if one.customer not in found and made is not None and times and made <= max(times) + TOGETHER:
            found[one.customer] = one
            beside.append(one)
    return beside


def _by_the_system(candidates: Sequence[Invoice], dataverse: Reader) -> list[Invoice]:
    """Those that the platform itself created. What a colleague made of the same rows is theirs."""
    creators = sorted({id for one in candidates if (id := one.row.link_id("createdby")) is not None})
    if not creators:
        return []
    (users,) = ask(dataverse, Query(tables.USER, ("fullname",), any_of("systemuserid", creators)))
    system = {user.id for user in users if user.text("fullname") == _SYSTEM}
    return [one for one in candidates if one.row.link_id("createdby") in system]


def took(invoice: Invoice, attempt: Row) -> bool:
    """A row of the attempt stands on it. Where nothing ties details to milestones, any milestone may be one of them."""
    rows = set(rows_of(attempt))
    on = {detail.source for detail in invoice.details}
    products = (line.contract_line for line in invoice.lines if not line.is_project)
    on |= {Ref(tables.CONTRACT_LINE, id) for id in products if id is not None}
    loose = any(detail.is_milestone and detail.source is None for detail in invoice.details)
    return bool(rows & on) or (loose and any(row.table == tables.MILESTONE for row in rows))


def _in_time(invoice: Row, attempt: Row, others: Iterable[Row]) -> bool:
    """Not before the attempt's call, and before the next call on its contract, whatever its mark.

    Marks have gaps, and begin anew with a new lease: a withdrawn attempt is made again under a later one.
    """
    created, since = invoice.instant("createdon"), command_record.called_at(attempt)
    following = [command_record.called_at(one) for one in others if _called_after(since, one)]
    return created is not None and created >= since and (not following or created < min(following) or created == since)


def _called_after(since: datetime, other: Row) -> bool:
    """Another attempt certainly called after it. Of one that is done, only its begin and its end are known."""
    match command_record.state_of(other):
        case State.CALLING | State.CALLED | State.IN_DOUBT:
            return command_record.called_at(other) > since
        case State.DONE:
            begun = other.instant("createdon")
            return bool(named_by(other)) and begun is not None and begun > since
        case _:
            return False


def _asked(attempt: Row) -> Mapping[str, Any]:
    selection = command_record.selection_of(attempt)
    return selection if isinstance(selection, dict) else {}
