"""What an environment is, found out by asking it, and the settings that follow from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import quote

from connector.dataverse.client import DataverseClient, WhoAmI
from handlers.invoicing import ACTION
from mappings import tables
from mappings.profile import Creator, Profile
from service.checks.creators import Creators, creators
from service.checks.everything import ready_marking
from service.checks.finding import Finding, Findings, Verdict, looked
from service.checks.privileges import ROLE, shallow_reads
from service.checks.schema import versions_and_keys
from service.checks.who import clock, time_zone
from service.far_side import TAG
from service.probing import mode_of
from service.profiles import profile_of
from service.setting_up.answers import Answers
from service.settings import Settings
from service.signing_in import tokens

BULK = "CreateMultiple"
BY_ROWS = (tables.ACTUAL, tables.ORIGIN, tables.APPROVAL)
"""The tables whose rows tell who creates actuals."""
SEVERAL = 3
"""One entry without actuals may be one that failed: fewer don't tell that nobody creates any."""
UNSEEN = "Who creates actuals could not be seen there. Mend that and ask again, or find out and say it."


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found, and who is to create actuals there with the reason; ``None``: the rows don't tell."""

    organization: str | None
    creator: str | None
    reason: str
    findings: tuple[Finding, ...]
    creators: frozenset[str] = frozenset(Creator)

    @property
    def is_usable(self) -> bool:
        """Whether the environment answered, and is one this service works with."""
        return self.organization is not None and not any(
            one.verdict in (Verdict.WRONG, Verdict.FAILED)
            for one in self.findings
            if one.area in ("sign-in", "profile")
        )


def propose(settings: Settings, remedies: Callable[[str], str], now: datetime) -> Proposal:
    """Ask the environment; nothing is written there."""
    client = DataverseClient(settings.dataverse.url, tokens(settings.dataverse), tag=TAG)
    known: list[WhoAmI] = []
    profiles: list[Profile] = []
    told: list[Creators] = []

    def who() -> Findings:
        known.append(client.who_am_i())
        yield Finding("sign-in", Verdict.OK, f"{client.url} is organization {known[0].organization_id}.")

    def profile() -> Findings:
        profiles.append(profile_of(client, settings))
        yield Finding("profile", Verdict.OK, f"This environment is {profiles[0].name}.")
        yield from ready_marking(client, profiles[0])

    def creator() -> Findings:
        if shallow := shallow_reads(client, known[0].user_id, BY_ROWS):
            sentence = f"This user does not see every row of {', '.join(shallow)}: nothing is concluded from them."
            yield Finding("creator", Verdict.NOT_SEEN, sentence, ROLE)
            return
        told.append(creators(client, now))
        yield Finding("creator", Verdict.NOTE, str(told[0]))

    try:
        findings: list[Finding] = list(looked("sign-in", who, remedies))
        looks: list[tuple[str, Callable[[], Findings]]] = []
        if known:
            looks = [
                ("profile", profile),
                ("creator", creator),
                ("clock", partial(clock, client, lambda: now)),
                ("time zone", partial(time_zone, client, known[0], settings, now)),
                ("actions", partial(_invoicing, client)),
                ("bulk", partial(_bulk, client)),
                ("keys", partial(versions_and_keys, client)),
            ]
        for area, look in looks:
            findings += looked(area, look, remedies)
    finally:
        client.close()
    proposed, reason = creator_of(profiles[0] if profiles else Profile(), told[0] if told else None)
    organization = str(known[0].organization_id) if known else None
    allowed = profiles[0].creators if profiles else frozenset(Creator)
    return Proposal(organization, proposed, reason, tuple(findings), frozenset(one.value for one in allowed))


def creator_of(profile: Profile, found: Creators | None) -> tuple[str | None, str]:
    """Who is to create actuals, and the reason; where the rows don't tell, or weren't seen, nobody is proposed."""
    if profile.creators == {Creator.PRODUCT}:
        return Creator.PRODUCT.value, f"In {profile.name} only the product creates actuals."
    if found is None:
        return None, UNSEEN
    if found.both or (found.ours and found.others):
        return None, f"{found} Find out first who is to create them: both at once count the same work twice."
    if found.others:
        return Creator.PRODUCT.value, f"{found} So approval makes the product create them."
    if found.ours:
        return Creator.SERVICE.value, f"{found} So this service has been their creator."
    if found.settled >= SEVERAL:
        return Creator.SERVICE.value, f"{found} So the product's own creation is off."
    if found.settled:
        return None, f"{found} So few may as well have failed: find out whether approval creates actuals, and say it."
    return None, f"{found} Approve a test entry of a project, wait half an hour, and ask again; or say it."


def completed(answers: Answers, proposal: Proposal, today: str) -> tuple[Answers, Mapping[str, str]]:
    """The answers with what follows from the environment, and the reason for each of these."""
    creator = answers["ACTUALS__CREATOR"] or proposal.creator
    said = "As was said when this was written." if answers["ACTUALS__CREATOR"] else proposal.reason
    reasons = {"ACTUALS__CREATOR": said, "ORGANIZATION_ID": "The environment that was asked."}
    start = answers["ACTUALS__START_FROM"]
    if creator == Creator.SERVICE and start is None:
        start = today
        reasons["ACTUALS__START_FROM"] = "The day this was written: nothing that was approved before is touched."
    organization = answers["ORGANIZATION_ID"] or proposal.organization
    more = {"ACTUALS__CREATOR": creator, "ACTUALS__START_FROM": start, "ORGANIZATION_ID": organization}
    return answers.also(**more), reasons


def _invoicing(client: DataverseClient) -> Iterator[Finding]:
    mode = mode_of(client)
    taken = "takes" if mode.value == "fence" else "does not take"
    sentence = f"It {taken} {ACTION} inside a change set: invoices are made once by {mode.value} mode."
    yield Finding("actions", Verdict.OK, sentence)


def _bulk(client: DataverseClient) -> Iterator[Finding]:
    condition = quote(f"sdkmessageid/name eq '{BULK}' and primaryobjecttypecode eq '{tables.ACTUAL}'", safe="'/")
    answer = client.send("GET", f"sdkmessagefilters?$select=sdkmessagefilterid&$filter={condition}").json
    takes = bool(answer.get("value")) if isinstance(answer, Mapping) else False
    word = "takes" if takes else "does not take"
    yield Finding(
        "bulk",
        Verdict.NOTE,
        f"{tables.ACTUAL} {word} {BULK}: new rows of several entries "
        f"{'may go in one message where that is quicker' if takes else 'go by change sets of their own'}.",
    )
