"""Reads the body of an answer, and no more of it than can be held."""

from __future__ import annotations

import requests

from connector.errors import Rejected

MOST = 64 * 1024 * 1024
"""Bytes of one answer, unpacked. A page of 5,000 rows takes a fifth of it, the whole of ``$metadata`` a half."""
PIECE = 256 * 1024


class AnswerTooLarge(Rejected):
    """The answer to a read is more than is held at once: ask for less."""

    def __init__(self, origin: str) -> None:
        super().__init__("answer-too-large", f"{origin} answered with more than {MOST // 1024**2} MB at once.")


def body_of(answer: requests.Response) -> bytes | None:
    """The whole body, unpacked; ``None`` when it is more than ``MOST``, of which the rest is not even received.

    Raises ``requests.RequestException`` when it is cut off.
    """
    pieces: list[bytes] = []
    held = 0
    for piece in answer.iter_content(PIECE):
        held += len(piece)
        if held > MOST:
            answer.close()
            return None
        pieces.append(piece)
    return b"".join(pieces)
