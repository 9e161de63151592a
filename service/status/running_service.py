"""The running service, as it tells of itself at its health endpoint: ready, paused, and how near Dataverse's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests

from service.status.part import Part, State

SERVICE = "service"
IN_TIME = (2.0, 5.0)
"""Seconds to connect, and to answer."""
LONGEST = 1_000_000
TIGHT = 0.9


def running(url: str | None) -> Iterator[Part]:
    """What ``/ready`` answers below this address. Nobody there is no fault: it may run elsewhere, or on demand."""
    if url is None:
        where = "No address of a running service is known."
        todo = "psa-connector status --service http://127.0.0.1:8080, with the port of PSA_CONNECTOR_HEALTH__PORT"
        yield Part(SERVICE, State.NOT_SEEN, where, todo)
        return
    try:
        answer = requests.get(f"{url.rstrip('/')}/ready", timeout=IN_TIME, allow_redirects=False)
        told = answer.json()
    except (requests.RequestException, ValueError) as error:
        said = f"Nobody answers at {url} as the service does ({type(error).__name__})."
        yield Part(SERVICE, State.NOT_SEEN, said, "Is psa-connector run at work there?")
        return
    if not isinstance(told, Mapping) or "ready" not in told:
        yield Part(
            SERVICE, State.NOT_SEEN, f"What answers at {url} is not this service.", "Name its address by --service."
        )
        return
    yield _told(told)


def _told(told: Mapping[str, Any]) -> Part:
    reasons = [str(reason) for reason in told.get("reasons") or ()]
    state, used = str(told.get("state", "")), told.get("budget_used")
    needs = bool(reasons) or not told["ready"] or state == "paused"
    share = ""
    if isinstance(used, int | float):
        share = f" {used:.0%} of its share of Dataverse's limits is used."
        if used > TIGHT:
            share += " It slows down by itself so that Dataverse need not refuse."
    said = " ".join(reasons) or "It is at work." if state in ("working", "") else f"It is {state}. {' '.join(reasons)}"
    return Part(
        SERVICE,
        State.ATTENTION if needs else State.OK,
        f"{said.strip()}{share}",
        "psa-connector check says what to mend; it goes on by itself." if needs else "",
        figures={"state": state, "budget_used": used, "queues": told.get("queues", [])},
    )
