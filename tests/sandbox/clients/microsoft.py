"""Microsoft's Python client, signed in at a sandbox of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient

from sandbox.world import Sandbox
from tests.sandbox.clients.certificates import certificate_in


class Credential:
    """A bearer token that is known already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(self._token, 2**33)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    certificate: Path = certificate_in(tmp_path_factory.mktemp("certificate"))
    with pytest.MonkeyPatch.context() as patch, Sandbox(certificate=certificate) as world:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield world


@pytest.fixture
def client(world: Sandbox) -> Iterator[DataverseClient]:
    with DataverseClient(world.dataverse, Credential(world.tokens["administrator"])) as client:
        yield client


@pytest.fixture
def mark() -> str:
    """What tells this test's rows from others'."""
    return uuid4().hex
