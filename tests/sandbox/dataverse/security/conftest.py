"""Two business units, and users with roles of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from sandbox.dataverse.security.privileges import assign, make_role
from sandbox.dataverse.seed import BUSINESS_UNIT, USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Link, Row
from tests.sandbox.dataverse.conftest import Api


@dataclass
class House:
    """An organisation with a root unit, a unit below it, one below that, and one beside it."""

    server: DataverseServer
    units: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)

    def unit(self, name: str, parent: UUID) -> None:
        """Make a business unit."""
        with self.server.transaction() as uow:
            values: Row = {"name": name, "parentbusinessunitid": Link("businessunit", parent)}
            self.units[name] = uow.create("businessunit", values)

    def person(self, name: str, unit: UUID) -> None:
        """Make a user with a token, who owns one account and may do nothing."""
        with self.server.transaction() as uow:
            names: Row = {"firstname": name, "lastname": name, "fullname": name, "domainname": f"{name}@example.com"}
            where: Row = {"businessunitid": Link("businessunit", unit), "isdisabled": False}
            id = self.people[name] = uow.create("systemuser", {**names, **where})
            uow.create("account", {"name": f"of {name}", "ownerid": Link("systemuser", id)})
        self.server.tokens[str(id)] = f"token of {name}"

    def may(self, name: str, rights: Mapping[str, Mapping[str, int]], *others: str) -> None:
        """Give a user one role with these rights, and no other."""
        with self.server.transaction() as uow:
            user = self.people.get(name) or USERS[name]
            assign(uow, user, make_role(uow, f"role of {name}", rights, others))


@pytest.fixture
def house(server: DataverseServer) -> House:
    house = House(server, {"root": BUSINESS_UNIT})
    house.unit("sales", BUSINESS_UNIT)
    house.unit("north", house.units["sales"])
    house.unit("service", BUSINESS_UNIT)
    for name, unit in {"Rita": "root", "Sam": "sales", "Sue": "sales", "Nora": "north", "Vera": "service"}.items():
        house.person(name, house.units[unit])
    return house


@pytest.fixture
def by(house: House) -> Iterator[Callable[[str], Api]]:
    made: list[Api] = []

    def make(name: str) -> Api:
        made.append(Api(house.server, str(house.people[name])))
        return made[-1]

    yield make
    for one in made:
        one.close()
