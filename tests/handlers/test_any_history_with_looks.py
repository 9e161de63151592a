"""Whatever happens around a write, the look behind it changes nothing but the number of requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from handlers.fixed_point import FixedPoint, Settled
from tests.handlers.looks_world import (
    ENTRIES,
    Approve,
    Cancel,
    Fate,
    Foreign,
    Invoiced,
    Later,
    Line,
    LookingLine,
    LooksWorld,
    Step,
    TakenBack,
    Tie,
    When,
    Work,
)
from tests.handlers.world import COST, UNBILLED

# Making a history shorter takes minutes; it is told as it was found.
AS_FOUND = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
NUMBERS = st.integers(0, ENTRIES - 1)
HOURS = st.sampled_from([8, 6, 10])
LATER = st.builds(Later, st.sampled_from([1, 5, 30, 61]))
TIES = st.sampled_from(Tie)


def by_people(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Step]:
    """What people do with entries."""
    return st.one_of(st.builds(Approve, numbers, HOURS), st.builds(Cancel, numbers), LATER)


def by_anybody(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Step]:
    """What people do with entries, and others with their rows."""
    foreign = st.builds(Foreign, numbers, st.sampled_from([COST, UNBILLED]), TIES)
    return st.one_of(by_people(numbers), foreign, st.builds(TakenBack, numbers, TIES), st.builds(Invoiced, numbers))


def works(number: int, moments: Sequence[When], meanwhile: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    """Workers at an entry and perhaps at others, and what happens around what they write."""
    entries = st.lists(NUMBERS, max_size=2).map(lambda others: tuple({number, *others}))
    some = st.lists(meanwhile, min_size=1, max_size=3).map(tuple)
    fates = st.sampled_from([Fate.ANSWERED, Fate.ANSWERED, *Fate])
    answered = st.sampled_from([(), (True, False), (True, False, False), (False,)])
    return st.builds(Work, entries, st.sampled_from(moments), some, fates, answered)


@st.composite
def histories(
    draw: st.DrawFn, moments: Sequence[When], acts: Callable[[st.SearchStrategy[int]], st.SearchStrategy[Step]]
) -> list[Step]:
    """Turns, each mostly about one entry: something is done, and a worker gets at it, at times with a second inside."""
    steps: list[Step] = []
    for number in draw(st.lists(NUMBERS, min_size=3, max_size=6)):
        act = acts(st.sampled_from([number, number, number, *range(ENTRIES)]))
        within = st.one_of(act, act, works(number, moments, act))
        decided = st.builds(Approve, st.just(number), HOURS)
        steps += [draw(st.one_of(decided, decided, act)), draw(works(number, moments, within))]
    return steps


def lived(line: type[Line], steps: Sequence[Step]) -> LooksWorld:
    """The world in which workers have such lines, after a history."""
    world = LooksWorld(line)
    world.live_through(steps)
    world.come_to_rest()
    return world


def both_end_alike(steps: Sequence[Step]) -> None:
    """With looks and without: the same was told, and the same stands in the books."""
    looking, plain = (lived(line, steps) for line in (LookingLine, Line))
    assert looking.told == plain.told
    assert looking.actuals() == plain.actuals()


@AS_FOUND
@example([Approve(0), Work((0,), When.BEHIND, (Cancel(0),), answered=(True, False))])
@given(histories([When.BEFORE, When.BEHIND], by_anybody))
def test_with_looks_and_without_any_history_ends_alike(steps: list[Step]) -> None:
    both_end_alike(steps)


@AS_FOUND
@example([Approve(0), Work((0,), When.AFTER, (Cancel(0),))])
@given(histories(list(When), by_people))
def test_what_happens_after_a_look_leaves_the_books_as_without_it(steps: list[Step]) -> None:
    looking, plain = (lived(line, steps) for line in (LookingLine, Line))
    for one, other in zip(looking.entries, plain.entries, strict=True):
        assert looking.live(one) == plain.live(other)
    for outcome in FixedPoint(looking.dataverse).settle(looking.handler, looking.entries).values():
        assert isinstance(outcome, Settled)
        assert outcome.commits == 0


def test_a_look_taken_before_its_write_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history is not harmless: the same one passes with looks that are taken behind."""
    steps: list[Step] = [Approve(0), Work((0,)), Cancel(0), Work((0,))]
    both_end_alike(steps)

    def too_early(
        line: LookingLine, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        answers = line.query(questions)
        return line.write(change_sets), answers

    monkeypatch.setattr(LookingLine, "commit_and_look", too_early)
    with pytest.raises(AssertionError):
        both_end_alike(steps)
