"""What one user may do, worked out from rows at every request, and the refusal of the rest in Dataverse's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.many_to_many import OF_PRODUCT
from sandbox.dataverse.refusals import missing
from sandbox.dataverse.security.principals import Principals, principals_of
from sandbox.dataverse.security.privileges import ORGANIZATION, privilege_id, privilege_name
from sandbox.dataverse.security.reach import EVERYWHERE, Reach, condition, deepest
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused

DENIED: Final = "0x80040220"
NO_ROLES: Final = "0x80042f09"
TYPE_CODES: Final = {"account": 1, "contact": 2, "systemuser": 8, "team": 9, "businessunit": 10, "product": 1024} | {
    "salesorder": 1088,
    "salesorderdetail": 1089,
    "invoice": 1090,
    "invoicedetail": 1091,
}
"""Object type codes of standard tables; custom tables have one per environment, here always 10000."""


@dataclass(frozen=True, slots=True)
class Rights:
    """A user's rights. ``reaches``: how far each privilege reaches, by its name in lower case; ``None``: all of them,
    everywhere."""

    principals: Principals
    user: UUID
    reaches: Mapping[str, tuple[Reach, ...]] | None

    def need(self, privilege: str, table: Table | None = None) -> tuple[Reach, ...]:
        """How far a privilege reaches that the user needs; refused when they do not have it."""
        if self.reaches is None:
            return (EVERYWHERE,)
        found = self.reaches.get(privilege.lower(), ())
        if not found:
            raise self.lacks(privilege, table)
        return found

    def need_on(self, access: str, table: Table) -> tuple[Reach, ...]:
        """How far the access to a table's rows reaches; refused when there is none."""
        if table.name in OF_PRODUCT:
            catalog = self.principals.store.catalog
            return min((self.need_on(access, catalog.table(end)) for end in OF_PRODUCT[table.name]), key=deepest)
        return self.need(privilege_name(access, table), table)

    def need_row(self, access: str, table: Table, id: UUID) -> None:
        """Refused unless the access reaches this row."""
        reaches = self.need_on(access, table)
        columns = owning(table)
        if columns is None or deepest(reaches) >= ORGANIZATION:
            return
        found = self.principals.store.values(table, id, *columns)
        if found is None:
            raise missing(table.name, id)
        self.need_place(access, table, id, *found)

    def need_place(self, access: str, table: Table, id: UUID, owner: Any, unit: Any) -> None:
        """Refused unless the access reaches a row of this owner and business unit."""
        if not any(reach.covers(owner, unit) for reach in self.need_on(access, table)):
            raise self.too_far(access, table, id, owner, unit)

    def visible(self, table: Table) -> tuple[str, list[str]] | None:
        """The SQL condition that the rows the user may read meet; ``None``: all of them."""
        if self.reaches is None:
            return None
        if table.name in OF_PRODUCT:
            catalog = self.principals.store.catalog
            ends = [self.visible(catalog.table(end)) for end in OF_PRODUCT[table.name]]
            return next((end for end in ends if end is not None), None)
        reaches = self.reaches.get(privilege_name("Read", table).lower(), ())
        columns = owning(table)
        if not reaches:
            return "0", []
        if deepest(reaches) >= ORGANIZATION or columns is None:
            return None
        return condition(reaches, *columns)

    def both(self, other: Rights) -> Rights:
        """What this user and another one may both do, as it is when one acts for the other."""
        if other.reaches is None:
            return self
        shared: dict[str, tuple[Reach, ...]] = {}
        for name, theirs in other.reaches.items():
            depth = deepest(theirs)
            mine = (self.principals.from_here(depth),) if self.reaches is None else self.reaches.get(name, ())
            shared[name] = tuple(reach.at_most(depth) for reach in mine)
        return replace(self, reaches={name: reaches for name, reaches in shared.items() if reaches})

    def lacks(self, privilege: str, table: Table | None) -> Refused:
        """The refusal of what needs a privilege the user does not have, or not deep enough."""
        if not self.principals.roles:
            return Refused(
                "SecLib::RetrievePrivilegeForUser failed - no roles are assigned to user. "
                f"Returned hr = -2147209463, User: {self.user}",
                NO_ROLES,
                403,
            )
        about = ""
        if table is not None:
            code = TYPE_CODES.get(table.name, 10000)
            about = f" on OTC={code} for entity '{table.name}' (LocalizedName='{table.label or table.name}')"
        return Refused(
            f"Principal user (Id={self.user}, type=8, roleCount={len(self.principals.roles)}, "
            f"privilegeCount={len(self.reaches or ())}, accessMode='0 Read-Write', "
            f"businessUnitId={self.principals.user.unit}), is "
            f"missing {privilege} privilege (Id={privilege_id(privilege)}){about}. context.Caller={self.user}. "
            "Consider adding missed privilege to one of the principal (user/team) roles.",
            DENIED,
            403,
        )

    def too_far(self, access: str, table: Table, id: UUID, owner: Any, unit: Any) -> Refused:
        """The refusal of an access that does not reach this row."""
        return Refused(
            f"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: {id}, OwnerId: {owner},  OwnerIdType: "
            f"{self._owner_type(owner)} and CallingUser: {self.user}. "
            f"ObjectTypeCode: {TYPE_CODES.get(table.name, 10000)}, "
            f"objectBusinessUnitId: {unit}, AccessRights: {access}Access",
            DENIED,
            403,
        )

    def _owner_type(self, owner: Any) -> int:
        store = self.principals.store
        team = isinstance(owner, str) and store.exists(store.catalog.table("team"), UUID(owner))
        return TYPE_CODES["team" if team else "systemuser"]


def owning(table: Table) -> tuple[str, str] | None:
    """The columns that say whose a row is: its owner and business unit; ``None`` where rows are the organization's."""
    if "ownerid" in table.columns and "owningbusinessunit" in table.columns:
        return "ownerid", "owningbusinessunit"
    if table.name in ("systemuser", "team"):
        return table.id_column, "businessunitid"
    return (table.id_column, table.id_column) if table.name == "businessunit" else None


def rights_of(uow: Transaction, user: UUID) -> Rights:
    """A user's rights from the roles assigned to them and to their teams."""
    principals = principals_of(uow.store, user)
    return Rights(principals, user, None if principals.administrator else principals.reaches())
