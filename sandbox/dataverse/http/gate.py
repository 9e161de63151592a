"""Who calls: bearer token → user, and the user a trusted caller acts for."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.http.exchange import Answer
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.security.privileges import ACT_FOR_OTHERS
from sandbox.dataverse.security.rights import rights_of
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Refused

OPERATORS: Final = ("administrator", "service")


class Unauthorized(Exception):
    """No token, one nobody has, or one that has run out."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__()
        self._expired = expired

    def answer(self, root: str) -> Answer:
        """401 with where to get a token, and why this one does not do."""
        challenge = f'Bearer authorization_uri="{root}/oauth2/authorize", resource_id="{root}/"'
        if self._expired:
            challenge += ', error="invalid_token", error_description="The token is expired"'
        return Answer(401, {"WWW-Authenticate": challenge}, text="HTTP Error 401 - Unauthorized: Access is denied")


class Gate:
    """Lets callers in. ``tokens``: by user name, as the seed knows it, or by the id of any other user."""

    def __init__(self, organisation: Organisation, tokens: Mapping[str, str]) -> None:
        self._organisation = organisation
        self._tokens = tokens

    def caller(self, headers: Mapping[str, str], *, expired: bool = False) -> UUID:
        """The user whose token the request carries; a disabled one is refused."""
        name = self._owner(headers)
        if name is None or expired:
            raise Unauthorized(expired=expired)
        return USERS[name] if name in USERS else UUID(name)

    def operator(self, headers: Mapping[str, str]) -> None:
        """Let pass who operates the sandbox itself: the holders of the administrator's token, or of the service's.

        The service's is the one that a sandbox of its own process prints; rights in Dataverse have no part in this.
        """
        if self._owner(headers) not in OPERATORS:
            raise Unauthorized

    def acting_for(self, caller: UUID, headers: Mapping[str, str]) -> UUID | None:
        """The user named by ``CallerObjectId`` or ``MSCRMCallerID``, if any; needs a privilege of the caller's."""
        named = headers.get("callerobjectid") or headers.get("mscrmcallerid")
        column = "azureactivedirectoryobjectid" if headers.get("callerobjectid") else "systemuserid"
        store = self._organisation.store
        with store.lock:
            found = store.values(store.catalog.table("systemuser"), caller, "isdisabled")
        if found is None or found[0]:
            raise _disabled(caller)
        if named is None:
            return None
        with self._organisation.transaction(USERS["administrator"]) as uow:
            rights_of(uow, caller).need(ACT_FOR_OTHERS)
            try:
                wanted = UUID(named)
            except ValueError:
                raise bad_query(f"'{named}' is no user id.") from None
            users = uow.find("systemuser", **{column: wanted})
        if not users:
            raise Refused(f"The user with id {wanted} has not been found or is disabled.", "0x80041d1f", 401)
        user = users[0]["systemuserid"]
        if not isinstance(user, UUID) or users[0]["isdisabled"]:
            raise _disabled(wanted)
        return user

    def _owner(self, headers: Mapping[str, str]) -> str | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode()
        for name, known in list(self._tokens.items()):
            if scheme.lower() == "bearer" and hmac.compare_digest(known.encode(), given):
                return name
        return None


def _disabled(user: UUID) -> Refused:
    return Refused(f"The user with id {user} has not been found or is disabled.", "0x80040225", 403)
