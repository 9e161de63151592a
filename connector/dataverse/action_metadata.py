"""What an unbound action takes, as ``$metadata`` tells it; undocumented actions are told there too."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from connector.errors import Misconfigured

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def parameters_of(document: bytes, action: str) -> Mapping[str, str] | None:
    """The action's parameters and their types, in the schema's words; ``None`` when it has no such unbound action."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  # from the environment we are signed in to
    except ElementTree.ParseError as error:
        raise Misconfigured("unreadable-metadata", f"$metadata is no XML: {error}.") from error
    for found in root.iter(f"{EDM}Action"):
        if found.get("Name") == action and found.get("IsBound") != "true":
            return {one.get("Name", ""): one.get("Type", "") for one in found.iter(f"{EDM}Parameter")}
    return None
