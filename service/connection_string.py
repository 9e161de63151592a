"""A Service Bus connection string, taken apart."""

from __future__ import annotations

from urllib.parse import urlsplit

NEEDED = ("endpoint", "sharedaccesskeyname", "sharedaccesskey")


def parts_of(text: str) -> dict[str, str]:
    """Its parts by name in lower case. Only the first ``=`` separates: keys may hold and end in others."""
    named = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in named}


def is_namespace(endpoint: str) -> bool:
    """Whether this is the address of a namespace: ``sb://host``, with a port perhaps, and nothing behind it."""
    try:
        address = urlsplit(endpoint)
        port = address.port
    except ValueError:
        return False
    bare = address.path in ("", "/") and not (address.query or address.fragment or address.username)
    return address.scheme == "sb" and bool(address.hostname) and port != 0 and bare
