"""Any mixture of good and bad subjects, in batches of any size, through any time of trouble of our own.

No good subject is ever put aside for our trouble beyond the few that show it, and no bad one holds the others for good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from connector.breadth import Blame, Breadth, Failed
from connector.errors import ConnectorError, Misconfigured, Rejected
from tests.connector.fakes import NOW

MOST = 3
BAD = Rejected("refused", "No.")
ROLE = Misconfigured("missing-privilege", "A role.")
CREATE = frozenset({"create"})
AWAY = 2
"""Batches that whoever waits stays away for."""

names = st.lists(st.sampled_from("gb"), min_size=1, max_size=40).map(
    lambda kinds: [f"{kind}{number}" for number, kind in enumerate(kinds)]
)
sizes = st.lists(st.integers(1, 8), min_size=1, max_size=5)


class Queue:
    """Subjects that begin with ``b`` are always refused, the others only while ``trouble`` says so."""

    def __init__(self, subjects: list[str], sizes: list[int], failure: ConnectorError) -> None:
        self.breadth = Breadth(MOST)
        self.waiting = deque(subjects)
        self.away: list[tuple[int, str]] = []
        self.done: set[str] = set()
        self.aside: list[str] = []
        self.pauses = 0
        self.batches = 0
        self._sizes = cycle(sizes)
        self._failure = failure
        self._paused = False

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.away

    def turn(self, trouble: Callable[[int], bool]) -> None:
        """One batch, after the probe that ends a pause."""
        if self._paused:
            self.breadth.resumed()
            self._paused = False
        self.batches += 1
        self.waiting.extend(name for due, name in self.away if due <= self.batches)
        self.away = [(due, name) for due, name in self.away if due > self.batches]
        batch = [self.waiting.popleft() for _ in range(min(next(self._sizes), len(self.waiting)))]
        began = self.breadth.begin()
        refused = {
            name: Failed(self._failure if trouble(self.batches) else BAD, CREATE)
            for name in batch
            if name.startswith("b") or trouble(self.batches)
        }
        fine = [name for name in batch if name not in refused]
        self.done |= set(fine)
        verdicts = self.breadth.weigh(began, refused, CREATE if fine else frozenset(), fine, NOW)
        for name in reversed(refused):
            match verdicts[name].blame:
                case Blame.SUBJECT if isinstance(refused[name].failure, Rejected):
                    self.aside.append(name)
                case Blame.OURS:
                    self.waiting.appendleft(name)
                    self._paused = True
                case _:
                    self.away.append((self.batches + AWAY, name))
        self.pauses += self._paused


def never(_: int) -> bool:
    return False


@given(names, sizes)
def test_bad_subjects_never_hold_the_good_ones_and_go_aside_as_others_get_through(
    subjects: list[str], sizes: list[int]
) -> None:
    queue = Queue(subjects, sizes, BAD)
    good, bad = ({name for name in subjects if name.startswith(kind)} for kind in "gb")
    while not good <= queue.done:
        queue.turn(never)
        assert queue.batches < 20 * len(subjects)
    newcomers = 0
    while not queue.is_empty:
        # Sooner or later somebody else gets through.
        if queue.batches % 10 == 0:
            newcomers += 1
            queue.waiting.append(f"g-new{newcomers}")
        queue.turn(never)
        assert queue.batches < 100 * len(subjects)
    assert set(queue.aside) == bad
    assert len(queue.aside) == len(bad)


@given(names, sizes, st.integers(1, 30), st.integers(0, 10))
def test_a_trouble_of_our_own_costs_few_and_everybody_else_gets_through_once_it_is_over(
    subjects: list[str], sizes: list[int], lasts: int, begins: int
) -> None:
    queue = Queue(subjects, sizes, BAD)
    while queue.batches < begins + lasts:
        queue.turn(lambda batch: begins < batch)
    burnt = {name for name in queue.aside if name.startswith("g")}
    assert len(burnt) < MOST
    for _ in range(60 * len(subjects)):
        queue.turn(never)
    assert {name for name in subjects if name.startswith("g")} - burnt <= queue.done


@given(names, sizes, st.integers(1, 30), st.integers(0, 10))
def test_a_role_that_was_removed_costs_nobody(subjects: list[str], sizes: list[int], lasts: int, begins: int) -> None:
    queue = Queue(subjects, sizes, ROLE)
    while queue.batches < begins + lasts:
        queue.turn(lambda batch: begins < batch)
    for _ in range(60 * len(subjects)):
        queue.turn(never)
    assert {name for name in subjects if name.startswith("g")} <= queue.done
    assert all(name.startswith("b") for name in queue.aside)


def test_a_thousand_bad_subjects_are_passed_with_few_pauses() -> None:
    queue = Queue([*(f"b{number}" for number in range(1000)), "g"], [1, 2, 4, 8, 16, 32, 50], BAD)
    while "g" not in queue.done:
        queue.turn(never)
    assert queue.pauses < 12
    assert len(queue.aside) < MOST
