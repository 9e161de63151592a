"""What one user may do, worked out from rows at every request, and the refusal of the rest in Dataverse's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.refusals import missing
from sandbox.dataverse.security.privileges import (
    ADMINISTRATOR,
    BUSINESS_UNIT,
    ORGANIZATION,
    PARENT_CHILD,
    USER,
    privilege_id,
    privilege_name,
)
from sandbox.dataverse.store import Store
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

DENIED: Final = "0x80040220"
TYPE_CODES: Final = {"account": 1, "contact": 2, "systemuser": 8, "team": 9, "businessunit": 10, "product": 1024} | {
    "salesorder": 1088,
    "salesorderdetail": 1089,
    "invoice": 1090,
    "invoicedetail": 1091,
}
"""Object type codes of standard tables; custom tables have one per environment, here always 10000."""


@dataclass(frozen=True, slots=True)
class Rights:
    """A user's rights. ``depths``: the depth of each privilege by its name in lower case; ``None``: all of them, and
    then the units do not matter and are left out."""

    store: Store
    user: UUID
    unit: str | None
    units_below: frozenset[str]
    roles: int
    depths: Mapping[str, int] | None

    def need(self, privilege: str, table: Table | None = None) -> int:
        """The depth of a privilege the user needs; refused when there is none."""
        if self.depths is None:
            return ORGANIZATION
        depth = self.depths.get(privilege.lower(), 0)
        if depth == 0:
            raise self.lacks(privilege, table)
        return depth

    def need_on(self, access: str, table: Table) -> int:
        """The depth of the access to a table's rows; refused when there is none."""
        return self.need(privilege_name(access, table), table)

    def need_row(self, access: str, table: Table, id: UUID) -> None:
        """Refused unless the access reaches this row."""
        depth = self.need_on(access, table)
        columns = owning(table)
        if depth >= ORGANIZATION or columns is None:
            return
        found = self.store.values(table, id, *columns)
        if found is None:
            raise missing(table.name, id)
        owner, unit = found
        if not self.reaches(depth, owner, unit):
            raise self.too_far(access, table, id, owner, unit)

    def reaches(self, depth: int, owner: Any, unit: Any) -> bool:
        """Whether a depth reaches rows of this owner and business unit."""
        if depth >= ORGANIZATION or owner == str(self.user):
            return True
        if depth >= PARENT_CHILD and unit in self.units_below:
            return True
        return depth >= BUSINESS_UNIT and unit is not None and unit == self.unit

    def visible(self, table: Table) -> tuple[str, list[str]] | None:
        """The SQL condition that the rows the user may read meet; ``None``: all of them."""
        if self.depths is None:
            return None
        depth = self.depths.get(privilege_name("Read", table).lower(), 0)
        columns = owning(table)
        if depth == 0:
            return "0", []
        if depth >= ORGANIZATION or columns is None:
            return None
        owner, unit = columns
        conditions, parameters = [f'"{owner}" = ?'], [str(self.user)]
        units = {self.unit} if depth > USER else set()
        known = sorted(name for name in units | (self.units_below if depth >= PARENT_CHILD else set()) if name)
        if known:
            conditions.append(f'"{unit}" IN ({", ".join("?" * len(known))})')
            parameters += known
        return " OR ".join(conditions), parameters

    def both(self, other: Rights) -> Rights:
        """What this user and another one may both do, as it is when one acts for the other."""
        if other.depths is None:
            return self
        theirs = other.depths
        mine = dict(theirs) if self.depths is None else self.depths
        shared = {name: min(depth, theirs[name]) for name, depth in mine.items() if name in theirs}
        return Rights(self.store, self.user, *_place(self.store, self.user), self.roles, shared)

    def lacks(self, privilege: str, table: Table | None) -> Refused:
        """The refusal of what needs a privilege the user does not have, or not deep enough."""
        about = ""
        if table is not None:
            code = TYPE_CODES.get(table.name, 10000)
            about = f" on OTC={code} for entity '{table.name}' (LocalizedName='{table.label or table.name}')"
        return Refused(
            f"Principal user (Id={self.user}, type=8, roleCount={self.roles}, "
            f"privilegeCount={len(self.depths or ())}, accessMode='0 Read-Write', businessUnitId={self.unit}), is "
            f"missing {privilege} privilege (Id={privilege_id(privilege)}){about}. context.Caller={self.user}. "
            "Consider adding missed privilege to one of the principal (user/team) roles.",
            DENIED,
            403,
        )

    def too_far(self, access: str, table: Table, id: UUID, owner: Any, unit: Any) -> Refused:
        """The refusal of an access that does not reach this row."""
        return Refused(
            f"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: {id}, OwnerId: {owner},  OwnerIdType: "
            f"8 and CallingUser: {self.user}. ObjectTypeCode: {TYPE_CODES.get(table.name, 10000)}, "
            f"objectBusinessUnitId: {unit}, AccessRights: {access}Access",
            DENIED,
            403,
        )


def owning(table: Table) -> tuple[str, str] | None:
    """The columns that say whose a row is: its owner and business unit; ``None`` where rows are the organization's."""
    if "ownerid" in table.columns and "owningbusinessunit" in table.columns:
        return "ownerid", "owningbusinessunit"
    if table.name in ("systemuser", "team"):
        return table.id_column, "businessunitid"
    return (table.id_column, table.id_column) if table.name == "businessunit" else None


def rights_of(uow: Transaction, user: UUID) -> Rights:
    """A user's rights from the roles assigned to them (not to their teams, which this sandbox leaves out)."""
    store = uow.store
    roles = [
        id for (id,) in store.execute('SELECT "roleid" FROM "systemuserroles" WHERE "systemuserid" = ?', [str(user)])
    ]
    if str(ADMINISTRATOR) in roles:
        return Rights(store, user, None, frozenset(), len(roles), None)
    marks = ", ".join("?" * len(roles))
    rows = store.execute(
        'SELECT p."name", r."privilegedepthmask" FROM "roleprivileges" r JOIN "privilege" p '  # noqa: S608
        f'ON p."privilegeid" = r."privilegeid" WHERE r."roleid" IN ({marks})',
        roles,
    )
    depths: dict[str, int] = {}
    for name, depth in rows:
        depths[name.lower()] = max(depth, depths.get(name.lower(), 0))
    return Rights(store, user, *_place(store, user), len(roles), depths)


def _place(store: Store, user: UUID) -> tuple[str | None, frozenset[str]]:
    """A user's business unit, and that unit with all units below it."""
    place = store.values(store.catalog.table("systemuser"), user, "businessunitid")
    unit: str | None = place[0] if place else None
    parents = dict(store.execute('SELECT "businessunitid", "parentbusinessunitid" FROM "businessunit"').fetchall())
    found = {unit} if unit else set()
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return unit, frozenset(found)
        found |= more
