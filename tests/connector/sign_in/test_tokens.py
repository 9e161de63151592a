"""When a token is renewed, by whom, and what happens while that does not work; no HTTP, no real time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import ConnectorError, Misconfigured, Throttled, Transient
from connector.sign_in.tokens import Tokens

Answer = Mapping[str, Any] | ConnectorError


class Source:
    """A credential that answers as planned; ``asked`` tells what it was asked for."""

    def __init__(self, *answers: Answer, before: Callable[[], None] = lambda: None) -> None:
        self._answers = list(answers)
        self._before = before
        self.asked: list[tuple[str, bool, str | None]] = []

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        self.asked.append((resource, anew, claims))
        self._before()
        answer = self._answers.pop(0)
        if isinstance(answer, ConnectorError):
            raise answer
        return answer


class Clock:
    def __init__(self) -> None:
        self.present = 1_000_000.0

    def __call__(self) -> float:
        return self.present


def token(name: str, expires_in: float = 3600, **more: object) -> dict[str, Any]:
    return {"access_token": name, "expires_in": expires_in, **more}


def test_twenty_threads_that_need_a_token_at_once_cause_one_renewal() -> None:
    barrier = threading.Barrier(20)
    source = Source(token("a1"))
    tokens = Tokens(source, "https://x")

    def ask() -> str:
        barrier.wait(10)
        return tokens.token()

    with ThreadPoolExecutor(20) as threads:
        given = [one.result(10) for one in [threads.submit(ask) for _ in range(20)]]
    assert given == ["a1"] * 20
    assert len(source.asked) == 1


def test_a_token_is_renewed_five_minutes_before_its_end_or_when_its_giver_advises() -> None:
    clock = Clock()
    source = Source(token("a1"), token("a2", 86400, refresh_on=clock.present + 3301 + 43200), token("a3"))
    tokens = Tokens(source, "https://x", now=clock)
    assert tokens.token() == "a1"
    clock.present += 3299
    assert tokens.token() == "a1"
    clock.present += 2
    assert tokens.token() == "a2"
    clock.present += 43199
    assert tokens.token() == "a2"
    clock.present += 2
    assert tokens.token() == "a3"


def test_a_token_of_a_short_life_is_not_asked_for_with_every_request() -> None:
    clock = Clock()
    source = Source(token("a1", 200), token("a2", 10))
    tokens = Tokens(source, "https://x", now=clock)
    assert [tokens.token() for _ in range(3)] == ["a1"] * 3
    clock.present += 61
    assert [tokens.token() for _ in range(3)] == ["a2"] * 3


def test_a_token_that_is_still_good_is_used_on_while_sign_in_is_down_and_renewed_when_it_is_back() -> None:
    clock = Clock()
    down = Transient("sign-in-unavailable", "Down.")
    source = Source(token("a1"), down, down, token("a2"))
    tokens = Tokens(source, "https://x", now=clock)
    tokens.token()
    clock.present += 3310
    assert [tokens.token() for _ in range(5)] == ["a1"] * 5
    assert len(source.asked) == 2, "once, and again only after a while"
    clock.present += 11
    assert tokens.token() == "a1"
    clock.present += 11
    assert tokens.token() == "a2"


def test_whoever_holds_a_token_that_is_still_good_does_not_wait_for_its_renewal() -> None:
    clock, renewing, may_end = Clock(), threading.Event(), threading.Event()

    def slowly() -> None:
        if len(source.asked) == 2:
            renewing.set()
            assert may_end.wait(10)

    source = Source(token("a1"), token("a2"), before=slowly)
    tokens = Tokens(source, "https://x", now=clock)
    tokens.token()
    clock.present += 3310
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(tokens.token)
        assert renewing.wait(10)
        assert tokens.token() == "a1"
        may_end.set()
        assert other.result(10) == "a2"
    assert tokens.token() == "a2"


def test_a_token_that_is_about_to_end_is_not_used_on() -> None:
    clock = Clock()
    tokens = Tokens(Source(token("a1"), Transient("sign-in-unavailable", "Down.")), "https://x", now=clock)
    tokens.token()
    clock.present += 3575
    with pytest.raises(Transient):
        tokens.token()


def test_a_refused_sign_in_is_told_at_once_even_while_the_old_token_is_good() -> None:
    clock = Clock()
    refused = {"error": "invalid_client", "error_description": "AADSTS7000222: expired"}
    tokens = Tokens(Source(token("a1"), refused), "https://x", now=clock)
    tokens.token()
    clock.present += 3310
    with pytest.raises(Misconfigured, match="AADSTS7000222"):
        tokens.token()


def test_until_the_time_the_sign_in_host_named_nobody_asks_it_again() -> None:
    clock = Clock()
    source = Source(Throttled("sign-in-throttled", "Later.", timedelta(seconds=90)), token("a1"))
    tokens = Tokens(source, "https://x", now=clock)
    with pytest.raises(Throttled):
        tokens.token()
    clock.present += 30
    with pytest.raises(Throttled) as caught:
        tokens.token()
    assert caught.value.retry_after == timedelta(seconds=60)
    assert len(source.asked) == 1
    clock.present += 60
    assert tokens.token() == "a1"


def test_two_threads_whose_token_was_refused_cause_one_new_one_and_the_claims_go_with_it() -> None:
    source = Source(token("a1"), token("a2"))
    tokens = Tokens(source, "https://x/")
    stale = tokens.token()
    tokens.drop(stale, '{"a": 1}')
    assert tokens.token() == "a2"
    tokens.drop(stale, '{"a": 1}')
    assert tokens.token() == "a2"
    assert source.asked == [("https://x", False, None), ("https://x", True, '{"a": 1}')]
