"""npm's dynamics-web-api, unmodified, against the sandbox: its own multipart writer, conditions and delta links."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.dataverse.seed import USERS
from sandbox.world import Sandbox
from tests.sandbox.clients.npm import node_packages

DRIVER = Path(__file__).with_name("dynamics_web_api.cjs")
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What the driver saw, by scenario."""
    packages, node = node_packages(), shutil.which("node")
    assert packages is not None
    assert node is not None
    with Sandbox(company=False) as world:
        given = {
            "SANDBOX_URL": f"{world.dataverse}/",
            "SANDBOX_TOKEN": world.tokens["administrator"],
            "NODE_PATH": str(packages),
        }
        run = subprocess.run(  # noqa: S603
            [node, str(DRIVER)], env=os.environ | given, capture_output=True, text=True, timeout=60, check=True
        )
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return found


def test_records_with_their_etags(seen: dict[str, Any]) -> None:
    """The client tells a 412 as ``false``."""
    gone = {"status": 404, "code": "0x80040217"}
    expected = {"name": "dynamics-web-api", "telephone": "2", "stale": False, "fresh": "4", "gone": gone}
    assert seen["records"] == expected


def test_upserts_that_may_only_update_or_only_create(seen: dict[str, Any]) -> None:
    """The client tells both refusals, 404 and 412, as ``null``."""
    assert seen["upserts"] == {"only": None, "again": None, "name": "made"}


def test_a_change_set_refers_to_what_it_made_by_content_id(seen: dict[str, Any]) -> None:
    assert seen["batch"] == {"results": 2, "account": "in a set"}


def test_a_change_set_that_fails_leaves_nothing(seen: dict[str, Any]) -> None:
    assert seen["failingBatch"] == {"told": [{"status": 404}], "left": 0}


def test_pages_and_counts(seen: dict[str, Any]) -> None:
    assert seen["pages"] == {"sizes": [3, 3], "count": 7, "all": 7}


def test_a_function(seen: dict[str, Any]) -> None:
    assert seen["functions"] == {"user": str(USERS["administrator"])}


def test_changes_since_a_delta_link(seen: dict[str, Any]) -> None:
    assert seen["changes"] == {"names": ["tracked"]}


def test_references_are_set_and_taken_away(seen: dict[str, Any]) -> None:
    assert seen["references"] == {"there": [True, 1], "gone": [False, 0]}


def test_tables_relationships_and_choices_are_made(seen: dict[str, Any]) -> None:
    assert seen["metadata"] == {"choices": ["npm_Choice"], "attributes": ["npm_account"]}


def test_what_is_not_supported_is_refused(seen: dict[str, Any]) -> None:
    """FetchXML, by a code of the sandbox's own."""
    assert seen["refused"] == {"fetched": "NotSupportedBySandbox", "status": 501}
