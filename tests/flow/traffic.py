"""Records every request this process sends to a Dataverse, so that what never happened can be asserted."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests

WRITE = re.compile(rb"\r\nPATCH /[^\r\n]*\r\n.*?\r\n\r\n", re.DOTALL)
"""A changed or new row inside a batch, up to the end of its headers."""
CONDITION = re.compile(rb"\r\nIf-(?:None-)?Match: ")
BULK = (b"UpdateMultiple", b"UpsertMultiple")
SERVICE = "psa-connector"


@dataclass
class Traffic:
    """How many requests; of them batches that write, the writes in them, those without a condition; bulk updates."""

    sent: int = 0
    batches: int = 0
    patches: int = 0
    without_condition: int = 0
    bulk: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: requests.PreparedRequest) -> None:
        """One request of the service."""
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes) else b""
        url = request.url or ""
        with self._lock:
            self.sent += 1
            if any(word in raw or word in url.encode() for word in BULK):
                self.bulk.append(url)
            if url.endswith("$batch") and (patches := raw.count(b"\r\nPATCH /")):
                self.batches += 1
                self.patches += patches
                self.without_condition += sum(not CONDITION.search(one) for one in WRITE.findall(raw))


@contextmanager
def recorded() -> Iterator[Traffic]:
    """What the service sends meanwhile, whichever of its clients does."""
    traffic = Traffic()
    send = requests.Session.send

    def noting(self: requests.Session, request: requests.PreparedRequest, **more: object) -> requests.Response:
        if str(request.headers.get("User-Agent", "")).startswith(SERVICE):
            traffic.note(request)
        return send(self, request, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", noting)
        yield traffic
