"""``psa-connector demo``: the whole story, then exit."""

from __future__ import annotations

import typer

from service.cli.exits import Exit
from service.cli.options import Output, OutputOption, VerboseOption


def demo(output: OutputOption = Output.TABLE, verbose: VerboseOption = False) -> None:
    """Play approving, actuals, ready and invoice on a sandbox of its own; exit code 0 only if all agree to the cent.

    Example: psa-connector demo
    """
    from service.cli.output import as_json, say
    from service.demo.patience import OutOfTime
    from service.demo.report import as_data, show_tables
    from service.demo.story import tell
    from service.telemetry import configure_logs

    configure_logs(verbose=verbose, quiet=not verbose)
    try:
        story = tell(say)
    except OutOfTime as error:
        say(str(error))
        raise typer.Exit(Exit.FAILED) from error
    say(f"Done in {story.seconds:.1f} s.")
    if output is Output.JSON:
        as_json(as_data(story))
    else:
        show_tables(story)
    if not story.holds:
        raise typer.Exit(Exit.FAILED)
