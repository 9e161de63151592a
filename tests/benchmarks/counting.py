"""Counts what really leaves this process over HTTP: requests, and the operations inside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

OPERATION = b"Content-Type: application/http"
"""What each request inside a batch begins with."""
TARGET = b'"@odata.type"'
"""What each row of a bulk message has."""


@dataclass
class Traffic:
    """A batch is one request and as many operations as it carries, a bulk message one and as many as it has rows; any
    other request is one operation. ``refused``: those answered with 429."""

    requests: int = 0
    operations: int = 0
    refused: int = 0


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count whatever is sent in this block, by whichever client."""
    traffic = Traffic()
    send = HTTPAdapter.send

    def counting(self: HTTPAdapter, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        traffic.requests += 1
        traffic.operations += operations(request)
        answer = send(self, request, *args, **options)
        traffic.refused += answer.status_code == 429
        return answer

    with patch.object(HTTPAdapter, "send", counting):
        yield traffic


def operations(request: PreparedRequest) -> int:
    """How many operations a request carries."""
    url = str(request.url)
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    assert isinstance(body, bytes)
    if url.endswith("$batch"):
        return body.count(OPERATION)
    return body.count(TARGET) if url.endswith("Multiple") else 1
