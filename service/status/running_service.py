"""The running service, as it tells of itself at its health endpoint: ready, paused, and how near Dataverse's limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import requests

from connector.crew import Crew
from service.status.part import Part, State

SERVICE = "service"
IN_TIME = (2.0, 5.0)
"""Seconds to connect, and for each piece of the answer."""
WHOLE = 10.0
"""Seconds for all of it: who sends a byte now and then would be in time for ever."""
LONGEST, PIECE = 1_000_000, 256
"""Bytes of an answer that are read, and at a time; the service's own has a few hundred."""
TIGHT = 0.9


def running(url: str | None) -> Iterator[Part]:
    """What ``/ready`` answers below this address. Where none is known it may run elsewhere, or on demand."""
    if url is None:
        where = "No address of a running service is known."
        todo = (
            "Set PSA_CONNECTOR_HEALTH__PORT where it runs, and it answers how it is; from elsewhere: psa-connector "
            "status --service URL"
        )
        yield Part(SERVICE, State.NOT_SEEN, where, todo)
        return
    todo = "Is psa-connector run at work there? Or name its address by --service."
    try:
        told = _in_time(f"{url.rstrip('/')}/ready")
    except (requests.ReadTimeout, TimeoutError) as error:
        seconds = WHOLE if isinstance(error, TimeoutError) else IN_TIME[1]
        said = f"What listens at {url} does not answer in {seconds:.0f} seconds: the service hangs."
        yield Part(SERVICE, State.ATTENTION, said, "Look at its log, then start it anew.")
        return
    except (requests.RequestException, ValueError) as error:
        said = f"Nobody answers at {url} as the service does ({type(error).__name__})."
        yield Part(SERVICE, State.NO_ANSWER, said, todo)
        return
    if not isinstance(told, Mapping) or "ready" not in told:
        yield Part(SERVICE, State.NO_ANSWER, f"What answers at {url} is not this service.", todo)
        return
    yield _told(told)


def _in_time(url: str) -> object:
    """What is answered. Raises what ``requests`` does, ``ValueError``, and ``TimeoutError`` where it is not all
    there in time: what still reads then ends with its next piece, and keeps nobody.
    """
    crew = Crew("service")
    try:
        return crew.submit(_answer, url, monotonic() + WHOLE).result(WHOLE)
    finally:
        crew.shutdown()


def _answer(url: str, until: float) -> object:
    """No more than ``LONGEST`` of it."""
    text = b""
    with requests.get(url, timeout=IN_TIME, allow_redirects=False, stream=True) as answer:
        for piece in answer.iter_content(PIECE):
            text += piece
            if len(text) > LONGEST:
                raise ValueError("The answer has no end.")
            if monotonic() > until:
                raise TimeoutError("The answer takes too long.")
    return json.loads(text)


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
