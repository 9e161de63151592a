"""``psa-connector completion``: a script by which a shell completes commands and options."""

from __future__ import annotations

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

    In bash, for this session: source <(psa-connector completion bash). For each new one, add that line to ~/.bashrc; in
    zsh to ~/.zshrc. In fish: psa-connector completion fish > ~/.config/fish/completions/psa-connector.fish. In
    PowerShell: psa-connector completion powershell | Out-String | Invoke-Expression, or the same in the file $PROFILE.

    Example: psa-connector completion bash
    """
    from typer._completion_shared import get_completion_script

    from service.cli.output import write

    write(get_completion_script(prog_name=PROGRAM, complete_var=ASKED_BY, shell=shell.value) + "\n")
