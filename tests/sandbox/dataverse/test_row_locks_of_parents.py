"""Row locks around rows that point to others, keys that are given up, and the versions slow transactions take."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from sandbox.dataverse.catalog import Key
from sandbox.dataverse.unit_of_work import Link, Refused, UnitOfWork
from tests.sandbox.dataverse.writers import LONG, MINUTE, Writers, contact_of, refusal, rename


@pytest.fixture
def writers() -> Iterator[Writers]:
    with ThreadPoolExecutor() as pool:
        writers = Writers(pool)
        yield writers
        writers.locks.close()


def test_a_parent_is_not_deleted_while_a_child_of_it_is_being_made(writers: Writers) -> None:
    child = writers.begin(contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=1)
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(child, deletion)
    assert child.result(0) is None
    assert refusal(deletion).code == "0x80048cf1"
    assert writers.name(writers.first) == "first"


def test_a_child_waits_for_the_deletion_of_its_parent_and_then_finds_none(writers: Writers) -> None:
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1)
    child = writers.begin(contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(deletion, child)
    assert deletion.result(0) is None
    told = refusal(child)
    assert (told.status, told.code) == (404, "0x80040217")


def test_children_of_one_parent_do_not_wait_for_each_other(writers: Writers) -> None:
    both = [writers.begin(contact_of(writers.first)) for _ in range(2)]
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(*both)
    assert writers.locks.waited == 0


def test_who_waits_behind_one_that_waits_for_them_is_in_a_deadlock(writers: Writers) -> None:
    a = writers.begin(contact_of(writers.first), rename(writers.second, "a"))
    assert writers.locks.reached(LONG, writing=1)
    deletion = writers.begin(lambda work: work.delete("account", writers.first))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    b = writers.begin(rename(writers.second, "b"), contact_of(writers.first))
    assert writers.locks.reached(LONG, writing=2, waiting=1)
    writers.finish(a, deletion, b)
    assert writers.locks.deadlocks == 1
    codes = [getattr(writer.exception(0), "code", "") for writer in (a, b)]
    # Where the victim was the one that made the child, the deletion goes through and the other finds no parent.
    assert codes in (["0x80044150", "0x80040217"], ["", "0x80044150"])


def test_who_deletes_what_they_point_to_goes_before_another_that_waits_to_delete_it(writers: Writers) -> None:
    def change_of_mind(work: UnitOfWork) -> None:
        contact = work.create("contact", {"lastname": "C", "parentcustomerid": Link("account", writers.first)})
        work.delete("contact", contact)
        work.delete("account", writers.first)

    def delete(work: UnitOfWork) -> None:
        work.delete("contact", work.create("contact", {"lastname": "D"}))
        work.delete("account", writers.first)

    mine = writers.begin(change_of_mind)
    assert writers.locks.reached(LONG, writing=1)
    theirs = writers.begin(delete)
    assert writers.locks.reached(LONG, writing=2)
    writers.finish(mine, theirs)
    problems = [problem for writer in (mine, theirs) if (problem := writer.exception(0)) is not None]
    assert [problem.code for problem in problems if isinstance(problem, Refused)] in (["0x80040217"], ["0x80044150"])


def test_what_a_slow_transaction_wrote_first_is_not_missed_by_who_asks_for_changes(writers: Writers) -> None:
    store = writers.server.organisation.store
    slow = writers.begin(rename(writers.first, "slow"))
    assert writers.locks.reached(LONG, writing=1)
    writers.locks.holds = {}
    quick = writers.begin(rename(writers.second, "quick"))
    quick.result(LONG)
    with store.lock:
        reached = store.version_reached
    writers.finish(slow)
    with writers.server.transaction() as work:
        rows = [work.get("account", id) for id in (writers.first, writers.second)]
    assert [row is not None and str(row["versionnumber"]) > str(reached) for row in rows] == [True, True]
    with store.lock:
        assert store.version_reached > reached


def test_a_key_that_is_being_given_up_is_waited_for(writers: Writers) -> None:
    writers.locks.enabled = False
    with writers.server.transaction() as work:
        facts = replace(work.catalog.table("contact"), keys=(Key("k", "k", ("lastname",)),))
        work.store.add_key(facts, facts.keys[0])
        work.catalog.put(facts)
        old = work.create("contact", {"lastname": "one"})
    writers.locks.enabled = True
    writers.locks.holds = {"contact": MINUTE}
    given_up = writers.begin(lambda work: work.update("contact", old, {"lastname": "other"}))
    assert writers.locks.reached(LONG, writing=1)
    taken = writers.begin(lambda work: work.create("contact", {"lastname": "one"}))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.finish(given_up, taken)
    assert (given_up.result(0), taken.result(0)) == (None, None)


def test_however_writers_of_parents_and_children_meet_no_child_is_left_without_its_parent(writers: Writers) -> None:
    writers.locks.holds = {"account": timedelta(milliseconds=1), "contact": timedelta(milliseconds=1)}
    with writers.server.transaction() as work:
        parents = [work.create("account", {"name": str(number)}) for number in range(12)]
    expected = {"0x80044150", "0x80040217", "0x80048cf1"}
    told: list[str] = []

    def write(number: int) -> None:
        random = Random(number)
        one, other = random.sample(parents, 2)
        try:
            with writers.server.transaction() as work:
                contact_of(one)(work)
                rename(other, str(number))(work)
                if random.random() < 0.3:
                    work.delete("account", other)
        except Refused as refusal:
            told.append(refusal.code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(150)))
    assert set(told) <= expected
    assert len(told) < 150
    with writers.server.transaction() as work:
        left = {row["accountid"] for row in work.find("account")}
        pointed_to = {row["parentcustomerid"] for row in work.find("contact")}
    assert {link.id for link in pointed_to if isinstance(link, Link)} <= left
    assert len(left) < 14  # some were deleted
