"""Ctrl-C and SIGTERM as a real process takes them: at rest, while starting, and with a batch that hangs."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from sandbox.world import COMMANDS, Sandbox
from service.demo import orders
from service.local_world import register_in
from tests.service.processes import IN_TIME, first_line, pointing_at, started, wait_for

pytestmark = pytest.mark.posix
SOON = 10
"""Seconds within which nobody waits for an answer that never comes: reading gives up much later."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_first_says_where_it_is_and_ends_in_order_when_asked(number: int, tmp_path: Path) -> None:
    with started("sandbox", "--empty", cwd=tmp_path) as process:
        told = first_line(process)
        assert sorted(told) == ["dataverse", "servicebus", "token"]
        answer = requests.get(
            f"{told['dataverse']}/api/data/v9.2/WhoAmI",
            headers={"Authorization": f"Bearer {told['token']}"},
            timeout=IN_TIME,
        )
        assert answer.status_code == 200
        assert told["servicebus"].startswith("Endpoint=sb://")
        process.send_signal(number)
        assert process.wait(IN_TIME) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "", "nothing but that one line is data"


def test_run_with_a_sandbox_works_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    with started("run", "--sandbox", cwd=tmp_path) as process:
        told = first_line(process)
        wait_for(process, "stop with Ctrl-C")
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 0
        assert told["dataverse"].startswith("http://127.0.0.1:")
        assert process.stderr is not None
        assert "every message at work was finished and settled" in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_still_waits_for_a_silent_dataverse_ends_when_asked(number: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(IN_TIME)
        port = silent.getsockname()[1]
        bus = f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true"
        with started("run", cwd=tmp_path, **pointing_at(f"http://127.0.0.1:{port}", "token", bus)) as process:
            wait_for(process, "stop with Ctrl-C")
            asked = [silent.accept()[0] for _ in range(3)]
            process.send_signal(number)
            assert process.wait(SOON) == 0
            assert process.stderr is not None
            assert "never retrieved" not in process.stderr.read(), "what was given up is no fault"
        for connection in asked:
            connection.close()


def test_the_second_signal_ends_a_service_whose_batch_hangs_and_says_what_that_means(tmp_path: Path) -> None:
    with Sandbox(company=False) as world:
        register_in(world)
        commands = orders.to_invoice([uuid4()])
        held = world.faults.hold(containing=str(commands[0].contract))
        orders.give(world.servicebus, COMMANDS, commands)
        variables = pointing_at(world.dataverse, world.token, world.servicebus)
        with started("run", cwd=tmp_path, **variables) as process:
            assert held.reached.wait(IN_TIME)
            process.send_signal(signal.SIGTERM)
            wait_for(process, "asked to stop")
            assert process.poll() is None, "what is at work is finished first"
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON) == 130
            assert process.stderr is not None
            assert "Ended at once" in process.stderr.read()
        world.faults.release_all()


def test_a_wrong_key_of_the_service_bus_ends_run_as_not_configured(tmp_path: Path) -> None:
    with Sandbox(company=False) as world:
        register_in(world)
        wrong = world.servicebus.replace("SharedAccessKey=", "SharedAccessKey=x")
        with started("run", cwd=tmp_path, **pointing_at(world.dataverse, world.token, wrong)) as process:
            said = process.communicate(timeout=IN_TIME)[1]
            assert process.returncode == 3
            assert "Service Bus refused the sign-in to" in said
