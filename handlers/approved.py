"""An approved entry and what it bills under, found in its set-up."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from handlers.ledger_plan import journal_line
from handlers.set_up import SetUp
from mappings.approved_entry import ApprovedEntry, Contract, Project
from mappings.choices import TimeType, TransactionClass, TransactionType, read
from mappings.contract_lines import ContractLine, contract_line, line_for
from mappings.entry import DATED, Approval, Entry
from mappings.inter_organizational import Owed, is_owed
from mappings.profile import Profile
from mappings.refusal import Refusal
from mappings.released import at_its_midnight, on_released_day
from mappings.tables import Ref


class Owner(StrEnum):
    """Who shall own actuals: the owner of their project or of their entry, or this service's own user."""

    PROJECT = "project"
    ENTRY = "entry"
    SERVICE = "service"


def approved_entry(
    entry: Entry,
    approval: Approval,
    set_up: SetUp,
    *,
    zone: ZoneInfo,
    profile: Profile,
    owner: Owner,
    owed: Owed,
    zero_price_is_held: bool,
) -> ApprovedEntry:
    """Everything the entry's actuals follow from. Raises ``Refusal`` where the set-up leaves that open."""
    kind_of_time = entry.row.choice("msdyn_type") if entry.row else None
    if kind_of_time is not None:
        read(TimeType, kind_of_time, entry.ref)
    project = set_up.project
    if project is None:
        raise Refusal("project-gone", "The entry's project can't be read; check that it exists and is shared.")
    task = entry.task.id if entry.task else None
    line = line_for(entry.transaction_class, _lines(set_up), task)
    contract = _contract(line, set_up)
    if line is not None and contract is None:
        raise Refusal(
            "contract-gone",
            f"The contract of {line.name} {line.ref} can't be read; check that it exists and is shared.",
        )
    is_time = entry.transaction_class is TransactionClass.TIME
    is_day = profile.day_of(entry.ref.table) == DATED[entry.ref.table]
    dated = on_released_day(at_its_midnight(entry, zone) if is_day else entry, approval, zone)
    found = ApprovedEntry(
        entry=replace(dated, category=dated.category or set_up.category),
        approval=approval,
        project=project,
        line=line,
        contract=contract,
        is_internal=not set_up.contracts,
        cost_line=journal_line(set_up, TransactionType.COST),
        sales_line=journal_line(set_up, TransactionType.UNBILLED_SALES),
        cost_currency=(
            set_up.currency(set_up.contracting_currency, f"The contracting unit of {project.ref}")
            if is_time
            else set_up.currency(entry.currency, "The expense")
        ),
        sales_currency=set_up.currency(contract.currency, contract.ref) if line and contract else None,
        zero_price_is_held=zero_price_is_held,
        owner=_owner(owner, entry, project),
        zone=zone,
        book=set_up.prices,
        chargeables=replace(set_up.chargeables, tasks=set_up.task_types),
        profile=profile,
        unit_line=journal_line(set_up, TransactionType.RESOURCING_UNIT_COST),
        transfer_line=journal_line(set_up, TransactionType.INTER_ORGANIZATIONAL_SALES),
    )
    if not is_owed(found, owed):
        return found
    unit = set_up.currency_of_unit(entry.resourcing_unit, "The resource's organizational unit")
    return replace(found, delivering_currency=unit)


def _lines(set_up: SetUp) -> list[ContractLine]:
    tasks = set_up.line_tasks
    return [line for row in set_up.lines if (line := contract_line(row, tasks.get(row.id, frozenset())))]


def _contract(line: ContractLine | None, set_up: SetUp) -> Contract | None:
    """The line's contract; without a line, the one contract the project belongs to."""
    if line is not None:
        return set_up.contracts.get(line.contract)
    return next(iter(set_up.contracts.values())) if len(set_up.contracts) == 1 else None


def _owner(owner: Owner, entry: Entry, project: Project) -> Ref | None:
    match owner:
        case Owner.PROJECT:
            return project.owner
        case Owner.ENTRY:
            return entry.row.link("ownerid") if entry.row else None
        case Owner.SERVICE:
            return None
