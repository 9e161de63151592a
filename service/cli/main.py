"""The command line: ``psa-connector``. What a command needs is imported when the command runs, so help is instant."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from connector.errors import ConnectorError, Misconfigured
from service.cli import (
    audit,
    backlog,
    check,
    close_check,
    completion,
    dead_letters,
    demo,
    entry,
    init,
    invoice,
    pause,
    reconcile,
    register,
    resume,
    role,
    run,
    sandbox,
    status,
    unregister,
)
from service.cli.cannot_write import CannotWrite
from service.cli.exits import INTERRUPTED, Exit
from service.cli.help_text import lay_out
from service.cli.remedies import REMEDIES
from service.not_configured import NotConfigured

lay_out()
app = typer.Typer(
    name="psa-connector",
    help="Approved time and expense entries become actuals, actuals become invoices.",
    no_args_is_help=True,
    # `completion` prints the scripts; the library's own options would be a second way.
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# Said apart from the help of each command: a first sentence that is longer than the line would be cut.
app.command("demo", short_help="Play the whole story on a sandbox of its own.")(demo.demo)
app.command("run", short_help="Run the service until Ctrl-C.")(run.run)
app.command("sandbox", short_help="Serve a local Service Bus and Dataverse until Ctrl-C.")(sandbox.sandbox)
app.command("init", short_help="Ask an environment what it is, and write the settings.")(init.init)
app.command("check", short_help="Say whether everything is there, and what to do.")(check.check)
app.command("register", short_help="Install what the service needs in Dataverse.")(register.register)
app.command("unregister", short_help="Take out of Dataverse what register installed.")(unregister.unregister)
app.command("status", short_help="Show how everything stands, and what needs a person.")(status.status)
app.command("pause", short_help="Hold the running services for maintenance.")(pause.pause)
app.command("resume", short_help="Let services that were paused go on.")(resume.resume)
app.command("reconcile", short_help="Find what no event told, and repair it.")(reconcile.reconcile)
app.command("close-check", short_help="Say whether a month may be closed.")(close_check.close_check)
app.add_typer(role.app, name="role")
app.add_typer(entry.app, name="entry")
app.add_typer(backlog.app, name="backlog")
app.add_typer(invoice.app, name="invoice")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(audit.app, name="audit")
app.command("completion", short_help="Print a script that completes commands in a shell.")(completion.completion)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("psa-connector"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Approved time and expense entries become actuals, actuals become invoices."""


def main() -> None:
    """Run the command line; every failure that is foreseen ends as a sentence on stderr and a documented exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A console or pipe whose encoding lacks a character shows a question mark instead of failing (Windows).
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    completion.answer_shells()
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            typer.echo("Interrupted.", err=True)
        raise
    except CannotWrite as error:
        _end_without_output(str(error))
    except OSError as error:
        # Help and version are written by the library.
        if error.errno != errno.ENOSPC:
            raise
        _end_without_output(error.strerror or "no space left")
    except NotConfigured as error:
        if error.is_blank:
            _say("Nothing is configured here: psa-connector init asks for what it needs, and writes it.")
        _say("Not configured:")
        for fault in error.faults:
            _say(f"  {fault}")
        sys.exit(Exit.NOT_CONFIGURED)
    except ConnectorError as error:
        _say(f"{error.sentence} ({error.code})")
        if error.code in REMEDIES:
            _say(REMEDIES[error.code])
        sys.exit(Exit.NOT_CONFIGURED if isinstance(error, Misconfigured) else Exit.FAILED)


def _say(text: str) -> None:
    """Sentences quote names that anybody may have written: they give a terminal no instructions."""
    from service.cli.output import plain

    typer.echo(plain(text), err=True)


def _end_without_output(why: str) -> NoReturn:
    """What is still buffered goes nowhere, so that the interpreter does not fail on it once more at its end."""
    _say(f"The output can't be written: {why}.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()
