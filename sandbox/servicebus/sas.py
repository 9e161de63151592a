"""Shared access signatures: who may send to and listen on which entity, proven with a key that never travels."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from sandbox.servicebus.addresses import path_of
from sandbox.servicebus.amqp.errors import UNAUTHORIZED_ACCESS, LinkError

SEND = "Send"
LISTEN = "Listen"
_PREFIX = "SharedAccessSignature "


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A named key and its rights, ``Send`` and ``Listen``.

    With ``queue`` it is good for that queue only, with ``entities`` for these queues and topics.
    """

    name: str
    key: str
    rights: frozenset[str] = frozenset({SEND, LISTEN})
    queue: str | None = None
    entities: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.key:
            raise ValueError("A shared key needs a name and a key.")
        if unknown := self.rights - {SEND, LISTEN}:
            raise ValueError(f"The key {self.name} cannot have the rights {', '.join(sorted(unknown))}.")


def emulator_key(entities: Iterable[str]) -> SharedKey:
    """The key in every connection string for Microsoft's emulator, good for these entities.

    Everybody knows it, so it must open nothing that is worth protecting from others on this machine.
    """
    return SharedKey("RootManageSharedAccessKey", "SAS_KEY_VALUE", entities=frozenset(entities))


@dataclass(frozen=True, slots=True)
class Grant:
    """What one accepted token allows: the rights, on the entity at ``path`` and below, until ``until``."""

    path: str
    rights: frozenset[str]
    until: datetime


class TokenRefused(Exception):
    """The token proves nothing here; the message says why."""


def check_token(token: str, audience: str, keys: dict[str, SharedKey], now: datetime) -> Grant:
    """Verify a token for an audience: its key, signature, expiry and scope.

    ``now`` is real time: clients write the expiry by their own clocks, which no sandbox clock can move.
    """
    fields = _fields(token)
    key = keys.get(fields["skn"]) or keys.get(unquote_plus(fields["skn"]))
    if key is None:
        raise TokenRefused(f"There is no shared access key named {fields['skn']}.")
    signed = f"{fields['sr']}\n{fields['se']}".encode()
    expected = base64.b64encode(hmac.digest(key.key.encode(), signed, hashlib.sha256))
    if not hmac.compare_digest(expected, fields["sig"].encode()):
        raise TokenRefused("The token has an invalid signature.")
    until = _instant(fields["se"])
    if until <= now:
        raise TokenRefused("The token has expired.")
    path = path_of(audience)
    if not _covers(path_of(unquote_plus(fields["sr"])), path):
        raise TokenRefused("The token was made for another audience.")
    if key.queue is not None and not _covers(key.queue.lower(), path):
        raise TokenRefused(f"The key {key.name} is good for the queue {key.queue} only.")
    if key.entities is not None and not any(_covers(name.lower(), path) for name in key.entities):
        raise TokenRefused(f"The key {key.name} is not good for {path or 'the whole namespace'}.")
    return Grant(path, key.rights, until)


class Grants:
    """What the tokens of one connection allow."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    @property
    def any(self) -> bool:
        """Whether a token was ever accepted."""
        return bool(self._grants)

    def add(self, grant: Grant) -> None:
        """Take a grant; a newer one for the same path replaces the older."""
        self._grants[grant.path] = grant

    def require(self, right: str, path: str, now: datetime) -> None:
        """Raise unless a grant that has not expired gives this right on the entity."""
        if right not in self.rights(path, now):
            raise LinkError(UNAUTHORIZED_ACCESS, f"Unauthorized access: the {right} claim is required on {path}.")

    def rights(self, path: str, now: datetime) -> frozenset[str]:
        """All rights on an entity."""
        held = [each.rights for each in self._grants.values() if each.until > now and _covers(each.path, path)]
        return frozenset().union(*held)


def _covers(scope: str, path: str) -> bool:
    return not scope or path == scope or path.startswith(scope + "/")


def _fields(token: str) -> dict[str, str]:
    if not token.startswith(_PREFIX):
        raise TokenRefused("Only shared access signatures are supported as tokens.")
    pairs = (part.partition("=") for part in token[len(_PREFIX) :].split("&"))
    raw = {name: value for name, _, value in pairs}
    if missing := {"sr", "sig", "se", "skn"} - raw.keys():
        raise TokenRefused(f"The token lacks {', '.join(sorted(missing))}.")
    # What was signed is the resource as it stands in the token, still encoded.
    return {
        "sr": raw["sr"],
        "sig": unquote_plus(raw["sig"]),
        "se": unquote_plus(raw["se"]),
        "skn": unquote_plus(raw["skn"]),
    }


def _instant(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError) as problem:
        raise TokenRefused("The expiry of the token is not a number of seconds.") from problem
