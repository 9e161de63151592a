"""After a wait that was told, one request asks for all of the process; who is sent away again stays away for longer."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
import responses

from connector.dataverse.budget import NO_WAIT, Budget, End
from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.client import DataverseClient
from connector.errors import ConnectorError, Throttled, Transient
from tests.connector.dataverse.environment import API, ONE, mocked, sequence

START = datetime(2024, 1, 1, tzinfo=UTC)
TOLD = timedelta(seconds=30)
Answer = tuple[int, dict[str, str], str]
AWAY: Answer = (429, {"Retry-After": "10"}, "")
IN: Answer = (200, {}, "{}")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def sent_away(budget: Budget, now: datetime, told: timedelta = TOLD) -> datetime:
    """A request that is under way is refused; when the process may come back."""
    budget.charge(now, NO_WAIT, end=End.SENT_AWAY)
    budget.exceeded(now, [], None)
    budget.hold(now + told)
    return now + budget.held(now)


def back(budget: Budget, now: datetime = START) -> datetime:
    """Sent away once; the moment to come back."""
    assert budget.admit(now) == NO_WAIT
    return sent_away(budget, now)


def admitted(budget: Budget, now: datetime, most: int = 30) -> int:
    """How many of so many that ask at one moment may go."""
    return sum(budget.admit(now) == NO_WAIT for _ in range(most))


def test_when_the_wait_is_over_one_request_goes_and_the_others_wait_for_its_answer() -> None:
    budget = Budget()
    now = back(budget)

    assert now == START + TOLD
    assert admitted(budget, now) == 1
    assert admitted(budget, now + seconds(50)) == 0


def test_every_answer_lets_one_more_go_until_there_is_no_cap() -> None:
    budget = Budget()
    now = back(budget)
    at_once = [admitted(budget, now)]
    for _ in range(7):
        budget.charge(now, NO_WAIT)
        at_once.append(at_once[-1] - 1 + admitted(budget, now))

    assert at_once == [1, 2, 3, 4, 5, 6, 7, 36]


def test_who_is_sent_away_again_stays_away_longer_than_told_and_longer_each_time_up_to_five_minutes() -> None:
    budget, now, longer = Budget(chance=lambda: 1.0), START, []
    for _ in range(10):
        assert budget.admit(now) == NO_WAIT
        until = sent_away(budget, now)
        longer.append((until - now - TOLD).total_seconds())
        now = until

    assert longer == [0, 5, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(("chance", "longer"), [(0.0, 2.5), (0.5, 3.75), (1.0, 5.0)])
def test_processes_that_were_told_the_same_come_back_at_different_moments_and_never_sooner(
    chance: float, longer: float
) -> None:
    budget = Budget(chance=lambda: chance)
    now = back(budget)
    budget.admit(now)

    assert sent_away(budget, now) == now + TOLD + seconds(longer)


def test_after_success_it_begins_anew() -> None:
    budget = Budget(chance=lambda: 1.0)
    now = back(budget)
    budget.admit(now)
    now = sent_away(budget, now)
    for _ in range(8):
        assert budget.admit(now) == NO_WAIT
        budget.charge(now, NO_WAIT)

    assert back(budget, now) == now + TOLD


@pytest.mark.parametrize(("later", "longer"), [(timedelta(minutes=59), 10.0), (timedelta(hours=1), 0.0)])
def test_being_sent_away_is_forgotten_an_hour_after_the_wait_however_few_requests_went(
    later: timedelta, longer: float
) -> None:
    budget = Budget(chance=lambda: 1.0)
    now = back(budget)
    assert budget.admit(now) == NO_WAIT
    now = sent_away(budget, now) + later
    assert budget.admit(now) == NO_WAIT

    assert sent_away(budget, now) == now + TOLD + seconds(longer)


def test_refusals_of_what_was_under_way_together_are_one() -> None:
    budget = Budget(chance=lambda: 1.0)
    assert admitted(budget, START, 5) == 5
    for _ in range(5):
        now = sent_away(budget, START)

    assert now == START + TOLD


def test_what_went_before_the_wait_is_neither_the_one_that_asks_nor_its_answer() -> None:
    budget = Budget(chance=lambda: 1.0)
    assert admitted(budget, START, 2) == 2
    now = sent_away(budget, START)

    assert admitted(budget, now) == 0
    budget.charge(now, NO_WAIT)
    assert admitted(budget, now) == 1


def test_nobody_goes_between_an_answer_that_sends_away_and_the_reading_of_it_nor_waits_for_a_reader_for_good() -> None:
    budget = Budget()
    now = back(budget)
    budget.admit(now)
    budget.charge(now, NO_WAIT, end=End.SENT_AWAY)

    assert admitted(budget, now) == 0
    assert admitted(budget, now + seconds(1)) == 1


def test_one_without_an_answer_frees_the_next_and_no_more() -> None:
    budget = Budget()
    now = back(budget)
    for _ in range(5):
        assert admitted(budget, now) == 1
        budget.charge(now, NO_WAIT, None, end=End.UNKNOWN)


def test_one_that_never_ends_blocks_nobody_for_good_and_those_who_wait_ask_less_and_less() -> None:
    budget = Budget()
    begun = back(budget)
    budget.admit(begun)

    waits = [budget.admit(begun + seconds(after)).total_seconds() for after in (0, 4, 16, 299)]
    assert waits == [1, 4, 16, 30]
    assert admitted(budget, begun + timedelta(minutes=5)) == 1


@pytest.mark.parametrize("told", [0.0, 30.0, 3600.0])
def test_one_from_before_the_wait_that_never_ends_blocks_nobody_for_good(told: float) -> None:
    budget = Budget()
    assert admitted(budget, START, 2) == 2
    back_at = sent_away(budget, START, seconds(told))

    waits = [budget.admit(back_at + seconds(after)).total_seconds() for after in (0, 4, 16, 299)]
    assert waits == [1, 4, 16, 30]
    assert admitted(budget, back_at + timedelta(minutes=5)) == 1


@pytest.mark.parametrize("first", [requests.ConnectionError("gone"), requests.ReadTimeout("late"), (503, {}, "")])
def test_reads_and_writes_pass_one_after_the_other_however_the_first_ends(first: object) -> None:
    with mocked("account") as (client, http, time):
        http.add_callback("GET", f"{API}things", sequence(AWAY, *[first] * 3, IN))
        http.post(f"{API}$batch", status=500)
        for expected in (Throttled, Transient):
            with pytest.raises(expected):
                client.send("GET", "things")
        client.commit([ChangeSet((Create(Reference("account", ONE), {"name": "x"}),))])
        client.send("GET", "things")

        assert time.slept[0] == 10


class Held:
    """Answers one request after the other, when told to; keeps how many were there at once."""

    def __init__(self) -> None:
        self.arrived, self.answer = threading.Semaphore(0), threading.Semaphore(0)
        self.there = self.most = self.asked = 0
        self._lock = threading.Lock()

    def __call__(self, _: object) -> Answer:
        with self._lock:
            self.asked += 1
            self.there += 1
            self.most = max(self.most, self.there)
        self.arrived.release()
        assert self.answer.acquire(timeout=20)
        with self._lock:
            self.there -= 1
        return IN


def test_threads_that_all_come_back_at_once_send_one_request_and_all_of_them_end() -> None:
    held, polled = Held(), threading.Semaphore(0)
    with mocked() as (teller, http, time):
        budget = Budget()
        free = threading.Event()

        def sleep(_: float) -> None:
            polled.release()
            free.wait(20)

        http.add_callback("GET", f"{API}away", sequence(AWAY))
        http.add_callback("GET", f"{API}things", held)
        client = DataverseClient(
            teller.url, teller._transport._tokens, budget=budget, now=time.now, sleep=sleep, patience=seconds(3600)
        )
        with pytest.raises(Throttled):
            client.send("GET", "away")
        time.sleep(10)
        threads = [threading.Thread(target=client.send, args=("GET", "things"), daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert held.arrived.acquire(timeout=20)
        for _ in range(7):
            assert polled.acquire(timeout=20)
        alone = held.asked

        held.answer.release(8)
        free.set()
        for thread in threads:
            thread.join(20)

        assert alone == 1
        assert not any(thread.is_alive() for thread in threads)
        assert held.asked == 8
        client.close()


def test_who_waits_for_another_ones_answer_gives_up_after_its_patience() -> None:
    budget = Budget()
    with mocked(budget=budget) as (client, http, time):
        http.add(responses.Response("GET", f"{API}things", status=429, headers={"Retry-After": "10"}))
        with pytest.raises(Throttled):
            client.send("GET", "things")
        time.sleep(10)
        assert budget.admit(time.now()) == NO_WAIT

        with pytest.raises(ConnectorError, match="own-budget"):
            client.send("GET", "things")
        assert 10 < sum(time.slept[1:]) <= 20
