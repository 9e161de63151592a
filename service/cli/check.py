"""``psa-connector check``: is everything there that the service needs, and what to do where it is not."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption


def check(
    problems: Annotated[bool, typer.Option("--problems", help="Show only what needs somebody.")] = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at settings, sign-in, tables, privileges, queues and clocks, and name everything that is wrong at once.

    Nothing is written, and no message is touched. Exit code 0: all is well; 3: something is not configured; 4: the
    environment is other than the service relies on; 1: somebody gave no answer.

    Example: psa-connector check --problems
    """
    from service.checks.everything import check_everything
    from service.checks.finding import Verdict
    from service.cli.output import Column, as_json, key, say, show
    from service.cli.remedies import REMEDIES

    checked = check_everything(config, lambda code: REMEDIES.get(code, ""))
    findings = [
        one for one in checked.findings if not problems or one.verdict in (Verdict.WRONG, Verdict.DRIFT, Verdict.FAILED)
    ]
    if output is Output.JSON:
        as_json(
            {
                "settings": [{"name": one.name, "value": one.value, "source": one.source} for one in checked.settings],
                "findings": [
                    {"area": one.area, "verdict": one.verdict, "sentence": one.sentence, "remedy": one.remedy or None}
                    for one in findings
                ],
            }
        )
    else:
        if checked.settings and not problems:
            rows = [(one.name, "–" if one.value is None else one.value, one.source) for one in checked.settings]
            show("Settings", (key("Setting"), Column("Value"), Column("From")), rows)
        columns = (key("Area"), key("Verdict"), Column("What was found, and what to do"))
        said = [(one.area, one.verdict.value, f"{one.sentence} {one.remedy}".strip()) for one in findings]
        show("Findings", columns, said, empty="Nothing needs anybody.")
    code = _exit(checked.any(Verdict.WRONG), checked.any(Verdict.FAILED), checked.any(Verdict.DRIFT))
    say("All is well." if code is Exit.DONE else "Not all is well: see the findings.")
    raise typer.Exit(code)


def _exit(is_wrong: bool, is_silent: bool, is_other: bool) -> Exit:
    """What keeps the service from working at all comes first."""
    if is_wrong:
        return Exit.NOT_CONFIGURED
    if is_silent:
        return Exit.FAILED
    return Exit.WORK_LEFT if is_other else Exit.DONE
