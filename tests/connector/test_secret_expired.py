"""A secret that expires while messages are at work: nothing is lost, nothing counted, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import responses

from connector.breaker import State
from connector.dataverse.client import DataverseClient
from connector.envelope import Envelope
from connector.errors import Misconfigured
from connector.settlement import Pause, Settlement
from connector.sign_in.application import Application, SecretFile
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import HOST, RESOURCE, TENANT, TOKEN_URL, entra, fields, granted, refused
from tests.connector.worker_case import DONE, Case

WHO = f"{RESOURCE}/api/data/v9.2/WhoAmI"
ID = "00000000-0000-0000-0000-000000000001"
NAMES = [f"m{number}" for number in range(20)]


@pytest.mark.parametrize("mended_after", [timedelta(minutes=1), timedelta(hours=6)])
def test_a_secret_that_expires_in_mid_flight_pauses_the_work_until_its_file_holds_a_new_one(
    mended_after: timedelta, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("old", encoding="utf-8")

    async def scenario(http: responses.RequestsMock) -> None:
        tokens = Tokens(Application(HOST, TENANT, "client-1", SecretFile(file)), RESOURCE)
        client = DataverseClient(RESOURCE, tokens)

        def process(envelopes: Sequence[Envelope]) -> list[Settlement]:
            try:
                client.who_am_i()
            except Misconfigured as fault:
                return [Pause(fault.code, fault.sentence) for _ in envelopes]
            return [DONE for _ in envelopes]

        def probe() -> None:
            client.who_am_i()

        case = Case(process, probe)
        async with case.running():
            case.queue.put("first")
            await case.until(lambda: ("first", "complete") in case.queue.done)
            # Now the token has ended, and the secret has expired.
            http.replace(responses.POST, TOKEN_URL, status=401, json=refused("AADSTS7000222"))
            tokens.drop()
            case.queue.put(*NAMES)
            await case.until(lambda: case.worker.status().state is State.PAUSED)
            assert case.worker.status().code == "sign-in-AADSTS7000222"
            assert "make a new one" in (case.worker.status().sentence or "")
            asked = len(http.calls)
            await advance(case, mended_after)
            probes = len(http.calls) - asked
            assert 1 <= probes <= 5 + mended_after / timedelta(minutes=5), "it looks again, and ever more seldom"

            file.write_text("new", encoding="utf-8")
            http.replace(responses.POST, TOKEN_URL, json=granted("a2"))
            await advance(case, timedelta(minutes=6))
            await case.until(lambda: {(name, "complete") for name in NAMES} <= set(case.queue.done))
            assert fields(http)["client_secret"] == "new"
            assert case.worker.status().state is State.RUNNING
        ends = {what[1] for what in case.queue.done}
        assert ends == {"complete", "release"}, "none dead-lettered, none delayed"
        given_back = [what[0] for what in case.queue.done if what[1] == "release"]
        assert len(given_back) == len(set(given_back)), "each at most once: however long it took"

    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.get(WHO, json={"UserId": ID, "OrganizationId": ID})
        asyncio.run(scenario(http))


async def advance(case: Case, by: timedelta) -> None:
    """Let so much time pass in steps, so that probes in their thread get their turn of real time."""
    for _ in range(int(by / timedelta(seconds=30))):
        await case.time.advance(30)
        await asyncio.sleep(0.002)
