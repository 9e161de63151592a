"""Entries, drafted and submitted as their owners would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from sandbox.company.names import company_id
from sandbox.company.rows import ORGANIZATIONAL_UNIT, Rows, ref
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.cells import filled, link
from sandbox.dataverse.product.choices import TimeType
from sandbox.dataverse.product.entries import EXPENSE, TIME, EntryKind
from sandbox.dataverse.product.submission import submit
from sandbox.dataverse.unit_of_work import Cell, Link


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submitted entry and its approval row."""

    table: str
    id: UUID
    approval: UUID


class Entries(Rows):
    """Adds entries. Without a key every call makes a new one; with a key the ids come from it."""

    def time(
        self,
        project: str | None,
        resource: str,
        minutes: int,
        on: date,
        *,
        role: str | None = None,
        type: int = TimeType.WORK,
        comment: str | None = None,
        key: str | None = None,
        unit: str = ORGANIZATIONAL_UNIT,
    ) -> UUID:
        """A draft time entry; the role is the resource's default one unless another is given."""
        values: dict[str, Cell] = {
            "msdyn_date": midnight(on),
            "msdyn_start": midnight(on),
            "msdyn_duration": minutes,
            "msdyn_type": type,
            "msdyn_entrystatus": TIME.draft,
            "msdyn_description": comment,
            "msdyn_bookableresource": ref("bookableresource", resource),
            "msdyn_resourceorganizationalunitid": ref("msdyn_organizationalunit", unit),
            "msdyn_resourcecategory": ref("bookableresourcecategory", role) if role else self._default_role(resource),
            "msdyn_project": None if project is None else ref("msdyn_project", project),
            "ownerid": ref("systemuser", resource),
        }
        return self._entry(TIME, values, key)

    def expense(
        self,
        project: str | None,
        resource: str,
        category: str,
        amount: Decimal,
        on: date,
        *,
        currency: UUID | None = None,
        quantity: Decimal = Decimal(1),
        unit: str = "Each",
        comment: str | None = None,
        key: str | None = None,
    ) -> UUID:
        """A draft expense of so many units; ``amount`` is the price of one, in the base currency unless said."""
        values: dict[str, Cell] = {
            "msdyn_name": comment or category,
            "msdyn_transactiondate": midnight(on),
            "msdyn_quantity": quantity,
            "msdyn_price": amount,
            "msdyn_amount": quantity * amount,
            "msdyn_salestaxamount": Decimal(0),
            "msdyn_totalamount": quantity * amount,
            "msdyn_expensestatus": EXPENSE.draft,
            "msdyn_expensecategory": ref("msdyn_expensecategory", category),
            "msdyn_bookableresource": ref("bookableresource", resource),
            "msdyn_resourceorganizationalunitid": ref("msdyn_organizationalunit", ORGANIZATIONAL_UNIT),
            "msdyn_unit": ref("uom", unit),
            "msdyn_unitgroup": ref("uomschedule", "Unit"),
            "msdyn_project": None if project is None else ref("msdyn_project", project),
            "transactioncurrencyid": None if currency is None else Link("transactioncurrency", currency),
            "ownerid": ref("systemuser", resource),
        }
        return self._entry(EXPENSE, values, key)

    def submitted_time(
        self,
        project: str | None,
        resource: str,
        minutes: int,
        on: date,
        *,
        role: str | None = None,
        type: int = TimeType.WORK,
        key: str | None = None,
        unit: str = ORGANIZATIONAL_UNIT,
    ) -> Submitted:
        """A time entry waiting for approval."""
        entry = self.time(project, resource, minutes, on, role=role, type=type, key=key, unit=unit)
        return self._submit(TIME, entry, key)

    def submitted_expense(
        self,
        project: str | None,
        resource: str,
        category: str,
        amount: Decimal,
        on: date,
        *,
        currency: UUID | None = None,
        key: str | None = None,
    ) -> Submitted:
        """An expense waiting for approval."""
        return self._submit(
            EXPENSE, self.expense(project, resource, category, amount, on, currency=currency, key=key), key
        )

    def _submit(self, kind: EntryKind, id: UUID, key: str | None) -> Submitted:
        approval = company_id("msdyn_projectapproval", key) if key else uuid4()
        return Submitted(kind.table, id, submit(self.work, kind, id, approval))

    def _entry(self, kind: EntryKind, values: dict[str, Cell], key: str | None) -> UUID:
        return self.work.create(kind.table, filled(values), company_id(kind.table, key) if key else uuid4())

    def _default_role(self, resource: str) -> Link | None:
        row = self.work.get("bookableresourcecategoryassn", company_id("bookableresourcecategoryassn", resource))
        return None if row is None else link(row, "resourcecategory")
