"""Writing for a person: how the person is named, and whose fault a refusal is, theirs or this service's.

What may be done is what both may do ("Impersonate another user using the Web API"), and whichever of the two lacks a
privilege, Dataverse names the person. Only the privilege to act for others, and a sign-in that fails without a person
too, are known to be ours.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from connector.errors import ConnectorError, Misconfigured, Rejected

ACT_FOR_OTHERS = "prvActOnBehalfOfAnotherUser"
_PERHAPS_THEIRS = frozenset({"missing-privilege", "forbidden", "not-a-member", "sign-in-refused"})


class PersonRefused(Rejected):
    """Dataverse does not let this person do it; what others asked for is not touched by that."""


def named(caller: UUID | None) -> dict[str, str]:
    """The header that names the person by their Microsoft Entra object id. It belongs on a batch as a whole."""
    return {} if caller is None else {"CallerObjectId": str(caller)}


def of_change_set(error: ConnectorError, caller: UUID | None) -> ConnectorError:
    """What the refusal of one change set means; the batch around it was let in."""
    return PersonRefused("person-refused", error.sentence) if _perhaps_theirs(error, caller) else error


def of_batch(error: ConnectorError, caller: UUID | None, welcome: Callable[[], object]) -> ConnectorError:
    """What the refusal of a whole batch means. ``welcome`` raises when this service is refused without a person too."""
    if not _perhaps_theirs(error, caller):
        return error
    try:
        welcome()
    except ConnectorError as ours:
        return ours
    return PersonRefused(
        "person-refused", f"Nothing can be written for the user with the object id {caller}. {error.sentence}"
    )


def _perhaps_theirs(error: ConnectorError, caller: UUID | None) -> bool:
    if caller is None or not isinstance(error, Misconfigured) or error.code not in _PERHAPS_THEIRS:
        return False
    return ACT_FOR_OTHERS.lower() not in error.sentence.lower()
