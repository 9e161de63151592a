"""What docs/web-api.md shows of Microsoft's client, run as it stands against the command it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.sandbox.clients.certificates import certificate_in
from tests.service.processes import IN_TIME, first_line, started

PAGE = Path(__file__).parents[3] / "docs" / "web-api.md"
SHOWN = re.compile(r"<!-- microsoft -->\n```python\n(.*?)```", re.DOTALL)


def test_the_client_can_be_used_as_the_page_shows(tmp_path: Path) -> None:
    (program,) = SHOWN.findall(PAGE.read_text("utf-8"))
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
