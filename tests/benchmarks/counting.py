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


@dataclass
class Traffic:
    """A batch is one request and as many operations as it carries; any other request is one operation."""

    requests: int = 0
    operations: int = 0


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count whatever is sent in this block, by whichever client."""
    traffic = Traffic()
    send = HTTPAdapter.send

    def counting(self: HTTPAdapter, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        body = request.body if isinstance(request.body, bytes) else b""
        traffic.requests += 1
        traffic.operations += body.count(OPERATION) if str(request.url).endswith("$batch") else 1
        return send(self, request, *args, **options)

    with patch.object(HTTPAdapter, "send", counting):
        yield traffic
