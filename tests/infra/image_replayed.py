"""What the image would hold, made by its own instructions in a folder and started there: `make image`.

Needs a package index, and takes half a minute. What only a container host can show is not shown: the root file system
is not read-only here, and the service is not process 1. Whoever runs this as root runs what was made as the image's
user, provided that user can reach this Python.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.dockerfile import DOCKERFILE, IGNORE, ROOT, Stage, environment, is_sent, only, stages
from tests.service.processes import clean_environment

BUILD, FINAL = stages(DOCKERFILE.read_text(encoding="utf-8"))
PYTHON: str = getattr(sys, "_base_executable", sys.executable)
PLACES = ("/src", "/build", "/opt/psa-connector", "/wheel", "/etc/psa-connector")


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """A folder that stands for the root of the image, which nobody may write to."""
    root = Path(tempfile.mkdtemp(prefix="psa-connector-image-"))
    try:
        root.chmod(0o755)
        _replay(BUILD, root)
        for place in ("src", "build", "wheel"):
            shutil.rmtree(root / place)
        (root / "etc/psa-connector").mkdir(parents=True)
        _write_protect(root, True)
        yield root
    finally:
        _write_protect(root, False)
        shutil.rmtree(root)


@pytest.mark.timeout(600)
def test_the_command_starts_as_a_user_without_rights_and_writes_nothing(image: Path, tmp_path: Path) -> None:
    before = _files(image)
    done = subprocess.run(  # noqa: S603
        [_entry(image), "--version"], **_as_in_the_image(image), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert _files(image) == before


@pytest.mark.timeout(600)
def test_it_exports_to_where_the_templates_send_it(image: Path) -> None:
    script = "import azure.monitor.opentelemetry.exporter, opentelemetry.exporter.otlp.proto.http.trace_exporter"
    python = str(image / "opt/psa-connector/bin/python")
    done = subprocess.run(  # noqa: S603
        [python, "-c", script], **_as_in_the_image(image), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(600)
def test_what_installs_was_taken_out_and_everything_is_compiled(image: Path) -> None:
    (packages,) = (image / "opt/psa-connector/lib").glob("python3*/site-packages")
    assert not (packages / "pip").exists()
    assert not (packages / "pytest").exists()
    assert list((packages / "service" / "__pycache__").glob("app.*.pyc"))


@pytest.mark.timeout(600)
@pytest.mark.posix
def test_asked_to_stop_it_ends_by_itself(image: Path) -> None:
    before = _files(image)
    with subprocess.Popen(  # noqa: S603
        [_entry(image), "run", "--sandbox"],
        **_as_in_the_image(image),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("{")
            process.send_signal(getattr(signal, only(FINAL, "STOPSIGNAL")[0].said))
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert _files(image) == before


def _replay(stage: Stage, root: Path) -> None:
    ignore, here = IGNORE.read_text(encoding="utf-8"), root
    sent = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    told = clean_environment() | dict(environment(stage))
    for one in stage:
        if one.name == "WORKDIR":
            here = root / one.said.lstrip("/")
            here.mkdir(parents=True)
        elif one.name == "COPY":
            *sources, target = one.said.split()
            for path in sent:
                if path.split("/")[0] in sources and is_sent(path, ignore):
                    inside = path.split("/", 1)[-1] if len(sources) == 1 and "/" in path else path
                    to = here / target / inside
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / path, to)
        elif one.name == "RUN":
            words = [_placed(word, root) for word in one.words]
            words[0] = PYTHON if words[0] == "python" else words[0]
            done = subprocess.run(words, cwd=here, env=told, capture_output=True, text=True, check=False)  # noqa: S603
            assert done.returncode == 0, f"{one.said}\n{done.stdout}{done.stderr}"


def _placed(word: str, root: Path) -> str:
    return f"{root}{word}" if word.startswith(PLACES) else word


def _entry(image: Path) -> str:
    (entry,) = only(FINAL, "ENTRYPOINT")[0].words
    return str(image / "opt/psa-connector/bin" / entry)


def _as_in_the_image(image: Path) -> dict[str, Any]:
    """Its variables and folder; its user as well, where whoever tests may become another one."""
    told = {name: value.replace("/opt/", f"{image}/opt/") for name, value in environment(FINAL).items()}
    number, group = (int(part) for part in only(FINAL, "USER")[0].said.split(":"))
    may_become = os.name == "posix" and os.geteuid() == 0
    in_reach = all(place.stat().st_mode & 0o001 for place in Path(PYTHON).resolve().parents)
    who = {"user": number, "group": group, "extra_groups": []} if may_become and in_reach else {}
    return {"cwd": image / "etc/psa-connector", "env": told, **who}


def _files(root: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(root.rglob("*"))}


def _write_protect(root: Path, on: bool) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode & ~0o222 if on else mode | 0o200)
