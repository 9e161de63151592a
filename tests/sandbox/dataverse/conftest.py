"""A Dataverse on loopback for each test, and a caller that speaks to it with ``requests``."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pytest
import requests

from sandbox.clock import Clock
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import ActionBinding, Link, Refused, UnitOfWork, Written


class Loop:
    """An asyncio loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._ending: list[Future[None]] = []

    def end(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to end something; ``stop`` sees to it that it did."""
        self._ending.append(asyncio.run_coroutine_threadsafe(work, self._loop))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def stop(self) -> None:
        """End the thread, after all that was to end has ended."""
        for ending in self._ending:
            ending.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


class Api:
    """The Web API as one user sees it."""

    def __init__(self, server: DataverseServer, user: str) -> None:
        self.root = f"{server.url}/api/data/v9.2"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(
            {"Authorization": f"Bearer {server.tokens[user]}", "OData-Version": "4.0", "If-None-Match": "null"}
        )

    def __call__(
        self, method: str, path: str, json: Any = None, data: bytes | None = None, **headers: str
    ) -> requests.Response:
        """Send one request; header names are given with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.request(method, f"{self.root}/{path}", json=json, data=data, headers=named, timeout=20)

    def get(self, path: str, **headers: str) -> Any:
        """The JSON of a read that must succeed."""
        answer = self("GET", path, None, None, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, json: Any = None, **headers: str) -> tuple[int, str, str]:
        """(status, code, message) of a request that must be refused in Dataverse's shape."""
        answer = self(method, path, json, None, **headers)
        assert answer.status_code >= 400, answer.text
        assert set(answer.json()) == {"error"}
        error = answer.json()["error"]
        assert set(error) == {"code", "message"}
        return answer.status_code, error["code"], error["message"]

    def create(self, entity_set: str, values: Mapping[str, Any]) -> UUID:
        """Create a row that must succeed; its id."""
        answer = self("POST", entity_set, json=values)
        assert answer.status_code == 204, answer.text
        return UUID(answer.headers["OData-EntityId"].rsplit("(", 1)[1].rstrip(")"))

    def batch(self, body: str, **headers: str) -> requests.Response:
        """Send a ``$batch`` whose boundary is ``b``; line ends are made CRLF, and parts without an encoding binary."""
        binary = "Content-Type: application/http\nContent-Transfer-Encoding: binary"
        body = re.sub("Content-Type: application/http(?!\nContent-Transfer)", binary, body)
        text = body.replace("\n", "\r\n").encode()
        return self("POST", "$batch", data=text, Content_Type='multipart/mixed; boundary="b"', **headers)

    def close(self) -> None:
        """Close its connections."""
        self._session.close()


class Ear:
    """A listener that remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[Sequence[Written]] = []
        self.arrived = threading.Event()

    def on_committed(self, writes: Sequence[Written]) -> None:
        """Remember."""
        self.heard.append(list(writes))
        self.arrived.set()


def rename(uow: UnitOfWork, id: UUID | None, parameters: Mapping[str, object]) -> Link | None:
    """A bound action that changes the account and returns it."""
    assert id is not None
    if parameters.get("Name") == "forbidden":
        raise Refused("That name is not allowed.")
    uow.update("account", id, {"name": str(parameters["Name"])})
    return Link("account", id)


def touch(uow: UnitOfWork, id: UUID | None, parameters: Mapping[str, object]) -> Link | None:
    """An unbound action that returns nothing."""
    uow.create("account", {"name": "touched"})
    return None


ACTIONS = (ActionBinding("new_Rename", "account", rename), ActionBinding("new_Touch", None, touch))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture
def server(loop: Loop, ear: Ear) -> Iterator[DataverseServer]:
    server = DataverseServer(Clock(), actions=ACTIONS, listeners=[ear])
    loop.run(server.start())
    yield server
    loop.end(server.stop())


@pytest.fixture
def as_user(server: DataverseServer) -> Iterator[Callable[[str], Api]]:
    made: list[Api] = []

    def make(user: str) -> Api:
        made.append(Api(server, user))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def api(as_user: Callable[[str], Api]) -> Api:
    return as_user("service")
