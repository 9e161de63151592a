"""Reads the body of an answer, and no more of it, nor for longer, than can be borne."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import requests
from urllib3.exceptions import HTTPError

from connector.errors import Rejected

MOST = 64 * 1024 * 1024
"""Bytes of one answer, unpacked. A page of 5,000 rows takes a fifth of it, the whole of ``$metadata`` a half."""
PIECE = 256 * 1024
LONGEST = timedelta(minutes=3)
"""How long one body may take. A time-out is for each piece only: a body that trickles would have no end."""


class AnswerTooLarge(Rejected):
    """The answer to a read is more than is held at once: ask for less."""

    def __init__(self, origin: str) -> None:
        super().__init__("answer-too-large", f"{origin} answered with more than {MOST // 1024**2} MB at once.")


def body_of(answer: requests.Response, timer: Callable[[], float] = time.monotonic) -> bytes | None:
    """The whole body, unpacked; ``None`` when it is more than ``MOST``, of which the rest is not even received.

    Raises ``requests.RequestException`` when it is cut off, or takes longer than ``LONGEST`` by the timer's seconds.
    """
    pieces: list[bytes] = []
    held, began = 0, timer()
    try:
        # What has come so far: whoever asks for a piece of full size looks at no clock before it is there.
        while piece := answer.raw.read1(PIECE, decode_content=True):
            held += len(piece)
            if held > MOST:
                answer.close()
                return None
            pieces.append(piece)
            if timer() - began > LONGEST.total_seconds():
                answer.close()
                raise requests.ReadTimeout("The body of the answer took too long.")
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    return b"".join(pieces)
