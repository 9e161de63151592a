"""Everything `check` looks at, one after the other; one failure never hides another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from connector.clock import utc_now
from connector.dataverse.client import DataverseClient, WhoAmI
from handlers.invoicing import ACTION
from handlers.ready_action import NAME, NoReadyAction, ready_action
from mappings.profile import Profile, ReadyMarking
from service.checks.creators import creators, suits
from service.checks.finding import Finding, Findings, Verdict, looked
from service.checks.privileges import privileges
from service.checks.queues import queues
from service.checks.registration import registration
from service.checks.schema import schema, versions_and_keys
from service.checks.shown_settings import Shown, shown
from service.checks.who import clock, signed_in, time_zone
from service.far_side import far_side
from service.not_configured import NotConfigured
from service.probing import mode_of
from service.profiles import profile_of
from service.settings import Settings
from service.settings_sources import load
from service.signing_in import sign_in
from service.status.conditions import midnight

Look = Callable[[], Findings]


@dataclass(frozen=True, slots=True)
class Checked:
    """The settings with their sources (none where they can't be read), and what was found."""

    settings: tuple[Shown, ...]
    findings: tuple[Finding, ...]

    def any(self, verdict: Verdict) -> bool:
        """Whether there is a finding of this kind."""
        return any(one.verdict is verdict for one in self.findings)


def check_everything(
    config: Path | None, remedies: Callable[[str], str], now: Callable[[], datetime] = utc_now
) -> Checked:
    """Look at settings, Dataverse and Service Bus; nothing is written, and no message is touched."""
    try:
        settings = load(config)
    except NotConfigured as error:
        return Checked((), tuple(Finding("settings", Verdict.WRONG, fault) for fault in error.faults))
    said = tuple(shown(settings, config))
    count = sum(one.value is not None for one in said)
    findings = [
        Finding(
            "settings", Verdict.OK, f"{count} of {len(said)} settings have a value, and all that have one are valid."
        )
    ]
    tokens, access = sign_in(settings)
    far = far_side(settings, tokens)
    try:
        findings += _of_dataverse(far.probe, far.dataverse, settings, remedies, now)
    finally:
        far.dataverse.close()
        far.probe.close()
    findings += queues(access, settings.servicebus, remedies)
    return Checked(said, tuple(findings))


def _of_dataverse(
    probe: DataverseClient,
    dataverse: DataverseClient,
    settings: Settings,
    remedies: Callable[[str], str],
    now: Callable[[], datetime],
) -> Iterator[Finding]:
    known: list[WhoAmI] = []

    def ask_who() -> Iterator[Finding]:
        known.append(probe.who_am_i())
        yield from signed_in(probe, known[0], settings)

    def of_user(code: str) -> str:
        return remedies(code).replace("USER", str(known[0].user_id)) if known else remedies(code)

    told: set[tuple[Verdict, str]] = set()
    again: list[str] = []
    for found in looked("sign-in", ask_who, of_user):
        told.add((found.verdict, found.sentence))
        yield found
    if not known:
        yield Finding("sign-in", Verdict.NOT_SEEN, "Nothing else of Dataverse can be looked at until that is mended.")
        return
    user = known[0]
    looks: list[tuple[str, Look]] = [
        ("clock", partial(clock, probe, now)),
        ("time zone", partial(time_zone, probe, user, settings, now())),
        ("tables", partial(schema, dataverse)),
        ("keys", partial(versions_and_keys, dataverse)),
        ("privileges", partial(privileges, dataverse, user.user_id, settings)),
        ("registration", partial(registration, probe, settings)),
        ("profile", partial(_profile, dataverse, settings)),
        ("actions", partial(_invoicing, dataverse)),
        ("creator", lambda: suits(creators(dataverse, now(), _go_live(settings)), settings)),
    ]
    for area, look in looks:
        for found in looked(area, look, of_user):
            fault = (found.verdict, found.sentence)
            if fault in told and found.verdict in (Verdict.WRONG, Verdict.FAILED):
                again.append(area)
            else:
                yield found
            told.add(fault)
    if again:
        sentence = f"For the reason told above nothing is known of: {', '.join(dict.fromkeys(again))}."
        yield Finding("sign-in", Verdict.NOT_SEEN, sentence)


def _go_live(settings: Settings) -> datetime | None:
    day = settings.actuals.start_from
    if day is None or settings.actuals.creator == "product":
        return None
    return midnight(day, settings.business_time_zone)


def _profile(client: DataverseClient, settings: Settings) -> Iterator[Finding]:
    """Which product it is, whether the administrator's own columns fit, and the action that marks actuals there."""
    try:
        profile = profile_of(client, settings)
    except NotConfigured as error:
        yield from (Finding("profile", Verdict.WRONG, fault) for fault in error.faults)
        return
    own = f", with {len(profile.columns)} columns of your own" if profile.columns else ""
    yield Finding("profile", Verdict.OK, f"This environment is {profile.name}{own}.")
    yield from ready_marking(client, profile)


def ready_marking(client: DataverseClient, profile: Profile) -> Iterator[Finding]:
    """Whether the action by which actuals are marked ready can be called, where only it may mark them."""
    if profile.ready_marking is not ReadyMarking.ACTION:
        return
    way = ready_action(client.action_parameters(NAME))
    if isinstance(way, NoReadyAction):
        yield Finding(
            "actions", Verdict.DRIFT, way.sentence, "Mark actuals in the product itself; the rest of this works."
        )
    else:
        yield Finding("actions", Verdict.OK, f"{NAME} takes {way.rows} and {way.ready}, as this version calls it.")


def _invoicing(client: DataverseClient) -> Iterator[Finding]:
    """How invoices are kept from being made twice, found out on a contract that does not exist."""
    mode = mode_of(client)
    yield Finding("actions", Verdict.OK, f"{ACTION} is there; invoices are made once by {mode.value} mode.")
