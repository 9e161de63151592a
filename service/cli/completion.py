"""``psa-connector completion``: a script by which a shell completes commands and options."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from service.cli.options import one_of

PROGRAM = "psa-connector"
ASKED_BY = "_PSA_CONNECTOR_COMPLETE"
"""The variable by which the script asks this program what may come next."""


class Shell(StrEnum):
    """The shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(
    shell: Annotated[
        Shell,
        typer.Argument(parser=one_of(Shell), metavar="SHELL", help="bash, zsh, fish or powershell."),
    ],
) -> None:
    """Print a script that completes commands and options with the Tab key; it asks this program what there is.

    bash, for this session; each new one has it once the line stands in ~/.bashrc, or for zsh in ~/.zshrc:

        source <(psa-connector completion bash)

    fish:

        psa-connector completion fish > ~/.config/fish/completions/psa-connector.fish

    PowerShell; for each new session the same in the file $PROFILE:

        psa-connector completion powershell | Out-String | Invoke-Expression

    Example: psa-connector completion bash
    """
    from typer._completion_shared import get_completion_script

    from service.cli.output import write

    write(get_completion_script(prog_name=PROGRAM, complete_var=ASKED_BY, shell=shell.value) + "\n")


def answer_shells() -> None:
    """Let the library answer what a script asks; it does so by itself only beside options of its own."""
    if ASKED_BY in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
