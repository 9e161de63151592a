"""``psa-connector backlog``: what waits to be invoiced, marking it ready, and taking the mark off."""

from __future__ import annotations

import typer

from service.cli.backlog_list import list_rows
from service.cli.backlog_ready import not_ready, ready, resume

app = typer.Typer(help="The three billing backlogs.", no_args_is_help=True, rich_markup_mode=None)
# Said apart from the help of each command: a first sentence that is longer than the line would be cut.
app.command("list", short_help="Show the backlogs and what they add up to.")(list_rows)
app.command("ready", short_help="Mark rows ready to invoice.")(ready)
app.command("not-ready", short_help="Take the mark off rows that are ready.")(not_ready)
app.command("resume", short_help="Carry on commands that were broken off.")(resume)
