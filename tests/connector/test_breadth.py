"""Whose fault a refusal is, by how many are struck alike and whether others get through."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.breadth import FORGOTTEN, MOST_SUBJECTS, WRITE, Blame, Breadth, Failed
from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from tests.connector.fakes import NOW

CREATE, UPDATE = frozenset({"create"}), frozenset({"update"})
BAD = Rejected("refused", "No.")
ROLE = Misconfigured("missing-privilege", "A role.")
RENAMED = Misconfigured("unknown-name", "No such column.")
DOWN = Transient("unavailable", "Busy.")
SUBJECT, OPEN, OURS = Blame.SUBJECT, Blame.OPEN, Blame.OURS


class Case:
    """Batches, one after the other, of subjects that get through or are refused."""

    def __init__(self, most: int = 3, most_silent: int = 3) -> None:
        self.breadth = Breadth(most, most_silent)
        self.now = NOW

    def batch(
        self,
        refused: str = "",
        fine: str = "",
        failure: ConnectorError = BAD,
        *,
        by: frozenset[str] = CREATE,
        well: frozenset[str] = CREATE,
        began: int | None = None,
    ) -> list[Blame | None]:
        """The verdict on each letter of ``refused``, while each of ``fine`` gets through."""
        began = self.breadth.begin() if began is None else began
        failed = {subject: Failed(failure, by) for subject in refused}
        verdicts = self.breadth.weigh(began, failed, well if fine else frozenset(), fine, self.now)
        return [verdicts[subject].blame if subject in verdicts else None for subject in refused]


def test_a_few_refusals_are_the_subjects_own_fault_and_many_alike_are_ours() -> None:
    case = Case(most=3)
    assert case.batch("a") == [SUBJECT]
    assert case.batch("a") == [SUBJECT], "the same subject counts once"
    assert case.batch("b") == [SUBJECT]
    assert case.batch("c") == [OURS]
    assert case.breadth.doubtful


def test_a_batch_that_is_refused_as_a_whole_burns_nobody() -> None:
    assert Case(most=3).batch("abcd") == [OURS] * 4


def test_refusals_beside_others_that_get_through_are_the_subjects_own_however_many() -> None:
    case = Case(most=3)
    assert case.batch("abcdef", fine="z") == [SUBJECT] * 6
    assert not case.breadth.doubtful


def test_who_gets_through_with_something_else_proves_nothing() -> None:
    case = Case(most=3)
    case.batch("ab", fine="z", well=UPDATE)
    assert case.batch("c", fine="y", by=CREATE | UPDATE, well=UPDATE) == [OURS]


def test_each_kind_of_operation_may_be_proven_by_somebody_else() -> None:
    case = Case(most=2)
    case.batch("a", by=CREATE | UPDATE)
    case.batch(fine="y", well=UPDATE)
    case.batch(fine="z", well=CREATE)
    assert case.batch("b", by=CREATE | UPDATE) == [SUBJECT]


def test_a_failure_whose_operation_is_not_known_is_disproved_by_any_write() -> None:
    case = Case(most=2)
    case.batch("a", by=frozenset())
    case.batch(fine="z", well=frozenset({WRITE}))
    assert case.batch("b", by=frozenset()) == [SUBJECT]


def test_each_code_is_counted_by_itself_whatever_comes_in_between() -> None:
    case = Case(most=2)
    assert case.batch("a") == [SUBJECT]
    assert case.batch("b", failure=Rejected("invalid-value", "No.")) == [SUBJECT]
    assert case.batch("c") == [OURS]


def test_a_role_shows_on_the_second_subject_though_others_with_nothing_to_write_settle_in_between() -> None:
    case = Case()
    assert case.batch("a", failure=ROLE) == [SUBJECT], "one row may be out of our reach"
    case.batch(fine="xyz", well=frozenset({"read"}))
    case.batch("b", failure=BAD)
    assert case.batch("c", failure=ROLE) == [OURS]


def test_two_rows_out_of_our_reach_while_others_get_through_wait_and_stop_nobody() -> None:
    case = Case()
    case.batch("a", failure=ROLE)
    assert case.batch("b", fine="z", failure=ROLE) == [OPEN]
    case.batch(fine="z")
    assert case.batch("ab", failure=ROLE) == [OPEN, OPEN]
    assert not case.breadth.doubtful
    case.batch(fine="b")
    assert case.batch("a", failure=ROLE) == [SUBJECT], "the other one is through: it was one row after all"


def test_two_rows_out_of_our_reach_in_one_batch_with_others_that_get_through_stop_nobody_either() -> None:
    assert Case().batch("ab", fine="z", failure=ROLE) == [OPEN, OPEN]


def test_what_is_wrong_with_us_pauses_at_once_and_burns_nobody_ever() -> None:
    case = Case()
    assert case.batch("a", fine="z", failure=RENAMED) == [OURS]
    case.breadth.resumed()
    assert case.batch("a", failure=RENAMED) == [OPEN]
    case.batch(fine="z")
    assert case.batch("a", failure=RENAMED) == [OPEN]
    assert case.batch("b", failure=RENAMED) == [OPEN], "others get through: one more that is struck does not stop them"
    assert not case.breadth.doubtful


def test_an_outage_is_one_fault_whatever_it_looks_like() -> None:
    case = Case(most_silent=3)
    assert case.batch("a", failure=DOWN) == [SUBJECT]
    assert case.batch("b", failure=UnknownOutcome("no-answer", "Nobody.")) == [SUBJECT]
    assert case.batch("y", failure=Throttled("own-budget", "Wait.", timedelta(seconds=60))) == [None]
    assert case.batch("c", failure=Transient("unavailable", "Down.", timedelta(seconds=60))) == [OURS]


@pytest.mark.parametrize("failure", [Transient("not-yet", "Half way."), Throttled("t", "Wait.", timedelta(seconds=5))])
def test_waits_and_readings_in_flux_tell_nothing_of_us(failure: ConnectorError) -> None:
    assert Case().batch("abcdefgh", failure=failure) == [None] * 8


def test_after_a_pause_the_refused_make_way_for_others_and_then_the_work_pauses_again() -> None:
    case = Case(most=2)
    assert case.batch("ab") == [OURS] * 2
    assert case.batch("c") == [OURS], "it was at work already"
    case.breadth.resumed()
    assert case.batch("abcde") == [OPEN] * 4 + [OURS]
    case.breadth.resumed()
    assert case.batch("abcdefghi") == [OPEN] * 8 + [OURS], "twice as many turns"


def test_after_a_pause_who_is_refused_again_is_at_fault_once_somebody_else_got_through_in_between() -> None:
    case = Case(most=2)
    case.batch("ab")
    case.breadth.resumed()
    assert case.batch("ab") == [OPEN, OPEN]
    case.batch(fine="z")
    assert not case.breadth.doubtful
    assert case.batch("ab") == [SUBJECT, SUBJECT]


def test_who_is_refused_beside_the_first_that_gets_through_after_a_pause_is_not_judged_yet() -> None:
    """It may have been mended in the middle of this batch."""
    case = Case(most=2)
    case.batch("ab")
    case.breadth.resumed()
    assert case.batch("abcd", fine="z") == [OPEN] * 4
    assert case.batch("ab") == [SUBJECT, SUBJECT]


def test_a_success_of_a_batch_that_was_under_way_when_somebody_was_refused_proves_nothing() -> None:
    case = Case(most=2)
    slow = case.breadth.begin()
    case.batch("ab")
    case.batch(fine="z", began=slow)
    case.breadth.resumed()
    assert case.breadth.doubtful
    assert case.batch("ab") == [OPEN, OPEN]


def test_a_refusal_of_a_batch_that_was_under_way_when_somebody_got_through_is_not_judged_yet() -> None:
    case = Case(most=2)
    case.batch("ab")
    case.breadth.resumed()
    slow = case.breadth.begin()
    case.batch(fine="z")
    assert case.batch("a", began=slow) == [OPEN]


def test_who_got_through_is_no_longer_counted() -> None:
    case = Case(most=2)
    case.batch("a")
    case.batch(fine="a", well=frozenset({"read"}))
    assert case.batch("b") == [SUBJECT]


def test_what_was_refused_a_day_ago_is_forgotten() -> None:
    case = Case(most=2)
    case.batch("ab")
    case.now += FORGOTTEN + timedelta(seconds=1)
    case.batch()
    assert not case.breadth.doubtful
    assert case.batch("c") == [SUBJECT]


def test_no_more_subjects_are_remembered_than_fit() -> None:
    breadth = Breadth(most=5)
    failed = {str(number): Failed(BAD, CREATE) for number in range(MOST_SUBJECTS + 50)}
    verdicts = breadth.weigh(breadth.begin(), failed, frozenset(), (), NOW)
    assert {one.blame for one in verdicts.values()} == {OURS}
    assert next(iter(verdicts.values())).struck == MOST_SUBJECTS + 50
    assert breadth.weigh(breadth.begin(), {}, CREATE, (), NOW) == {}
    assert not breadth.doubtful


def test_subjects_that_wait_are_told_of_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    case = Case(most=1)
    case.batch("a")
    case.breadth.resumed()
    for _ in range(3):
        case.batch("a")
    assert len(caplog.messages) == 1
    case.now += timedelta(hours=1)
    case.batch("a")
    told = "1 subjects wait, refused alike (refused); they are tried again until it is mended. One of them is a: No."
    assert caplog.messages == [told] * 2
