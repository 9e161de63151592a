"""The properties of an encoded message, as rules look at them and change them."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Any

from sandbox.servicebus.amqp.decode import decode
from sandbox.servicebus.amqp.encode import encode, encode_list, encode_map
from sandbox.servicebus.amqp.errors import DECODE_ERROR, INVALID_FIELD, AmqpError
from sandbox.servicebus.amqp.sections import APPLICATION_PROPERTIES, PROPERTIES, raw_entries, raw_items, sections
from sandbox.servicebus.amqp.types import Array, Described, Long, Symbol
from sandbox.servicebus.broker.errors import Unreadable
from sandbox.servicebus.broker.message import Content
from sandbox.servicebus.broker.properties import Properties

_NULL = b"\x40"
_PLACES = {
    "messageid": 0,
    "to": 2,
    "label": 3,
    "replyto": 4,
    "correlationid": 5,
    "contenttype": 6,
    "sessionid": 10,
    "replytosessionid": 12,
}
"""Where a system property stands among AMQP's."""
_PARTITION_KEY = "x-opt-partition-key"


class MessageProperties:
    """Reads properties out of a message and writes others in."""

    def read(self, content: Content) -> Properties:
        """System properties as text, the sender's as they are; raises ``Unreadable``."""
        try:
            items, user = _parts(content.bare)
            system = {
                name: str(value)
                for name, place in _PLACES.items()
                if place < len(items) and (value := decode(items[place])[0]) is not None
            }
            key = _partition_key(content)
        except AmqpError as problem:
            raise Unreadable(problem.description) from problem
        return Properties(system if key is None else {**system, "partitionkey": key}, user)

    def write(self, content: Content, properties: Properties) -> Content:
        """The message with these properties in place of its own; what didn't change keeps its type."""
        before = self.read(content)
        items, _ = _parts(content.bare)
        items += [_NULL] * (max(_PLACES.values()) + 1 - len(items))
        for name, place in _PLACES.items():
            if properties.system.get(name) != before.system.get(name):
                items[place] = encode(properties.system.get(name))
        user = {name: Long(value) if type(value) is int else value for name, value in properties.user.items()}
        body = content.bare
        for section in sections(content.bare):
            if section.code in (PROPERTIES, APPLICATION_PROPERTIES):
                body = content.bare[section.end :]
        bare = b"\x00\x53\x73" + encode_list(b"".join(items), len(items))
        bare += b"\x00\x53\x74" + encode(user) if user else b""
        changed = replace(content, bare=bare + body)
        return _with_partition_key(changed, properties.system.get("partitionkey"))


def revision(added: Mapping[Any, Any]) -> Callable[[Content], Content] | None:
    """What puts these among a message's application properties, in place of any of the same names; None for none.

    Refuses what cannot be an application property.
    """
    for name, value in added.items():
        if not isinstance(name, str) or isinstance(value, dict | list | Array | Described):
            raise AmqpError(INVALID_FIELD, f"{name!r} cannot be set: a property has a text for its name, and no parts.")
    named = {str(name): value for name, value in added.items()}
    return (lambda content: replace(content, bare=with_user_properties(content.bare, named))) if named else None


def with_user_properties(bare: bytes, added: Mapping[str, Any], without: Container[str] = ()) -> bytes:
    """The bare message with these among its application properties, in place of any of the same names, and ``without``
    others."""
    before, after = 0, 0
    entries: list[bytes] = []
    for section in sections(bare):
        if section.code == PROPERTIES:
            before = after = section.end
        elif section.code == APPLICATION_PROPERTIES:
            after = section.end
            found = raw_entries(bare, section.value)
            entries = [key + value for name, key, value in found if name not in added and name not in without]
    entries += [encode(name) + encode(value) for name, value in added.items()]
    body = encode_map(b"".join(entries), len(entries))
    return b"".join((bare[:before], b"\x00\x53\x74", body, bare[after:]))


def _parts(bare: bytes) -> tuple[list[bytes], dict[str, Any]]:
    items: list[bytes] = []
    user: dict[str, Any] = {}
    for section in sections(bare):
        if section.code == PROPERTIES:
            items = raw_items(bare, section.value)
        elif section.code == APPLICATION_PROPERTIES:
            user, _ = decode(bare, section.value)
            if not isinstance(user, dict) or not all(isinstance(name, str) for name in user):
                raise AmqpError(DECODE_ERROR, "the application properties are not a map with texts for names")
    return items, user


def _entries(content: Content) -> list[tuple[Any, bytes, bytes]]:
    return raw_entries(encode_map(content.annotations, content.annotation_count), 0)


def _partition_key(content: Content) -> str | None:
    for name, _, value in _entries(content):
        if name == _PARTITION_KEY:
            key = decode(value)[0]
            return None if key is None else str(key)
    return None


def _with_partition_key(content: Content, key: str | None) -> Content:
    if key == _partition_key(content):
        return content
    kept = [name + value for text, name, value in _entries(content) if text != _PARTITION_KEY]
    if key is not None:
        kept.append(encode(Symbol(_PARTITION_KEY)) + encode(key))
    return replace(content, annotations=b"".join(kept), annotation_count=len(kept))
