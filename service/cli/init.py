"""``psa-connector init``: asks an environment what it is, and writes the settings that follow from that."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.exits import Exit
from service.cli.options import DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from service.setting_up.answers import Answers
    from service.setting_up.proposal import Proposal


DEFAULT = Path("psa-connector.toml")
ENV_FILE = Path(".env")
BUS = "SERVICEBUS__CONNECTION_STRING"
SENDER = "SERVICEBUS__EVENT_SENDER"
QUESTIONS = (
    ("DATAVERSE__URL", "Address of the environment, such as https://contoso.crm4.dynamics.com", False),
    ("BUSINESS_TIME_ZONE", "Time zone in which business dates are meant, such as Europe/Berlin", False),
    (BUS, "Service Bus: a connection string that may listen and send, or the namespace's full name to sign in", True),
    (SENDER, "Its connection string that may only send, which `register` gives to Dataverse; empty: not here", True),
    ("DATAVERSE__TENANT_ID", "Microsoft Entra tenant", False),
    ("DATAVERSE__CLIENT_ID", "Application (client) id of the app registration", False),
    ("DATAVERSE__CLIENT_SECRET", "A client secret of it", True),
)
"""What is asked at a terminal where nobody said it, and whether the answer is hidden while it is typed."""
INSTEAD = {BUS: "SERVICEBUS__NAMESPACE", "DATAVERSE__CLIENT_SECRET": "DATAVERSE__CLIENT_SECRET_FILE"}
"""What makes a question needless."""


def _option(name: str, help: str) -> Any:
    return typer.Option(name, help=help, metavar="TEXT")


def init(
    url: Annotated[str | None, _option("--url", "The environment's address.")] = None,
    cloud: Annotated[str | None, _option("--cloud", "public, us-government or china. [default: public]")] = None,
    sign_in: Annotated[str | None, _option("--sign-in", "How to sign in. [default: client-secret]")] = None,
    tenant_id: Annotated[str | None, _option("--tenant-id", "The Entra tenant.")] = None,
    client_id: Annotated[str | None, _option("--client-id", "The app registration.")] = None,
    client_secret: Annotated[str | None, _option("--client-secret", "Its secret; asked for where left out.")] = None,
    certificate: Annotated[str | None, _option("--certificate", "Instead: a PEM or PFX file with its key.")] = None,
    token: Annotated[str | None, _option("--token", "The token of a local sandbox.")] = None,
    namespace: Annotated[str | None, _option("--namespace", "The Service Bus namespace, to sign in there.")] = None,
    servicebus: Annotated[
        str | None,
        _option("--servicebus", "Instead: its connection string, with a key."),
    ] = None,
    event_sender: Annotated[
        str | None,
        _option("--event-sender", "The connection string that `register` hands on."),
    ] = None,
    time_zone: Annotated[str | None, _option("--time-zone", "Where business dates are meant: Europe/Berlin.")] = None,
    creator: Annotated[str | None, _option("--creator", "service or product. [default: what the rows tell]")] = None,
    start_from: Annotated[str | None, _option("--start-from", "The go-live date. [default: today]")] = None,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="Where the settings are written.")] = DEFAULT,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", "-y", help="Write files anew, keeping what they say; write a creator the rows speak against."
        ),
    ] = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask an environment what it is, and write a commented TOML file and a .env with the secrets for it.

    What no option says is taken from the variable of its setting, and at a terminal asked for. Nothing is written in
    Dataverse. A secret that is an option of a command can be seen by others on this machine: leave it out there.

    Example:
      psa-connector init --url https://contoso.crm4.dynamics.com --time-zone Europe/Berlin
    """
    from zoneinfo import ZoneInfo

    from connector.clock import utc_now
    from service.cli.output import say
    from service.cli.remedies import REMEDIES
    from service.not_configured import NotConfigured
    from service.setting_up.answers import from_environment
    from service.setting_up.files import PRIVATE, READABLE, env_text, refuse_to_replace, staying, toml_text, write
    from service.setting_up.proposal import completed, propose
    from service.setting_up.written import written
    from service.settings_files import text_of

    if not yes and not dry_run:
        refuse_to_replace((config, ENV_FILE))
    given = from_environment().also(
        DATAVERSE__URL=url,
        DATAVERSE__CLOUD=cloud,
        DATAVERSE__SIGN_IN=sign_in or ("certificate" if certificate else None),
        DATAVERSE__TENANT_ID=tenant_id,
        DATAVERSE__CLIENT_ID=client_id,
        DATAVERSE__CLIENT_SECRET=client_secret,
        DATAVERSE__CERTIFICATE=certificate,
        DATAVERSE__TOKEN=token,
        SERVICEBUS__NAMESPACE=namespace,
        SERVICEBUS__CONNECTION_STRING=servicebus,
        SERVICEBUS__EVENT_SENDER=event_sender,
        BUSINESS_TIME_ZONE=time_zone,
        ACTUALS__CREATOR=creator,
        ACTUALS__START_FROM=start_from,
    )
    before = written(config, ENV_FILE)
    answers = _asked(before.under(given))
    settings = answers.enough_to_ask()
    now = utc_now()
    proposal = propose(settings, lambda code: REMEDIES.get(code, ""), now)
    is_said = given["ACTUALS__CREATOR"] is not None
    if proposal.is_usable and (answers["ACTUALS__CREATOR"] is None or (not is_said and _is_against(answers, proposal))):
        creator = _asked_for_creator(proposal)
        is_said, answers = is_said or creator is not None, answers.also(ACTUALS__CREATOR=creator)
    today = now.astimezone(ZoneInfo(answers["BUSINESS_TIME_ZONE"] or "UTC")).date().isoformat()
    final, reasons = completed(answers, proposal, today)
    in_dotenv = text_of(ENV_FILE) if ENV_FILE.exists() else ""
    text = toml_text(final, reasons, staying(final, in_dotenv))
    files: tuple[Path, ...] = ()
    faults: list[str] = []
    if proposal.is_usable:
        faults = _faults(final, proposal, yes, is_said)
    if proposal.is_usable and not faults and not dry_run:
        write([(ENV_FILE, env_text(final, in_dotenv), PRIVATE), (config, text, READABLE)])
        files = (config, ENV_FILE)
    _report(output, final, proposal, files, text if dry_run and not faults else None, is_said)
    if not faults and proposal.is_usable:
        for change in before.changes(final):
            say(change)
    if faults:
        raise NotConfigured(faults)
    if not proposal.is_usable:
        say("Nothing was written.")
        raise typer.Exit(Exit.NOT_CONFIGURED)
    if files:
        named = "" if config == DEFAULT else f" --config {config}"
        say(
            f"Wrote {config} and {ENV_FILE}. Next, as an administrator: psa-connector register{named}, then "
            f"psa-connector role apply runtime --to USER{named}; then psa-connector check{named}."
        )


def _asked(answers: Answers) -> Answers:
    """What is missing, asked of whoever sits at the terminal; elsewhere nobody is asked."""
    if not _is_terminal():
        return answers
    by_secret = answers["DATAVERSE__SIGN_IN"] in (None, "client-secret") and not answers["DATAVERSE__CERTIFICATE"]
    of_registration = by_secret and answers["DATAVERSE__TOKEN"] is None
    for name, question, hidden in QUESTIONS:
        needed = of_registration or not name.startswith("DATAVERSE__") or name == "DATAVERSE__URL"
        if name in INSTEAD and answers[INSTEAD[name]] is not None:
            needed = False
        if needed and answers[name] is None:
            typed: str = typer.prompt(
                question,
                "" if name == SENDER else None,
                hidden,
                show_default=False,
                value_proc=_checker(name),
                err=True,
            )
            by_name = name == BUS and "=" not in typed
            answers = answers.also(**{"SERVICEBUS__NAMESPACE" if by_name else name: typed.strip()})
    return answers


def _checker(name: str) -> Callable[[str], str]:
    """What looks at an answer at once, so that it is asked again; the answer itself is not shown."""

    def check(typed: str) -> str:
        from service.settings_values import zone

        if name == "BUSINESS_TIME_ZONE":
            try:
                zone(typed.strip())
            except ValueError as error:
                raise typer.BadParameter("That is no time zone name, such as Europe/Berlin.") from error
        if name == "DATAVERSE__URL" and not re.fullmatch(r"https?://[^/\s]+/?", typed.strip()):
            raise typer.BadParameter("That is no address, such as https://contoso.crm4.dynamics.com.")
        return typed

    return check


def _asked_for_creator(proposal: Proposal) -> str | None:
    if not _is_terminal():
        return None
    question = f"{proposal.reason}\nWho creates actuals there, service or product"

    def check(typed: str) -> str:
        if typed.strip() not in proposal.creators:
            raise typer.BadParameter(f"That can't be; only {' or '.join(sorted(proposal.creators))}.")
        return typed.strip()

    answer: str = typer.prompt(question, default=proposal.creator, value_proc=check, err=True)
    return answer


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _is_against(answers: Answers, proposal: Proposal) -> bool:
    return proposal.creator not in (answers["ACTUALS__CREATOR"], None)


def _faults(answers: Answers, proposal: Proposal, yes: bool, is_said: bool) -> list[str]:
    """What is wrong with the settings as they would be written."""
    from service.not_configured import NotConfigured

    if answers["ACTUALS__CREATOR"] is None:
        return [f"Who creates actuals has to be said (--creator service or product). {proposal.reason}"]
    if (said := answers["ACTUALS__CREATOR"]) not in proposal.creators:
        return [f"Who creates actuals can't be {said!r} there, only {' or '.join(sorted(proposal.creators))}."]
    if _is_against(answers, proposal) and not is_said:
        return [f"The files say that the {said} creates actuals. {proposal.reason} Say which it is (--creator)."]
    if _is_against(answers, proposal) and not yes:
        return [f"Who creates actuals is said to be the {said}. {proposal.reason} --yes writes {said!r} all the same."]
    try:
        answers.settings()
    except NotConfigured as error:
        return error.faults
    return []


def _report(
    output: Output, answers: Answers, proposal: Proposal, files: tuple[Path, ...], text: str | None, is_said: bool
) -> None:
    from service.cli.output import Column, as_json, key, show, write

    if output is Output.JSON:
        as_json(
            {
                "creator": answers["ACTUALS__CREATOR"],
                "proposed_creator": proposal.creator,
                "reason": proposal.reason,
                "files": [str(path) for path in files],
                "settings": text,
                "findings": [
                    {"area": one.area, "verdict": one.verdict, "sentence": one.sentence, "remedy": one.remedy or None}
                    for one in proposal.findings
                ],
            }
        )
        return
    columns = (key("Area"), key("Verdict"), Column("What was found, and what to do"))
    rows = [(one.area, one.verdict.value, f"{one.sentence} {one.remedy}".strip()) for one in proposal.findings]
    creator = answers["ACTUALS__CREATOR"]
    if proposal.creator:
        # The reason begins with what the rows tell.
        rows = [row for row in rows if row[:2] != ("creator", "note")]
        rows.append(("creator", "note", f"`{proposal.creator}` is proposed. {proposal.reason}"))
    elif creator:
        rows.append(("creator", "note", f"`{creator}` is taken, as {'was said' if is_said else 'the files say'}."))
    elif not any(row[0] == "creator" and row[1] != "note" for row in rows):
        rows = [row for row in rows if row[0] != "creator"]
        rows.append(("creator", "note" if proposal.is_usable else "not seen", proposal.reason))
    show("Findings", columns, rows)
    if text is not None:
        write(text)
