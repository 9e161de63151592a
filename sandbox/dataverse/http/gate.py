"""Who calls: bearer token → user, and the user a trusted caller acts for."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from uuid import UUID

from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Refused


class Unauthorized(Exception):
    """No token, or one nobody has."""


def caller(tokens: Mapping[str, str], headers: Mapping[str, str]) -> UUID:
    """The user whose token the request carries."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given = token.strip().encode()
        for name, known in tokens.items():
            if hmac.compare_digest(known.encode(), given):
                return USERS[name]
    raise Unauthorized


def acting_for(organisation: Organisation, headers: Mapping[str, str]) -> UUID | None:
    """The user named by ``CallerObjectId`` or ``MSCRMCallerID``, if any."""
    named = headers.get("callerobjectid") or headers.get("mscrmcallerid")
    if named is None:
        return None
    column = "azureactivedirectoryobjectid" if headers.get("callerobjectid") else "systemuserid"
    try:
        wanted = UUID(named)
    except ValueError:
        raise bad_query(f"'{named}' is no user id.") from None
    with organisation.transaction(USERS["administrator"]) as uow:
        found = uow.find("systemuser", **{column: wanted})
    if not found:
        raise Refused(f"The user with id {wanted} has not been found or is disabled.", "0x80041d1f", 401)
    user = found[0]["systemuserid"]
    if not isinstance(user, UUID) or found[0]["isdisabled"]:
        raise Refused(f"The user with id {wanted} has not been found or is disabled.", "0x80040225", 403)
    return user
