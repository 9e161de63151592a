"""How many simple creates a second the sandbox's Dataverse takes in ``$batch``, with its limits off."""

from __future__ import annotations

import time

import requests

from sandbox.world import Sandbox
from tests.benchmarks.rivals import printed

ROWS, MOST = 10_000, 1_000


def bench_creates_in_change_sets_of_a_thousand() -> None:
    lines = ["--b", "Content-Type: multipart/mixed; boundary=c", ""]
    for number in range(1, MOST + 1):
        lines += ["--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        lines += [f"Content-ID: {number}", "", "POST msdyn_timeentries HTTP/1.1", "Content-Type: application/json", ""]
        lines += ['{"msdyn_date": "2026-01-05", "msdyn_duration": 60}', ""]
    body = "\r\n".join([*lines, "--c--", "", "--b--", ""]).encode()
    with Sandbox(company=False) as world, requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "multipart/mixed; boundary=b"}
        begun = time.perf_counter()
        for _ in range(ROWS // MOST):
            answer = session.post(f"{world.dataverse}/api/data/v9.2/$batch", data=body, headers=headers, timeout=60)
            assert answer.content.count(b"HTTP/1.1 204 No Content") == MOST
        seconds = time.perf_counter() - begun
    printed(way="sandbox-creates-in-batch", rows=ROWS, creates_per_second=round(ROWS / seconds))
