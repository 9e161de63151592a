"""The npm packages the drivers need, in a folder of their own."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("dynamics-web-api@2.5.0", "@azure/service-bus@7.9.5")


@functools.cache
def node_packages() -> Path | None:
    """A folder with the packages, or ``None`` where it is not to be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="psa-connector-npm-"))
    quietly = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    command = [npm, "install", *quietly, "--prefix", str(folder), *PACKAGES]
    installed = subprocess.run(command, capture_output=True, timeout=300, check=False)  # noqa: S603
    if installed.returncode != 0:
        shutil.rmtree(folder)
        return None
    return folder / "node_modules"


def remove() -> None:
    """Remove what was installed, if anything was."""
    if node_packages.cache_info().currsize and (folder := node_packages()) is not None:
        shutil.rmtree(folder.parent, ignore_errors=True)
