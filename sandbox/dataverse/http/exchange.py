"""A request and its answer, as plain values: the same for a request of its own and for one inside a batch."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import UUID

from sandbox.dataverse.http.json_text import dump
from sandbox.dataverse.refusals import bad_query
from sandbox.dataverse.unit_of_work import Refused

JSON = "application/json; odata.metadata=minimal"
DETAILS = "Microsoft.PowerApps.CDS."
HELP = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{}&client=platform"
LONGEST_GET = 32_768
"""Characters a URL may have that is not inside a batch (compose HTTP requests)."""
API = re.compile(r"/api/data/v9\.\d/")


@dataclass(slots=True)
class Request:
    """One operation. ``path`` is what follows ``/api/data/v9.x/``, decoded; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    """The service root without a slash at its end, as the caller addressed it."""
    user: UUID
    request_id: UUID
    references: dict[str, str] = field(default_factory=dict)
    """Content-ID → path of the row it made, inside a change set."""
    in_change_set: bool = False
    caller: UUID | None = None
    """Who really calls, where ``user`` is somebody they act for."""

    def header(self, name: str) -> str | None:
        """The header's value; the literal word ``null`` counts as absent."""
        value = self.headers.get(name)
        return None if value is None or value.strip() == "null" else value.strip()

    @property
    def preferences(self) -> dict[str, str]:
        """The parts of ``Prefer``: name → value, empty where it has none."""
        return preferences_of(self.headers)

    @property
    def wants_representation(self) -> bool:
        """Whether a write is to answer with the row."""
        return self.preferences.get("return") == "representation"


def preferences_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The parts of ``Prefer``: name → value, empty where it has none."""
    parts = re.findall(r'([\w.\-]+)\s*(?:=\s*("[^"]*"|[^,;\s]+))?', headers.get("prefer", ""))
    return {name.lower(): value.strip('"') for name, value in parts}


@dataclass(slots=True)
class Answer:
    """Status, headers, and a body: a JSON value, plain text, bytes with their content type, or nothing."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    text: str | None = None
    raw: tuple[str, bytes] | None = None

    def body(self) -> bytes:
        """The bytes of the body."""
        if self.raw is not None:
            return self.raw[1]
        if self.text is not None:
            return self.text.encode()
        return b"" if self.json is None else dump(self.json).encode()

    def all_headers(self) -> dict[str, str]:
        """The headers with the content type and OData version."""
        return self._typed() | {"OData-Version": "4.0"} | self.headers

    def _typed(self) -> dict[str, str]:
        if self.raw is not None:
            return {"Content-Type": self.raw[0]}
        if self.text is not None:
            return {"Content-Type": "text/plain"}
        return {} if self.json is None else {"Content-Type": JSON}


def refused(
    refusal: Refused, headers: Mapping[str, str] | None = None, asked: Mapping[str, str] | None = None
) -> Answer:
    """The answer that says no; ``asked``: the request's headers, which may want annotations about the error."""
    error = {"code": refusal.code, "message": refusal.message}
    wanted = preferences_of(asked or {}).get("odata.include-annotations", "").split(",")
    notes = {
        "HelpLink": HELP.format(refusal.code.removeprefix("0x")),
        "TraceText": "",
        "InnerError.Message": refusal.message,
    }
    for name, text in notes.items():
        if any(fnmatch.fnmatchcase(f"{DETAILS}{name}", pattern.strip()) for pattern in wanted):
            error[f"@{DETAILS}{name}"] = text
    return Answer(refusal.status, dict(headers or {}), {"error": error})


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """A URL or path → (resource path decoded, query options). Relative ones count from the service root."""
    path, _, query = url.partition("?")
    path = re.sub(r"^https?://[^/]+", "", path)
    match = API.match(path)
    path = path[match.end() :] if match else path.lstrip("/")
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in options:
            raise bad_query(
                f"Query option '{name}' was specified more than once, but it must be specified at most once."
            )
        options[name] = value
    return unquote(path), options
