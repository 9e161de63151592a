"""``psa-connector close-check MONTH``: one list of yes and no before a month is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.days import first_of
from service.cli.exits import Exit
from service.cli.options import ConfigOption, Output, OutputOption

if TYPE_CHECKING:
    from service.closing.everything import Closing
    from service.closing.month import Month


def _month(text: str) -> Month:
    from service.closing.month import Month

    first = first_of(text)
    return Month.of(first.year, first.month)


def close_check(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="The month to be closed, as 2026-01.")],
    without_queues: Annotated[
        bool, typer.Option("--without-queues", help="Leave the queues out, where Service Bus can't be seen from here.")
    ] = False,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say whether a month may be closed: every question by yes or no, and what to type where it is no.

    Days are business days of the settings' time zone. Nothing is written. Exit code 0: every answer is yes; 4: one is
    no, or can't be seen; 1: somebody gave no answer.

    Example: psa-connector close-check 2026-01
    """
    asked = _month(month)

    from mappings.business_date import business_date
    from service.cli.output import Column, as_json, key, say, show
    from service.cli.remedies import REMEDIES
    from service.cli.rows_beneath import beneath
    from service.cli.session import session
    from service.closing.everything import ANSWERS, QUESTIONS, closing

    with session(config) as app:
        today = business_date(app.dataverse.far_now(), app.settings.business_time_zone)
        if asked.first > today:
            raise typer.BadParameter(f"{asked} has not begun.")
        found = closing(app, asked, lambda code: REMEDIES.get(code, ""), with_queues=not without_queues)
        url = app.dataverse.url
    if output is Output.JSON:
        as_json(_plain(found) | {"is_over": asked.last < today})
    else:
        columns = (key("Answer"), Column("Question"), Column("What was found"))
        rows = [(ANSWERS[part.state], QUESTIONS[part.key], part.sentence) for part in found.parts]
        show(f"{found.month} ({found.zone})", columns, rows)
        beneath(found.parts, url)
    if asked.last >= today:
        say(f"{asked} is not over: what is still to come is not in this list.")
    if found.may_close:
        say(f"{found.month} may be closed.")
        return
    say(f"{found.month} is not ready to be closed.")
    raise typer.Exit(Exit.FAILED if found.is_unanswered else Exit.WORK_LEFT)


def _plain(found: Closing) -> dict[str, object]:
    from service.closing.everything import ANSWERS, QUESTIONS
    from service.status.as_data import plain_part

    return {
        "month": str(found.month),
        "first": found.month.first.isoformat(),
        "last": found.month.last.isoformat(),
        "time_zone": found.zone,
        "environment": found.url,
        "may_close": found.may_close,
        "checks": [
            {"check": part.key, "question": QUESTIONS[part.key], "answer": ANSWERS[part.state]}
            | plain_part(part, found.url)
            for part in found.parts
        ],
    }
