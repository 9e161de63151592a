"""The image: small, locked, without rights, without a shell in between; and what it is made of. Nothing is built here:
`make image` carries the same instructions out.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from service.settings_sources import variables
from tests.infra.dockerfile import DOCKERFILE, IGNORE, ROOT, environment, is_sent, only, stages
from tests.service.processes import clean_environment

TEXT = DOCKERFILE.read_text(encoding="utf-8")
BUILD, FINAL = stages(TEXT)
IGNORED = IGNORE.read_text(encoding="utf-8")


def test_the_base_is_pinned_and_can_be_pinned_to_its_content() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", TEXT, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)
    assert [stage[0].said for stage in (BUILD, FINAL)] == ["${BASE} AS build", "${BASE}"]


def test_it_runs_without_rights_and_without_a_shell() -> None:
    (user,) = only(FINAL, "USER")
    number, group = map(int, user.said.split(":"))
    assert number > 0
    assert group > 0
    names = [one.name for one in FINAL]
    assert "RUN" not in names
    assert names.index("USER") > names.index("COPY")
    assert only(FINAL, "ENTRYPOINT")[0].words == ["psa-connector"]
    assert only(FINAL, "CMD")[0].words == ["run"]
    assert only(FINAL, "STOPSIGNAL")[0].said == "SIGTERM"
    for one in only(BUILD, "RUN"):
        assert one.words, "every step is one program"


def test_nothing_is_installed_but_what_the_locks_name_by_hash() -> None:
    installs = [one.words for one in only(BUILD, "RUN") if "install" in one.words]
    assert len(installs) == 3
    for words in installs:
        assert {"--require-hashes", "--only-binary"} <= set(words) or {"--no-deps", "--no-index"} <= set(words)
    assert only(BUILD, "RUN")[-1].words[3:] == ["uninstall", "--yes", "setuptools", "pip"]


def test_what_runs_is_what_was_tested() -> None:
    tested = _pins("requirements.lock")
    for lock in ("requirements-runtime.lock", "requirements-build.lock"):
        assert _pins(lock).items() <= tested.items(), f"{lock} names other versions: make lock"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    named = {re.split(r"[><=]", one)[0] for one in wanted}
    assert named <= set(_pins("requirements-runtime.lock"))
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & set(_pins("requirements-runtime.lock"))


def test_no_secret_and_nothing_that_writes_beside_tmp_is_in_it() -> None:
    told = environment(FINAL)
    assert told["PYTHONDONTWRITEBYTECODE"] == "1"
    assert told["HOME"] == "/tmp"  # noqa: S108 — where the container has its scratch volume
    assert not set(told) & {variable.name for variable in variables()}
    assert not re.search(r"(?i)password|secret=|token=|accountkey|sharedaccesskey", TEXT)


def test_every_package_is_copied_and_nothing_that_is_not_sent() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {word for one in only(BUILD, "COPY") for word in one.said.split()[:-1]}
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied
    for path in copied:
        assert is_sent(path, IGNORED), path
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    "path",
    [
        *(".git/config", ".venv/bin/python", ".env", "service/.env", "psa-connector.toml", "tests/conftest.py"),
        *("infra/parameters/production.bicepparam", "sandbox/world.sqlite-wal", "service/cli/__pycache__/main.pyc"),
    ],
)
def test_secrets_history_and_tests_are_not_sent_to_whoever_builds(path: str) -> None:
    assert not is_sent(path, IGNORED)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_says_what_the_service_says(status: int, code: int) -> None:
    with _answering(status) as port:
        assert _health(str(port)) == code


def test_the_health_check_fails_where_nobody_answers_and_lets_a_command_be() -> None:
    with _answering(200) as port:
        pass
    assert _health(str(port)) != 0
    assert _health(None) == 0


def _health(port: str | None) -> int:
    (check,) = only(FINAL, "HEALTHCHECK")
    told = clean_environment() | ({} if port is None else {"PSA_CONNECTOR_HEALTH__PORT": port})
    words = [sys.executable, "-I", *check.words[1:]]
    return subprocess.run(words, env=told, capture_output=True, timeout=30, check=False).returncode  # noqa: S603


@contextmanager
def _answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/live" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))
