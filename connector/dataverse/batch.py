"""The multipart text of ``$batch``: written and read here, with no I/O ("Execute batch operations using the Web API").

A batch is a list of single requests and change sets (lists of requests that stand or fall together). The answer holds
one part per single request; per change set either one answer for each of its requests, or one error alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CRLF = b"\r\n"
MAX_OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """One request inside a batch: ``target`` is the path from the host's root, with its query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One answer inside a batch; header names in lower case. ``content_id`` names its request, if told."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None = None


class MalformedBatch(ValueError):
    """The text is not a batch answer."""


Part = Request | Sequence[Request]
"""A single request, or the requests of one change set."""

Answered = Response | list[Response]
"""The answer to a single request or the refusal of a whole change set; or the answers of a change set."""


def write_batch(parts: Sequence[Part], boundary: str) -> bytes:
    """The body of a ``$batch`` request; its content type is ``multipart/mixed; boundary="…"``.

    Content ids count on through the whole batch, so that an error that names one names one request only.
    """
    lines: list[bytes] = []
    content_id = 0
    for number, part in enumerate(parts, start=1):
        lines.append(f"--{boundary}".encode())
        if isinstance(part, Request):
            lines += _request_lines(part, None)
            continue
        # Not merely another word behind the outer boundary: a reader may take a line that begins with it for its end.
        inner = f"changeset_{number}_{boundary}"
        lines += [f'Content-Type: multipart/mixed; boundary="{inner}"'.encode(), b""]
        for request in part:
            content_id += 1
            lines.append(f"--{inner}".encode())
            lines += _request_lines(request, content_id)
        lines += [f"--{inner}--".encode(), b""]
    lines += [f"--{boundary}--".encode(), b""]
    return CRLF.join(lines)


def read_batch(body: bytes, content_type: str, enough: int | None = None) -> list[Answered]:
    """The answers in order; fewer than asked when the batch stopped at an error or was cut off.

    Raises ``MalformedBatch`` when the text is no multipart body, or a part of it no answer; where that comes behind
    ``enough`` of them, these are told.
    """
    answers: list[Answered] = []
    try:
        for part in _parts(body, _boundary(content_type)):
            answers.append(_answered(part))
    except MalformedBatch:
        if enough is None or len(answers) < enough:
            raise
    return answers


def is_multipart(content_type: str) -> bool:
    """Whether a body of this content type holds parts."""
    return content_type.lower().lstrip().startswith("multipart/mixed")


def _request_lines(request: Request, content_id: int | None) -> list[bytes]:
    lines = [b"Content-Type: application/http", b"Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}".encode())
    lines += [b"", f"{request.method} {request.target} HTTP/1.1".encode()]
    lines += [f"{name}: {value}".encode() for name, value in request.headers.items()]
    lines += [b"", (request.body or "").encode()]
    return lines


def _answered(part: bytes) -> Answered:
    headers, rest = _split_headers(part)
    kind = headers.get("content-type", "")
    if is_multipart(kind):
        return [_response(inner) for inner in _parts(rest, _boundary(kind))]
    return _response(part)


def _response(part: bytes) -> Response:
    outer, http = _split_headers(part)
    status_line, _, rest = http.lstrip(b"\r\n").partition(b"\n")
    words = status_line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise MalformedBatch("A part of the batch answer holds no HTTP status line.")
    headers, body = _split_headers(rest)
    content_id = outer.get("content-id") or headers.get("content-id")
    return Response(int(words[1]), headers, body.rstrip(b"\r\n"), content_id)


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What lies between delimiter lines. A last part without its closing delimiter was cut off and is left out."""
    delimiter = b"--" + boundary
    begin: int | None = None
    position = 0
    for line in body.splitlines(keepends=True):
        bare = line.rstrip()
        if bare in (delimiter, delimiter + b"--"):
            if begin is not None:
                yield body[begin:position]
            if bare != delimiter:
                return
            begin = position + len(line)
        position += len(line)
    if begin is None:
        raise MalformedBatch("The batch answer holds no part.")


def _split_headers(text: bytes) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    position = 0
    for line in text.splitlines(keepends=True):
        position += len(line)
        if not line.strip():
            break
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, text[position:]


def _boundary(content_type: str) -> bytes:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "boundary" and value:
            return value.strip().strip('"').encode()
    raise MalformedBatch("The batch answer does not name its boundary.")
