"""The command line in processes of its own, ended at the end of a test whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.settings import PREFIX

COMMAND = (sys.executable, "-m", "service.cli.main")
IN_TIME = 60


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2])} | more


def pointing_at(dataverse: str, token: str, servicebus: str) -> dict[str, str]:
    """The variables of a service that works in a local world."""
    return {
        "PSA_CONNECTOR_DATAVERSE__URL": dataverse,
        "PSA_CONNECTOR_DATAVERSE__TOKEN": token,
        "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING": servicebus,
        "PSA_CONNECTOR_ACTUALS__CREATOR": "service",
        "PSA_CONNECTOR_ACTUALS__START_FROM": "2026-01-01",
        "PSA_CONNECTOR_ACTUALS__GRACE": "0",
        "PSA_CONNECTOR_BUSINESS_TIME_ZONE": "America/New_York",
    }


@contextmanager
def started(*arguments: str, cwd: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A running command of our own, ended at the end whatever happens."""
    process = subprocess.Popen(  # noqa: S603
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=clean_environment(**variables),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=IN_TIME)


def first_line(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def wait_for(process: subprocess.Popen[str], words: str) -> str:
    """The first line on stderr with these words in it."""
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, "it ended by itself"
    return line
