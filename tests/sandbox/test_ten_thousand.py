"""Ten thousand entries through the front door of the sandbox: in by batch, out by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
import requests

from sandbox.world import Sandbox

ENTRIES, MOST = 10_000, 1_000
ENTRY = {"msdyn_date": "2026-01-05", "msdyn_externaldescription": "load"}


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as world:
        yield world


@pytest.fixture
def session(world: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"Authorization": f"Bearer {world.token}", "OData-Version": "4.0"})
        yield session


def batch(first: int) -> bytes:
    """A change set of a thousand entries, numbered from ``first``."""
    lines = ["--b", "Content-Type: multipart/mixed; boundary=c", ""]
    for number in range(first, first + MOST):
        lines += ["--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        lines += [f"Content-ID: {number}", "", f"PATCH msdyn_timeentries({UUID(int=number)}) HTTP/1.1"]
        lines += ["If-None-Match: *", "Content-Type: application/json", ""]
        lines += [
            json.dumps(
                {"msdyn_date": "2026-01-05", "msdyn_duration": number % 480, "msdyn_externaldescription": "load"}
            ),
            "",
        ]
    return "\r\n".join([*lines, "--c--", "", "--b--", ""]).encode()


@pytest.mark.timeout(90)
def test_ten_thousand_entries_go_in_by_batch_and_come_out_by_page(world: Sandbox, session: requests.Session) -> None:
    base = f"{world.dataverse}/api/data/v9.2"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    for first in range(1, ENTRIES + 1, MOST):
        answer = session.post(f"{base}/$batch", data=batch(first), headers=headers, timeout=60)
        assert answer.status_code == 200
        assert answer.content.count(b"HTTP/1.1 204 No Content") == MOST
    again = session.post(f"{base}/$batch", data=batch(1), headers=headers, timeout=60)
    assert b"0x80040237" in again.content  # they are all there already, and none is made twice
    found: dict[str, int] = {}
    sizes = []
    page = f"{base}/msdyn_timeentries?$select=msdyn_duration&$filter=msdyn_externaldescription eq 'load'"
    while page:
        told = session.get(page, headers={"Prefer": "odata.maxpagesize=5000"}, timeout=60).json()
        found |= {row["msdyn_timeentryid"]: row["msdyn_duration"] for row in told["value"]}
        sizes.append(len(told["value"]))
        page = told.get("@odata.nextLink", "")
    assert sizes == [5000, 5000]
    assert found == {str(UUID(int=number)): number % 480 for number in range(1, ENTRIES + 1)}
