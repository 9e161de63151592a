"""What every organisation has from its first day: itself, a business unit, a base currency, people, messages."""

from __future__ import annotations

from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

from sandbox.dataverse.bulk_tables import BULK, begins_with_bulk, offer
from sandbox.dataverse.security.privileges import announce_privileges, seed_security
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Row

MESSAGES = ("Create", "Update", "Delete")


def seed_id(name: str) -> UUID:
    """The same id for the same thing in every sandbox, so that examples can be repeated."""
    return uuid5(NAMESPACE_URL, f"psa-connector/sandbox/{name}")


ORGANIZATION = seed_id("organization")
BUSINESS_UNIT = seed_id("businessunit")
BASE_CURRENCY = seed_id("transactioncurrency/USD")
USERS = {name: seed_id(f"systemuser/{name}") for name in ("administrator", "service", "approver", "clerk")}
"""Users by the name of their token: an administrator, this service's application user, an approver, a billing clerk."""
FULL_NAMES = {
    "administrator": ("Ada", "Administrator"),
    "service": ("PSA", "Connector"),
    "approver": ("Arne", "Approver"),
    "clerk": ("Bea", "Clerk"),
}


def seed(uow: Transaction) -> None:
    """Write the first rows of an empty database."""
    uow.create("organization", {"name": "sandbox"}, ORGANIZATION)
    uow.create("businessunit", {"name": "sandbox"}, BUSINESS_UNIT)
    for name, id in USERS.items():
        first, last = FULL_NAMES[name]
        person: Row = {"firstname": first, "lastname": last, "fullname": f"{first} {last}"}
        address: Row = {"domainname": f"{name}@sandbox.example", "businessunitid": Link("businessunit", BUSINESS_UNIT)}
        entra: Row = {"azureactivedirectoryobjectid": seed_id(f"entra/{name}"), "isdisabled": False}
        uow.create("systemuser", {**person, **address, **entra}, id)
    dollar: Row = {"isocurrencycode": "USD", "currencyname": "US Dollar", "currencysymbol": "$"}
    uow.create("transactioncurrency", {**dollar, "currencyprecision": 2, "exchangerate": Decimal(1)}, BASE_CURRENCY)
    uow.update("organization", ORGANIZATION, {"basecurrencyid": Link("transactioncurrency", BASE_CURRENCY)})
    for message in (*MESSAGES, *BULK):
        uow.create("sdkmessage", {"name": message}, seed_id(f"sdkmessage/{message}"))
    for table in uow.catalog:
        announce(uow, table.name)
    seed_security(uow, USERS.values(), BUSINESS_UNIT)


def announce(uow: Transaction, table: str) -> None:
    """Make a table's messages known, so that processing steps can be registered on them."""
    for message in MESSAGES:
        link = Link("sdkmessage", seed_id(f"sdkmessage/{message}"))
        values: Row = {"sdkmessageid": link, "primaryobjecttypecode": table, "iscustomprocessingstepallowed": True}
        uow.create("sdkmessagefilter", values, seed_id(f"sdkmessagefilter/{message}/{table}"))
    announce_privileges(uow, uow.catalog.table(table))
    if begins_with_bulk(table):
        offer(uow, table, on=True)
