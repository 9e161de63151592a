"""The body of an answer is read as far as it can be held, and for no longer than anything is worth."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping

import pytest
import requests
from urllib3 import HTTPResponse

from connector.dataverse.answer_body import LONGEST, PIECE, body_of
from connector.dataverse.unanswered import no_answer
from connector.errors import Transient, UnknownOutcome
from tests.connector.dataverse.environment import ORIGIN


class Wire(io.RawIOBase):
    """Gives one piece after the other, each of which takes ``each`` seconds to come."""

    def __init__(self, pieces: Iterator[bytes], each: float = 0.0) -> None:
        self.pieces = pieces
        self.each = each
        self.now = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self.now += self.each
        piece = next(self.pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


def read(wire: Wire, headers: Mapping[str, str] | None = None) -> bytes | None:
    """What is read of a body that comes so."""
    answer = requests.Response()
    body = io.BufferedReader(wire, PIECE)  # type: ignore[type-var]
    answer.raw = HTTPResponse(body, headers=headers, preload_content=False)
    return body_of(answer, lambda: wire.now)


def test_a_body_comes_whole_whatever_pieces_it_comes_in() -> None:
    assert read(Wire(iter([b"ab", b"c", b"d" * 1000]))) == b"abc" + b"d" * 1000
    assert read(Wire(iter([]))) == b""


def test_a_packed_body_is_unpacked() -> None:
    packed = gzip.compress(b"x" * 3 * PIECE)

    assert read(Wire(iter([packed[:20], packed[20:]])), {"Content-Encoding": "gzip"}) == b"x" * 3 * PIECE


def test_a_body_that_trickles_is_given_up_and_so_unknown_for_a_write() -> None:
    endless = Wire(iter(lambda: b" ", b""), each=10.0)
    with pytest.raises(requests.RequestException) as caught:
        read(endless)

    assert LONGEST.total_seconds() < endless.now < LONGEST.total_seconds() + 30
    assert isinstance(no_answer(caught.value, writes=True, origin=ORIGIN), UnknownOutcome)
    assert isinstance(no_answer(caught.value, writes=False, origin=ORIGIN), Transient)


@pytest.mark.parametrize("headers", [{"Content-Length": "500"}, {"Content-Encoding": "gzip", "Content-Length": "5"}])
def test_a_body_that_is_cut_off_or_broken_is_no_answer(headers: Mapping[str, str]) -> None:
    with pytest.raises(requests.RequestException):
        read(Wire(iter([b'{"er'])), headers)
