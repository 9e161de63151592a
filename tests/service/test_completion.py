"""Completion: a script for each shell, which in bash is tried out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.completion import Shell
from service.cli.main import app
from tests.service.processes import clean_environment


@pytest.mark.parametrize("shell", Shell)
def test_there_is_a_script_for_each_shell_that_asks_this_program(shell: Shell) -> None:
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert "_PSA_CONNECTOR_COMPLETE" in result.stdout
    assert f"complete_{shell}" in result.stdout


def test_another_shell_is_answered_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "bash, zsh, fish, powershell" in " ".join(result.stderr.split())


@pytest.mark.posix
def test_bash_completes_commands_groups_and_options() -> None:
    script = """
source <(psa-connector completion bash)
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _psa_connector_completion psa-connector; echo "${COMPREPLY[@]}"; }
ask psa-connector pau
ask psa-connector backlog li
ask psa-connector pause --rea
"""
    environment = clean_environment()
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    done = subprocess.run(  # noqa: S603
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "pause\nlist\n--reason\n"), done.stderr
