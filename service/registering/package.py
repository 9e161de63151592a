"""The solution as a file for other environments: exported by Dataverse itself, complete, and without a secret in it."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID
from xml.etree.ElementTree import Element, ParseError, fromstring

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from mappings import tables
from service.registering.wanted import ENDPOINT, ENDPOINT_COMPONENT, STEP_COMPONENT, TABLE_COMPONENT, WATCHED

MANIFEST = "solution.xml"
SECRET = frozenset({"saskey", "sastoken", "authvalue"})
"""Elements and attributes of a service endpoint that may hold a secret."""
SECRETS = re.compile(
    rb"(<((?:[\w.-]+:)?(?:SASKey|SASToken|AuthValue))(?:\s[^>]*)?(?<!/)>)(?!</).+?(</\2\s*>)", re.IGNORECASE | re.DOTALL
)
ATTRIBUTES = re.compile(rb"(\b(?:SASKey|SASToken|AuthValue)=)(\"[^\"]+\"|'[^']+')", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Package:
    """A solution file: its bytes, what its manifest says, and how many secrets were taken out of it."""

    content: bytes
    version: str
    managed: bool
    components: int
    scrubbed: int


def export(client: DataverseClient, solution: str, *, managed: bool, key: str | None) -> Package:
    """Ask Dataverse for the file and look through it. Raises ``Misconfigured`` where it is not what is meant.

    ``key``: the sender's, if it is known; a file in which it is found all the same is refused.
    """
    answer = client.send("POST", "ExportSolution", {"SolutionName": solution, "Managed": managed}).json
    given = answer.get("ExportSolutionFile") if isinstance(answer, Mapping) else None
    try:
        content = base64.b64decode(str(given or ""), validate=True)
        return _checked(content, solution, managed, key)
    except (binascii.Error, zipfile.BadZipFile, KeyError, ParseError) as error:
        raise Misconfigured(
            "unreadable-answer", f"{client.url} exported {solution} as something that is no solution file."
        ) from error


def save(package: Package, path: Path) -> None:
    """Write the file whole or not at all. Raises ``OSError``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(package.content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checked(content: bytes, solution: str, managed: bool, key: str | None) -> Package:
    scrubbed, files = 0, dict[str, bytes]()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            clean, inside = SECRETS.subn(rb"\1\3", file.read(name))
            clean, beside = ATTRIBUTES.subn(rb'\1""', clean)
            files[name], scrubbed = clean, scrubbed + inside + beside
    # What the patterns would not know is found by reading the files as XML.
    secret = any(_has_secret(one) for name, one in files.items() if name.lower().endswith(".xml"))
    if secret or (key and any(key.encode() in one for one in files.values())):
        raise Misconfigured("secret-in-package", f"The export of {solution} holds a key; nothing was saved.")
    # It comes from the environment that is signed in to, and declares no entities.
    manifest = fromstring(files[MANIFEST])  # noqa: S314
    said = manifest.findtext("SolutionManifest/UniqueName") or ""
    if said.lower() != solution.lower() or (manifest.findtext("SolutionManifest/Managed") == "1") is not managed:
        raise Misconfigured("unreadable-answer", f"What was exported as {solution} says of itself that it is {said}.")
    held = _components(manifest)
    missing = [word for word, component in _wanted() if component not in held]
    if missing:
        raise Misconfigured(
            "incomplete-solution",
            f"The solution {solution} lacks {', '.join(missing)}. Run `psa-connector register --solution {solution}`.",
        )
    version = manifest.findtext("SolutionManifest/Version") or ""
    return Package(_zipped(files) if scrubbed else content, version, managed, len(held), scrubbed)


def _has_secret(content: bytes) -> bool:
    """Whether a file still says what may be a secret. Raises ``ParseError``."""

    def is_secret(name: str) -> bool:
        return name.rpartition("}")[2].lower() in SECRET

    # It comes from the environment that is signed in to, and declares no entities.
    return any(
        (is_secret(one.tag) and "".join(one.itertext()).strip())
        or any(is_secret(name) and value for name, value in one.attrib.items())
        for one in fromstring(content).iter()  # noqa: S314
    )


def _components(manifest: Element) -> set[tuple[int, str]]:
    """The components by type, each by its table's name or its id."""
    return {
        (int(one.get("type", "0")), (one.get("schemaName") or one.get("id", "").strip("{}")).lower())
        for one in manifest.iter("RootComponent")
    }


def _wanted() -> list[tuple[str, tuple[int, str]]]:
    def of(kind: int, id: UUID) -> tuple[int, str]:
        return kind, str(id)

    steps = [(f"the step on {one.table}", of(STEP_COMPONENT, one.id)) for one in WATCHED]
    endpoint = ("the service endpoint", of(ENDPOINT_COMPONENT, ENDPOINT))
    return [(f"the table {tables.COMMAND}", (TABLE_COMPONENT, tables.COMMAND)), endpoint, *steps]


def _zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, one in files.items():
            file.writestr(name, one)
    return content.getvalue()
