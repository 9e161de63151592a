"""Who asks by a message, and for whom what they ask is written: a person Dataverse knows, or nobody.

Who asks says so by Microsoft Entra object id, user name or mail address. Only an object id names one person for good,
but people know each other by the other two; a name that two enabled users share names neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from mappings.refusal import Refusal
from mappings.row import Row

COLUMNS = (
    "azureactivedirectoryobjectid",
    "domainname",
    "internalemailaddress",
    "fullname",
    "isdisabled",
    "applicationid",
)
"""What is read of a user."""

NAMES = ("domainname", "internalemailaddress")
OBJECT_ID = "azureactivedirectoryobjectid"


class Mode(StrEnum):
    """For whom a command is carried out."""

    USER = "user"
    SERVICE = "service"
    SIGNED_IN = "signed-in"


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the environment and the names they go by."""

    row: Row

    @property
    def object_id(self) -> UUID | None:
        """Their id in Microsoft Entra; users that were made by hand have none."""
        return self.row.uuid(OBJECT_ID)

    @property
    def is_enabled(self) -> bool:
        """They may sign in."""
        return not self.row.flag("isdisabled")

    @property
    def is_application(self) -> bool:
        """An app registration's user: a program, not a person."""
        return self.row.uuid("applicationid") is not None

    def goes_by(self, name: str) -> bool:
        """Whether this names them; capital letters make no difference."""
        if (id := id_in(name)) is not None:
            return id == self.object_id
        wanted = name.strip().casefold()
        return any((known := self.row.text(column)) and known.casefold() == wanted for column in NAMES)


@dataclass(frozen=True, slots=True)
class Acting:
    """``allowed``: the only people that may be named; empty: with ``user`` anybody, with ``service`` nobody."""

    mode: Mode = Mode.SIGNED_IN
    allowed: tuple[str, ...] = ()

    @property
    def asks_who(self) -> bool:
        """Whether it matters who asks; whoever sits at the command line has signed in already."""
        return self.mode is not Mode.SIGNED_IN

    def who(self, requested_by: str, people: Iterable[Person]) -> UUID | None:
        """The object id of the person a command is carried out for; ``None``: the service itself.

        ``people``: at least everybody who goes by that name. Raises ``Refusal``.
        """
        if not self.asks_who:
            return None
        person = _only(requested_by, [one for one in people if one.goes_by(requested_by)])
        restricted = self.mode is Mode.SERVICE or self.allowed
        if restricted and not any(person.goes_by(name) for name in self.allowed):
            raise Refusal(
                "not-allowed",
                f"{requested_by} is not among the people who may give commands (setting `commands.allowed`).",
            )
        if self.mode is Mode.SERVICE:
            return None
        if person.object_id is None:
            raise Refusal(
                "unknown-person",
                f"{person.row.ref}, who is {requested_by}, has no Microsoft Entra object id in Dataverse, so nothing "
                "can be done in their name.",
            )
        return person.object_id


AS_SIGNED_IN = Acting()
"""At the command line: as whoever signed in."""


def id_in(name: str) -> UUID | None:
    """The object id a name is, if it is one."""
    try:
        return UUID(name.strip())
    except ValueError:
        return None


def _only(requested_by: str, named: list[Person]) -> Person:
    people = [one for one in named if not one.is_application]
    enabled = [one for one in people if one.is_enabled]
    if len(enabled) == 1:
        return enabled[0]
    if enabled:
        several = ", ".join(sorted(str(one.row.ref) for one in enabled))
        raise Refusal("unknown-person", f"{requested_by} names several people: {several}. Use the Entra object id.")
    if people:
        refs = ", ".join(sorted(str(one.row.ref) for one in people))
        raise Refusal("person-disabled", f"{requested_by} is disabled in Dataverse: {refs}.")
    if named:
        raise Refusal("unknown-person", f"{requested_by} is an application; a command is asked for by a person.")
    raise Refusal(
        "unknown-person",
        f"No user of this environment goes by {requested_by}. Name the person by Entra object id, user name or mail.",
    )
