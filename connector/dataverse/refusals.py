"""What each refusal of Dataverse means for us: one table from (code, status, message) to a failure.

Codes are from "Compose HTTP requests and handle errors", "Service protection API limits" and the page on bulk operation
errors. They come as hexadecimal or as signed decimal text; a 412 has five meanings and is told apart by
its code, and by its sentence only where the code is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

from connector.dataverse.exact_json import loads
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient

UNTOLD_WAIT = timedelta(seconds=60)
"""How long to stay away when a throttling answer does not say."""
LONGEST_WAIT = timedelta(days=1)
"""Who is told to stay away for longer asks again after this; the documented waits are minutes."""
LONGEST_BELIEVED = timedelta(hours=1)
"""A longer wait is kept only for a limit that was exceeded: gateways out of order name foolish ones at times, and are
asked again after this."""
LIMIT = re.compile(r"exceeded (?:the )?limit of (\d[\d.,]{0,14})")


class Kind(Enum):
    """Which failure a code stands for."""

    CONFLICT = "conflict"
    REJECTED = "rejected"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer of status 400 and above, as told: ``code`` normalised to 32 bits, ``None`` when there is none."""

    status: int
    code: int | None
    message: str
    retry_after: timedelta | None = None


BY_CODE: dict[int, tuple[Kind, str]] = {
    0x80060882: (Kind.CONFLICT, "row-changed"),
    0x80040237: (Kind.CONFLICT, "row-exists"),
    0x80060892: (Kind.CONFLICT, "key-taken"),
    0x80060891: (Kind.CONFLICT, "row-gone"),
    0x80040217: (Kind.CONFLICT, "row-gone"),
    0x80040333: (Kind.REJECTED, "duplicate-rule"),
    0x80072322: (Kind.THROTTLED, "too-many-requests"),
    0x80072321: (Kind.THROTTLED, "too-much-execution-time"),
    0x80072326: (Kind.THROTTLED, "too-many-at-once"),
    0x80044150: (Kind.TRANSIENT, "sql-error"),
    0x80044151: (Kind.TRANSIENT, "sql-timeout"),
    0x80040255: (Kind.TRANSIENT, "transaction-ended"),
    0x80040251: (Kind.TRANSIENT, "transaction-ended"),
    0x80040220: (Kind.MISCONFIGURED, "missing-privilege"),
    0x80072560: (Kind.MISCONFIGURED, "not-a-member"),
    0x80095FFE: (Kind.MISCONFIGURED, "ip-firewall"),
    0x80060888: (Kind.MISCONFIGURED, "unknown-name"),
    0x8006088A: (Kind.MISCONFIGURED, "unknown-name"),
    0x80041102: (Kind.MISCONFIGURED, "unknown-name"),
    0x80041103: (Kind.MISCONFIGURED, "unknown-name"),
    0x80040265: (Kind.REJECTED, "refused-by-business-rule"),
    0x80040203: (Kind.REJECTED, "invalid-argument"),
    0x80044331: (Kind.REJECTED, "invalid-value"),
    0x80044352: (Kind.REJECTED, "token-expired"),
}

BY_MESSAGE: tuple[tuple[re.Pattern[str], frozenset[int], Kind, str], ...] = (
    (re.compile(r"duplicate", re.I), frozenset({412}), Kind.REJECTED, "duplicate-rule"),
    (re.compile(r"matching key values already exists", re.I), frozenset({412}), Kind.CONFLICT, "row-exists"),
    (re.compile(r"version .*(does ?n.t|does not) match", re.I), frozenset({412}), Kind.CONFLICT, "row-changed"),
    (
        re.compile(r"resource not found for the segment", re.I),
        frozenset({400, 404}),
        Kind.MISCONFIGURED,
        "unknown-name",
    ),
    (
        re.compile(
            r"not found for the segment|could not find a property named|does not exist on type|undeclared property",
            re.I,
        ),
        frozenset({400, 404}),
        Kind.MISCONFIGURED,
        "unknown-name",
    ),
    (re.compile(r"does not exist", re.I), frozenset({404}), Kind.CONFLICT, "row-gone"),
)

BY_STATUS: dict[int, tuple[Kind, str]] = {
    400: (Kind.REJECTED, "refused"),
    401: (Kind.MISCONFIGURED, "sign-in-refused"),
    403: (Kind.MISCONFIGURED, "forbidden"),
    404: (Kind.MISCONFIGURED, "not-found"),
    408: (Kind.TRANSIENT, "timed-out"),
    409: (Kind.CONFLICT, "conflict"),
    412: (Kind.CONFLICT, "precondition-failed"),
    413: (Kind.REJECTED, "too-large"),
    429: (Kind.THROTTLED, "throttled"),
}

TOO_MUCH: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"execution time", re.IGNORECASE), "too-much-execution-time"),
    (re.compile(r"concurrent requests", re.IGNORECASE), "too-many-at-once"),
    (re.compile(r"number of requests", re.IGNORECASE), "too-many-requests"),
)
"""Which limit a throttling answer without a code speaks of; the one on time also advises fewer concurrent requests."""


def failure(refusal: Refusal, record: str | None = None, names_rows: bool = False) -> ConnectorError:
    """The failure a refusal stands for. ``record`` names the row it struck, when there is just one it can be.

    ``names_rows`` says that the request named rows by id, so that a bare 404 means a missing row, not a missing table.
    """
    kind, name = meaning(refusal, names_rows)
    sentence = _sentence(refusal)
    match kind:
        case Kind.CONFLICT:
            return Conflict(name, sentence, record)
        case Kind.REJECTED:
            return Rejected(name, sentence)
        case Kind.THROTTLED:
            return Throttled(name, sentence, UNTOLD_WAIT if refusal.retry_after is None else refusal.retry_after)
        case Kind.TRANSIENT:
            return Transient(name, sentence, refusal.retry_after)
        case Kind.MISCONFIGURED:
            return Misconfigured(name, sentence)


def meaning(refusal: Refusal, names_rows: bool = False) -> tuple[Kind, str]:
    """Kind and stable name: by code where there is a known one, else by sentence, else by status."""
    if (limit := _limit(refusal)) is not None or refusal.status == 429:
        return Kind.THROTTLED, limit or "throttled"
    if refusal.status in (401, 413):
        return BY_STATUS[refusal.status]
    for pattern, statuses, kind, name in BY_MESSAGE:
        # An unknown name hides behind several codes, some of which also stand for bad values: the sentence goes first.
        if kind is Kind.MISCONFIGURED and refusal.status in statuses and pattern.search(refusal.message):
            return kind, name
    if refusal.code in BY_CODE:
        return BY_CODE[refusal.code]
    for pattern, statuses, kind, name in BY_MESSAGE:
        if refusal.status in statuses and pattern.search(refusal.message):
            return kind, name
    if refusal.status == 404 and names_rows:
        return Kind.CONFLICT, "row-gone"
    if refusal.status in BY_STATUS:
        return BY_STATUS[refusal.status]
    if refusal.status in (502, 503, 504):
        return Kind.TRANSIENT, "unavailable"
    if refusal.status >= 500:
        return Kind.TRANSIENT, "server-error"
    return Kind.MISCONFIGURED, "unexpected-answer"


def read_refusal(status: int, body: bytes, retry_after: str | None, now: datetime) -> Refusal:
    """An answer's status, body and ``Retry-After`` → what was refused. Foreign bodies are tolerated."""
    code, message = None, ""
    try:
        answer = loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        code = read_code(str(answer["error"].get("code", "")))
        message = str(answer["error"].get("message", ""))
    told = Refusal(status, code, message, read_retry_after(retry_after, now))
    if told.retry_after is None or told.retry_after <= LONGEST_BELIEVED or meaning(told)[0] is Kind.THROTTLED:
        return told
    return replace(told, retry_after=LONGEST_BELIEVED)


def moment_of(date: str | None) -> datetime | None:
    """When an answer was made, by the far side's own clock (the ``Date`` header); ``None`` if it does not say so."""
    try:
        moment = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def granted(message: str) -> float | None:
    """The limit that a throttling answer names, of requests or of milliseconds; ``None`` when it names none."""
    named = LIMIT.search(message)
    return float(re.sub(r"\D", "", named.group(1))) or None if named else None


def read_code(text: str) -> int | None:
    """``0x80040237`` and ``-2147220937`` are the same 32 bits; anything else is no code."""
    try:
        return int(text, 16 if text.lower().startswith("0x") else 10) & 0xFFFFFFFF
    except ValueError:
        return None


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """``Retry-After`` in seconds (fractions allowed) or as an HTTP date, ``LONGEST_WAIT`` at the most; ``None`` when
    absent or unreadable."""
    if text is None:
        return None
    wait = _seconds(text)
    if wait is None:
        moment = moment_of(text)
        if moment is None:
            return None
        wait = moment - now
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _seconds(text: str) -> timedelta | None:
    try:
        return timedelta(seconds=min(float(text), LONGEST_WAIT.total_seconds()))
    except (ValueError, OverflowError):
        return None


def _limit(refusal: Refusal) -> str | None:
    """Which limit of Dataverse's there was too much for, by the code; by the sentence where the status allows it."""
    kind, name = BY_CODE.get(refusal.code or 0, (None, None))
    if kind is Kind.THROTTLED:
        return name
    if refusal.status not in (429, 503):
        return None
    return next((name for pattern, name in TOO_MUCH if pattern.search(refusal.message)), None)


def _sentence(refusal: Refusal) -> str:
    said = refusal.message.strip() or "no reason given"
    code = f" {refusal.code:#010x}" if refusal.code else ""
    return f"Dataverse refused ({refusal.status}{code}): {said}"
