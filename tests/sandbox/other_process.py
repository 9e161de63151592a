"""A client of the sandbox that is in another process: all it knows is an address and a token."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from sandbox.world import Sandbox

IN_TIME = 60


class OtherProcess:
    """Another process: it knows the address and the token that were printed."""

    def __init__(self, world: Sandbox) -> None:
        self._world = world

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        root = "" if path.startswith("sandbox/") else "api/data/v9.2/"
        token = options.pop("token", self._world.token)
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        url = f"{self._world.dataverse}/{root}{path}"
        content = {"data": body} if isinstance(body, str) else {"json": body}
        return requests.request(method, url, headers=headers, timeout=options.pop("timeout", IN_TIME), **content)

    def plan(self, fault: str, **arguments: Any) -> dict[str, Any]:
        answer = self("POST", "sandbox/faults", {"fault": fault, **arguments})
        assert answer.status_code == 201, answer.text
        planned: dict[str, Any] = answer.json()
        assert (planned["fault"], planned["struck"]) == (fault, 0)
        return planned

    def struck(self) -> list[int]:
        return [fault["struck"] for fault in self("GET", "sandbox/faults").json()["value"]]

    def names(self) -> list[str]:
        return sorted(row["name"] for row in self("GET", "accounts?$select=name").json()["value"])

    def comes(self, expected: Callable[[], bool]) -> bool:
        """Whether it becomes so while other threads work."""
        until = time.monotonic() + IN_TIME
        while not expected() and time.monotonic() < until:
            threading.Event().wait(0.02)
        return expected()
