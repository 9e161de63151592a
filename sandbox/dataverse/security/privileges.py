"""Privileges by name, the depths they come in, and the rows that say so.

A privilege is named ``prv`` + access + the table's schema name (``prvReadmsdyn_actual``). Its depth mask says whose
rows it reaches: 1 the user's own, 2 the business unit's, 4 also those of the units below, 8 the organization's.
(Microsoft Learn, "Security concepts in Dataverse" and "Security role and privileges".)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.catalog import Table
from sandbox.dataverse.many_to_many import OF_PRODUCT
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link

USER, BUSINESS_UNIT, PARENT_CHILD, ORGANIZATION = 1, 2, 4, 8
DEPTHS: Final = {"Basic": USER, "Local": BUSINESS_UNIT, "Deep": PARENT_CHILD, "Global": ORGANIZATION}
"""Depths by the names the Web API has for them."""
ACCESS: Final = {
    "Read": 1,
    "Write": 2,
    "Append": 4,
    "AppendTo": 16,
    "Create": 32,
    "Delete": 65536,
    "Share": 262144,
    "Assign": 524288,
}
NAMES: Final = {"salesorder": "Order", "systemuser": "User", "businessunit": "BusinessUnit", "pricelevel": "PriceLevel"}
"""Standard tables whose privileges are not named after them."""
ACT_FOR_OTHERS: Final = "prvActOnBehalfOfAnotherUser"
OTHERS: Final = (
    ACT_FOR_OTHERS,
    *(f"prv{access}{what}" for what in ("Entity", "Attribute") for access in ("Create", "Read", "Write", "Delete")),
    "prvExportCustomization",
    "prvPublishCustomization",
)
"""Privileges that are not about one table's rows."""


def _id(kind: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/{kind}/{name}")


ADMINISTRATOR: Final = _id("role", "System Administrator")
"""The role that has every privilege, also on tables made later; it has no rows for them."""


def privilege_name(access: str, table: Table) -> str:
    """The privilege to do this with the table's rows."""
    return privilege_named(access, table.name, table.schema_name)


def privilege_named(access: str, table: str, schema_name: str) -> str:
    """The privilege to do this with the rows of a table of these names."""
    name = NAMES.get(table, schema_name)
    return f"prv{access}{name if '_' in name else name[0].upper() + name[1:]}"


def privilege_id(name: str) -> UUID:
    """The row of a privilege."""
    return _id("privilege", name.lower())


def announce_privileges(uow: Transaction, table: Table) -> None:
    """Make the privileges of a table known, where it has its own."""
    if table.name in OF_PRODUCT:
        return
    for access, right in ACCESS.items():
        _privilege(uow, privilege_name(access, table), right)


def _privilege(uow: Transaction, name: str, right: int) -> None:
    depths = dict.fromkeys(("canbebasic", "canbelocal", "canbedeep", "canbeglobal"), True)
    uow.create("privilege", {"name": name, "accessright": right, **depths}, privilege_id(name))


def seed_security(uow: Transaction, users: Iterable[UUID], business_unit: UUID) -> None:
    """The privileges there are, and everybody a System Administrator until somebody decides otherwise."""
    for name in OTHERS:
        _privilege(uow, name, 0)
    unit = Link("businessunit", business_unit)
    uow.create("role", {"name": "System Administrator", "businessunitid": unit}, ADMINISTRATOR)
    for user in users:
        uow.create("systemuserroles", {"systemuserid": user, "roleid": ADMINISTRATOR})


def make_role(
    uow: Transaction,
    name: str,
    rights: Mapping[str, Mapping[str, int]],
    others: Iterable[str] = (),
) -> UUID:
    """A role that has these rights, by table and access to depth, and ``others`` (see ``OTHERS``)."""
    (unit, *_) = uow.find("businessunit")
    unit_id = unit["businessunitid"]
    if not isinstance(unit_id, UUID):
        raise TypeError("A business unit has no id.")
    role = uow.create("role", {"name": name, "businessunitid": Link("businessunit", unit_id)})
    for table, depths in rights.items():
        for access, depth in depths.items():
            grant(uow, role, privilege_id(privilege_name(access, uow.catalog.table(table))), depth)
    for other in others:
        grant(uow, role, privilege_id(other), ORGANIZATION)
    return role


def grant(uow: Transaction, role: UUID, privilege: UUID, depth: int) -> None:
    """Give a role a privilege, or another depth of it."""
    for row in uow.find("roleprivileges", roleid=role, privilegeid=privilege):
        key = row["roleprivilegeid"]
        if isinstance(key, UUID):
            uow.delete("roleprivileges", key)
    uow.create("roleprivileges", {"roleid": role, "privilegeid": privilege, "privilegedepthmask": depth})


def assign(uow: Transaction, user: UUID, *roles: UUID) -> None:
    """Let a user have these roles and no others."""
    for row in uow.find("systemuserroles", systemuserid=user):
        key = row["systemuserroleid"]
        if isinstance(key, UUID):
            uow.delete("systemuserroles", key)
    for role in roles:
        uow.create("systemuserroles", {"systemuserid": user, "roleid": role})
