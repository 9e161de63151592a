"""Addresses: what a link's source or target names, with or without scheme and host, however capitalised."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.servicebus.amqp.errors import NOT_IMPLEMENTED, AmqpError

_MANAGEMENT = "$management"
_DEAD_LETTER = "$deadletterqueue"
_TRANSFER = "$transfer"


@dataclass(frozen=True, slots=True)
class Address:
    """A queue, topic or subscription, its dead-letter queue, or the management node of either."""

    path: str
    dead_letter: bool = False
    management: bool = False

    @property
    def entity(self) -> str:
        """The path rights are granted on."""
        return f"{self.path}/{_DEAD_LETTER}" if self.dead_letter else self.path


def path_of(address: str) -> str:
    """The path of an address, without scheme, host and outer slashes, in lower case."""
    if "://" in address:
        address = address.split("://", 1)[1].partition("/")[2]
    return address.strip("/").lower()


def parse_address(address: str) -> Address:
    """What the address names; kinds of entities that do not exist here are refused by name."""
    segments = path_of(address).split("/")
    management = segments[-1] == _MANAGEMENT
    if management:
        segments.pop()
    dead_letter = bool(segments) and segments[-1] == _DEAD_LETTER
    if dead_letter:
        segments.pop()
    if segments and segments[-1] == _TRANSFER:
        raise AmqpError(NOT_IMPLEMENTED, "The sandbox has no transfer dead-letter queues.")
    return Address("/".join(segments), dead_letter, management)
