"""What the demo company consists of, by frozen name: ids and expected decisions, without looking into any database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sandbox.company import sheet
from sandbox.company.names import company_id
from sandbox.company.sheet import Decision
from sandbox.dataverse.product.entries import EXPENSE, TIME


@dataclass(frozen=True, slots=True)
class LoadedEntry:
    """One submitted entry and its approval row. ``decision`` is what the approver changes first, if anything."""

    key: str
    table: str
    id: UUID
    approval: UUID
    project: str | None
    resource: str
    day: date
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Company:
    """Names → ids. Contracts are C1..C3, projects P1..P4; milestones and products go by their descriptions."""

    organizational_unit: UUID
    contracts: Mapping[str, UUID]
    contract_lines: Mapping[str, UUID]
    """By project name."""
    milestones: Mapping[str, UUID]
    products: Mapping[str, UUID]
    projects: Mapping[str, UUID]
    resources: Mapping[str, UUID]
    entries: Mapping[str, LoadedEntry]

    @property
    def approvals(self) -> Mapping[str, UUID]:
        """Approval ids by entry key."""
        return {key: entry.approval for key, entry in self.entries.items()}

    def of_project(self, project: str | None) -> list[LoadedEntry]:
        """The entries of one project, or those of none."""
        return [entry for entry in self.entries.values() if entry.project == project]

    def decided(self, decision: Decision) -> LoadedEntry:
        """The one entry the approver treats this way."""
        return next(entry for entry in self.entries.values() if entry.decision is decision)


def company() -> Company:
    """The demo company's names and ids; they are the same in every sandbox."""
    return Company(
        organizational_unit=company_id("msdyn_organizationalunit", "Fabrikam US"),
        contracts={key: company_id("salesorder", key) for key in sheet.CONTRACTS},
        contract_lines={
            key: company_id("salesorderdetail", key) for key, project in sheet.PROJECTS.items() if project.contract
        },
        milestones={
            name: company_id("msdyn_contractlinescheduleofvalue", name)
            for contract in sheet.CONTRACTS.values()
            for name, _, _ in contract.milestones
        },
        products={
            name: company_id("salesorderdetail", name)
            for contract in sheet.CONTRACTS.values()
            for name, _, _ in contract.products
        },
        projects={key: company_id("msdyn_project", key) for key in sheet.PROJECTS},
        resources={name: company_id("bookableresource", name) for name in sheet.RESOURCES},
        entries={entry.key: entry for entry in _entries()},
    )


def _entries() -> Iterator[LoadedEntry]:
    for time in sheet.TIME:
        for day in sheet.dates(time.weekday, time.a_month):
            yield _entry(sheet.time_key(time, day), TIME.table, time.project, time.resource, day)
    for expense in sheet.EXPENSES:
        for day in sheet.dates(expense.weekday, expense.a_month):
            yield _entry(sheet.expense_key(expense, day), EXPENSE.table, expense.project, expense.resource, day)


def _entry(key: str, table: str, project: str | None, resource: str, day: date) -> LoadedEntry:
    approval = company_id("msdyn_projectapproval", key)
    decision = sheet.DECISIONS.get(key)
    return LoadedEntry(key, table, company_id(table, key), approval, project, resource, day, decision)
