"""The multipart form of ``$batch``: bytes → parts, and parts → bytes. Lines end in CRLF, as Dataverse demands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from sandbox.dataverse.http.exchange import Answer
from sandbox.dataverse.unit_of_work import Refused

BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Operation:
    """One HTTP request inside a batch, and its Content-ID if it has one."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None


Item = Operation | list[Operation]
"""A single operation, or a change set."""


def malformed(what: str) -> Refused:
    """The refusal of a batch that cannot be read at all."""
    return Refused(f"The batch request is malformed: {what}", "0x80048d19")


def read_batch(content_type: str, body: bytes) -> list[Item]:
    """The operations and change sets of a batch, in order."""
    items: list[Item] = []
    for headers, content in _parts(content_type, body):
        kind = headers.get("content-type", "")
        if kind.lower().startswith("multipart/mixed"):
            items.append([_operation(*part) for part in _parts(kind, content)])
        else:
            items.append(_operation(headers, content))
    return items


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    match = BOUNDARY.search(content_type)
    if match is None:
        raise malformed("its Content-Type names no boundary.")
    delimiter = CRLF + b"--" + (match.group(1) or match.group(2)).encode()
    pieces = (CRLF + body).split(delimiter)
    if len(pieces) < 2:
        raise malformed("its boundary does not occur in the body, or its lines do not end in CRLF.")
    if not pieces[-1].startswith(b"--"):
        raise malformed("the closing boundary is missing.")
    return [_split(piece.removeprefix(CRLF)) for piece in pieces[1:-1]]


def _split(piece: bytes) -> tuple[dict[str, str], bytes]:
    if piece.startswith(CRLF):
        return {}, piece[2:]
    head, separator, content = piece.partition(CRLF + CRLF)
    if not separator:
        head, content = piece, b""
    return headers_of(head), content


def headers_of(head: bytes) -> dict[str, str]:
    """Header lines → names in lower case and values."""
    headers: dict[str, str] = {}
    for line in head.split(CRLF):
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _operation(headers: Mapping[str, str], content: bytes) -> Operation:
    if headers.get("content-type", "").split(";")[0].strip().lower() == "multipart/mixed":
        raise malformed("a change set or batch inside a change set is not allowed.")
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/http":
        raise malformed("the 'Content-Type' header of an operation is missing, or not 'application/http'.")
    if headers.get("content-transfer-encoding", "").lower() != "binary":
        raise malformed(
            "a missing or invalid 'Content-Transfer-Encoding' header was found. It must be specified for each batch "
            "operation, and its value must be 'binary'."
        )
    content = content.lstrip(CRLF)
    line, _, rest = content.partition(CRLF)
    words = line.decode("latin-1").rsplit(" ", 1)
    method, _, url = words[0].partition(" ")
    if len(words) != 2 or not words[1].startswith("HTTP/1.") or not url:
        raise malformed(f"'{line.decode('latin-1')[:200]}' is no request line.")
    inner, body = _split(rest) if rest.strip(CRLF) else ({}, b"")
    content_id = headers.get("content-id") or inner.get("content-id")
    return Operation(method.upper(), url.strip(), inner, body.removesuffix(CRLF), content_id)


def write_answer(answer: Answer, content_id: str | None) -> bytes:
    """One answer as a part."""
    headers = answer.all_headers()
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        outer.append(f"Content-ID: {content_id}")
    phrase = HTTPStatus(answer.status).phrase
    inner = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    text = "\r\n".join([*outer, "", *inner, "", ""])
    return text.encode() + answer.body()


def write_parts(boundary: str, parts: Iterable[bytes]) -> bytes:
    """Parts between boundaries, with the closing one."""
    mark = b"--" + boundary.encode()
    return b"".join([mark + CRLF + part + CRLF for part in parts]) + mark + b"--" + CRLF
