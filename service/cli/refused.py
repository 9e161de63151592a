"""The end of a command that is refused: said to people, and told to programs that read stdout."""

from __future__ import annotations

import typer

from service.cli.exits import Exit
from service.cli.options import Output
from service.cli.output import as_json, say


def refused(code: str, sentence: str, output: Output, displayed: str | None = None) -> typer.Exit:
    """To be raised once it is said: as a ``displayed`` sentence, and for programs as one JSON object on stdout."""
    say(displayed or f"{sentence} ({code})")
    if output is Output.JSON:
        as_json({"refused": {"code": code, "sentence": sentence}})
    return typer.Exit(Exit.WORK_LEFT)


def too_much(above: str, output: Output) -> typer.Exit:
    """The same of what is above a ceiling; ``above`` says which."""
    from handlers.bounded_invoicing import OVER_CEILING

    sentence = f"{above} Nothing was done. If that is meant, say --yes."
    return refused(OVER_CEILING, sentence, output, displayed=sentence)
