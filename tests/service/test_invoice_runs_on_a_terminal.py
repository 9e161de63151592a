"""What a run over many contracts draws on a terminal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.world import Sandbox
from service.local_world import register_in
from tests.service.many_contracts import ready_contracts
from tests.service.processes import COMMAND, IN_TIME, clean_environment, pointing_at


@pytest.mark.posix
def test_on_a_terminal_a_bar_shows_how_far_it_is_and_data_stay_data(tmp_path: Path) -> None:
    import pty

    with Sandbox() as world:
        register_in(world)
        ready_contracts(world, 3)
        terminal, end = pty.openpty()
        environment = clean_environment(TERM="xterm", **pointing_at(world.dataverse, world.token, world.servicebus))
        try:
            done = subprocess.run(  # noqa: S603
                [*COMMAND, "invoice", "create", "--all"],
                stdout=subprocess.PIPE,
                stderr=end,
                cwd=tmp_path,
                env=environment,
                timeout=IN_TIME,
                check=True,
            )
            drawn = os.read(terminal, 65536).decode()
        finally:
            os.close(end)
            os.close(terminal)
        assert "Contracts" in drawn
        assert "6/6" in drawn
        assert b"\x1b" not in done.stdout
        assert done.stdout.count(b": created INV-") == 3
