"""What the pages show of other people's clients, run as it stands against the commands they name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.clients.certificates import certificate_in
from tests.sandbox.clients.npm import node_packages
from tests.service.processes import IN_TIME, first_line, started

DOCS = Path(__file__).parents[3] / "docs"
SHOWN = re.compile(r"<!-- microsoft -->\n```python\n(.*?)```", re.DOTALL)
JAVASCRIPT = re.compile(r"<!-- javascript -->\n```javascript\n(.*?)```", re.DOTALL)
CONFIG = re.compile(r"cat > Config.json <<'JSON'\n(.*?)JSON\n", re.DOTALL)


def test_the_client_can_be_used_as_the_page_shows(tmp_path: Path) -> None:
    (program,) = SHOWN.findall((DOCS / "web-api.md").read_text("utf-8"))
    certificate = str(certificate_in(tmp_path))
    with started("sandbox", "--empty", "--certificate", certificate, cwd=tmp_path) as process:
        told = first_line(process)
        given = {"DATAVERSE": told["dataverse"], "TOKEN": told["token"], "REQUESTS_CA_BUNDLE": certificate}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program],
            env=os.environ | given,
            capture_output=True,
            text=True,
            timeout=IN_TIME,
            check=False,
        )
    assert done.returncode == 0, done.stderr


@pytest.mark.node
def test_the_service_bus_can_be_used_from_javascript_as_the_page_shows(tmp_path: Path) -> None:
    page = (DOCS / "sandbox.md").read_text("utf-8")
    (program,), (config,) = JAVASCRIPT.findall(page), CONFIG.findall(page)
    (tmp_path / "Config.json").write_text(config, "utf-8")
    node = shutil.which("node")
    assert node is not None
    with started("sandbox", "--empty", "--servicebus-config", "Config.json", cwd=tmp_path) as process:
        given = {
            "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING": first_line(process)["servicebus"],
            "NODE_PATH": str(node_packages()),
        }
        done = subprocess.run(  # noqa: S603
            [node, "-e", program],
            env=os.environ | given,
            capture_output=True,
            text=True,
            timeout=IN_TIME,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("one\n", "")
