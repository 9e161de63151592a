"""Who is signed in, where, with which roles; whose clock runs apart; and which time zone that user lives in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from connector.dataverse.client import DataverseClient, WhoAmI
from connector.errors import Misconfigured, Rejected
from service.checks.finding import Finding, Verdict, may_not_see
from service.settings import Settings

CLOSE = timedelta(seconds=60)
"""Clocks that differ by less do no harm: the header has whole seconds, and the answer took some time."""
TOO_FAR = timedelta(minutes=5)
"""Beyond it, keys and tokens are refused as not valid yet, or not any more."""


def signed_in(client: DataverseClient, who: WhoAmI, settings: Settings) -> Iterator[Finding]:
    """The user, the organization and the roles; what of it this user may see."""
    area = "sign-in"
    way = "a fixed token" if settings.dataverse.token is not None else settings.dataverse.sign_in
    name = _one_of(client, f"systemusers({who.user_id})?$select=fullname,isdisabled,applicationid")
    yield Finding(area, Verdict.OK, f"Signed in by {way} to {client.url} as {name.get('fullname')} ({who.user_id}).")
    wanted = settings.organization_id
    if wanted is None:
        yield Finding(
            area,
            Verdict.NOTE,
            f"The organization is {who.organization_id}; events of any other would be acted on as well.",
            f"Set PSA_CONNECTOR_ORGANIZATION_ID={who.organization_id}.",
        )
    elif wanted != who.organization_id:
        yield Finding(
            area,
            Verdict.WRONG,
            f"{client.url} is organization {who.organization_id}; the settings name {wanted}.",
            "After a copy of the environment the copy has another id: correct PSA_CONNECTOR_ORGANIZATION_ID, "
            "or PSA_CONNECTOR_DATAVERSE__URL.",
        )
    else:
        yield Finding(area, Verdict.OK, f"The organization is {who.organization_id}, as the settings say.")
    try:
        rows = _rows(client, f"systemusers({who.user_id})/systemuserroles_association?$select=name")
    except Misconfigured as error:
        yield may_not_see(area, error, "Which roles this user has")
        return
    roles = sorted(str(row["name"]) for row in rows)
    if roles:
        yield Finding(area, Verdict.OK, f"Roles: {', '.join(roles)}; those of teams come on top.")
    else:
        yield Finding(area, Verdict.NOTE, "This user has no role of its own; those of its teams are not listed here.")


def clock(client: DataverseClient, now: Callable[[], datetime]) -> Iterator[Finding]:
    """This machine's clock against the one that stamps Dataverse's answers."""
    began = now()
    told = client.send("GET", "WhoAmI").headers.get("date")
    ended = now()
    try:
        theirs = parsedate_to_datetime(told or "")
    except ValueError:
        yield Finding("clock", Verdict.NOT_SEEN, "Dataverse's answers carry no time to compare this machine's with.")
        return
    if theirs.tzinfo is None:
        # "-0000": the time is UTC, and nothing is said of where (RFC 5322, section 3.3).
        theirs = theirs.replace(tzinfo=UTC)
    apart = max(began - theirs, theirs - ended, timedelta())
    seconds = f"{apart.total_seconds():.0f} s"
    if apart <= CLOSE:
        yield Finding("clock", Verdict.OK, "This machine's clock agrees with Dataverse's.")
        return
    which = "ahead of" if began > theirs else "behind"
    yield Finding(
        "clock",
        Verdict.WRONG if apart > TOO_FAR else Verdict.DRIFT,
        f"This machine's clock is {seconds} {which} Dataverse's.",
        "Synchronize it (NTP): keys and tokens are valid for a time, and delayed retries are set by it.",
    )


def time_zone(client: DataverseClient, who: WhoAmI, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether the product, acting for this user, tells the days of instants as the settings do.

    Asked of Dataverse itself, for a moment in winter and one in summer: codes of time zones have no public list.
    """
    area, zone = "time zone", settings.business_time_zone
    try:
        mine = f"usersettingscollection?$select=timezonecode&$filter=systemuserid%20eq%20{who.user_id}"
        code = next((row.get("timezonecode") for row in _rows(client, mine)), None)
        apart = [] if code is None else [day for day in _two_days(now) if _differs(client, int(code), zone, day)]
    except (Misconfigured, Rejected) as error:
        yield Finding(area, Verdict.NOT_SEEN, f"The time zone of this user can't be seen by it ({error.code}).")
        return
    if code is None:
        yield Finding(area, Verdict.NOTE, "This user has no time zone of its own; the organization's default counts.")
    elif apart:
        yield Finding(
            area,
            Verdict.NOTE,
            f"The time zone of this user (code {code}) is not {zone}: where the product tells days for it, as for "
            "invoices, work around midnight may fall on another day.",
            f"Give the application user the time zone of {zone} in its personal settings.",
        )
    else:
        yield Finding(area, Verdict.OK, f"The time zone of this user (code {code}) keeps the same hours as {zone}.")


def _two_days(now: datetime) -> tuple[datetime, datetime]:
    return now.replace(month=1, day=15), now.replace(month=7, day=15)


def _differs(client: DataverseClient, code: int, zone: ZoneInfo, moment: datetime) -> bool:
    path = f"LocalTimeFromUtcTime(TimeZoneCode=@c,UtcTime=@t)?@c={code}&@t={moment:%Y-%m-%dT%H:%M:%SZ}"
    answer = client.send("GET", path).json
    told = str(answer.get("LocalTime")) if isinstance(answer, Mapping) else ""
    # The answer is a time of day there, whatever zone is written behind it.
    return told[:16] != f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def _one_of(client: DataverseClient, path: str) -> Mapping[str, Any]:
    answer = client.send("GET", path).json
    return answer if isinstance(answer, Mapping) else {}


def _rows(client: DataverseClient, path: str) -> list[Mapping[str, Any]]:
    found = _one_of(client, path).get("value")
    return cast(list[Mapping[str, Any]], found) if isinstance(found, list) else []
