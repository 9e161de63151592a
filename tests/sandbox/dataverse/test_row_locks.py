"""Row locks: who waits for whom, who is told what, and that nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from sandbox.clock import Clock
from sandbox.dataverse.row_locks import RowLocks
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Link, Refused, UnitOfWork, Written

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

MINUTE = timedelta(minutes=1)
LONG = 20.0


class Writers:
    """Transactions in parallel on one Dataverse whose writes to accounts and actuals take a minute each."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.clock = Clock()
        self.server = DataverseServer(self.clock)
        self.locks: RowLocks = self.server.organisation.row_locks
        with self.server.transaction() as work:
            self.first, self.second = (work.create("account", {"name": name}) for name in ("first", "second"))
            self.projects = [work.create("msdyn_project", {"msdyn_subject": name}) for name in ("A", "B")]
        self.locks.enabled = True
        self.locks.holds = {"account": MINUTE, "msdyn_actual": MINUTE}
        self._pool = pool

    def begin(self, *steps: Callable[[UnitOfWork], object]) -> Future[None]:
        """All steps in one transaction, on a thread of its own."""

        def run() -> None:
            with self.server.transaction() as work:
                for step in steps:
                    step(work)

        return self._pool.submit(run)

    def name(self, account: UUID) -> object:
        with self.server.transaction() as work:
            row = work.get("account", account)
            assert row is not None
            return row["name"]

    def actuals(self) -> int:
        with self.server.transaction() as work:
            return len(work.find("msdyn_actual"))


def rename(account: UUID, name: str) -> Callable[[UnitOfWork], object]:
    return lambda work: work.update("account", account, {"name": name})


def actual(project: UUID) -> Callable[[UnitOfWork], object]:
    return lambda work: work.create("msdyn_actual", {"msdyn_project": Link("msdyn_project", project)})


def refusal(writer: Future[None]) -> Refused:
    with pytest.raises(Refused) as told:
        writer.result(LONG)
    return told.value


@pytest.fixture
def writers() -> Iterator[Writers]:
    with ThreadPoolExecutor() as pool:
        writers = Writers(pool)
        yield writers
        writers.locks.close()


def test_writers_of_different_rows_do_not_wait_for_each_other(writers: Writers) -> None:
    both = [writers.begin(rename(writers.first, "x")), writers.begin(rename(writers.second, "y"))]
    assert writers.locks.reached(LONG, writing=2)
    writers.clock.advance(MINUTE)
    for writer in both:
        writer.result(LONG)
    assert (writers.name(writers.first), writers.name(writers.second)) == ("x", "y")
    assert writers.locks.waited == 0


def test_the_second_writer_of_a_row_waits_for_the_first_and_goes_on_from_what_it_left(writers: Writers) -> None:
    first = writers.begin(rename(writers.first, "first"))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "second"))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    assert writers.name(writers.first) == "first"  # its name from the beginning: readers do not wait
    writers.clock.advance(MINUTE)
    first.result(LONG)
    assert writers.locks.reached(LONG, writing=1)
    writers.clock.advance(MINUTE)
    second.result(LONG)
    assert writers.name(writers.first) == "second"
    assert writers.locks.waited == 1


def test_a_reader_sees_nothing_of_a_transaction_that_is_not_committed(writers: Writers) -> None:
    writer = writers.begin(rename(writers.first, "new"))
    assert writers.locks.reached(LONG, writing=1)
    assert writers.name(writers.first) == "first"
    writers.clock.advance(MINUTE)
    writer.result(LONG)
    assert writers.name(writers.first) == "new"


def test_new_actuals_of_one_project_wait_for_each_other_and_those_of_another_do_not(writers: Writers) -> None:
    one, other = writers.projects
    waiting = [writers.begin(actual(one))]
    assert writers.locks.reached(LONG, writing=1)
    waiting.append(writers.begin(actual(one)))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    waiting.append(writers.begin(actual(other)))
    assert writers.locks.reached(LONG, writing=2, waiting=1)
    writers.clock.advance(MINUTE)
    assert writers.locks.reached(LONG, writing=1)
    writers.clock.advance(MINUTE)
    for writer in waiting:
        writer.result(LONG)
    assert writers.actuals() == 3


def test_whoever_waits_too_long_is_told_so_and_leaves_nothing_behind(writers: Writers) -> None:
    one, other = writers.projects
    writers.locks.holds = {"msdyn_actual": 10 * MINUTE}
    writers.locks.timeout = 2 * MINUTE
    first = writers.begin(actual(one))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "renamed"), actual(one))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.clock.advance(3 * MINUTE)
    told = refusal(second)
    assert (told.status, told.code) == (500, "0x80044151")
    assert "SQL timeout expired" in told.message
    assert writers.name(writers.first) == "first"
    writers.clock.advance(10 * MINUTE)
    first.result(LONG)
    writers.begin(rename(writers.first, "free again")).result(LONG)
    assert (writers.actuals(), writers.name(writers.first), writers.locks.timeouts) == (1, "free again", 1)
    assert other


def test_two_writers_in_opposite_order_deadlock_and_one_of_them_is_rolled_back_whole(writers: Writers) -> None:
    one, other = writers.projects
    forth = writers.begin(actual(one), actual(other))
    back = writers.begin(actual(other), actual(one))
    assert writers.locks.reached(LONG, writing=2)
    writers.clock.advance(MINUTE)
    assert writers.locks.reached(LONG, writing=1)  # one is the victim; the other has both projects now
    writers.clock.advance(MINUTE)
    refusals = [problem for writer in (forth, back) if (problem := writer.exception(LONG)) is not None]
    (victim,) = refusals
    assert isinstance(victim, Refused)
    assert (victim.status, victim.code) == (500, "0x80044150")
    assert "Sql Number: 1205" in victim.message
    assert (writers.actuals(), writers.locks.deadlocks) == (2, 1)


def test_a_row_with_the_same_id_waits_for_the_first_and_is_then_a_duplicate(writers: Writers) -> None:
    id = uuid4()

    def create(work: UnitOfWork) -> None:
        work.create("account", {"name": "same"}, id)

    first = writers.begin(create)
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(create)
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.clock.advance(MINUTE)
    first.result(LONG)
    assert refusal(second).code == "0x80040237"


def test_listeners_hear_of_a_transaction_that_stepped_aside_once_and_of_a_victim_never(writers: Writers) -> None:
    heard: list[str] = []

    class Ear:
        def on_committed(self, writes: list[Written]) -> None:
            heard.extend(str((write.after or {}).get("name")) for write in writes)

    writers.server.organisation.listeners.append(Ear())  # type: ignore[arg-type]
    forth = writers.begin(rename(writers.first, "forth"), rename(writers.second, "forth"))
    assert writers.locks.reached(LONG, writing=1)
    back = writers.begin(rename(writers.second, "back"), rename(writers.first, "back"))
    assert writers.locks.reached(LONG, writing=2)
    for _ in range(2):
        writers.clock.advance(MINUTE)
        assert writers.locks.reached(LONG, writing=1) or (forth.done() and back.done())
    problems = [forth.exception(LONG), back.exception(LONG)]
    assert heard == (["forth", "forth"] if problems[0] is None else ["back", "back"])


def test_waiting_ends_when_the_server_does(writers: Writers) -> None:
    first = writers.begin(rename(writers.first, "first"))
    assert writers.locks.reached(LONG, writing=1)
    second = writers.begin(rename(writers.first, "second"))
    assert writers.locks.reached(LONG, writing=1, waiting=1)
    writers.locks.close()
    first.result(LONG)
    assert second.exception(LONG) is None or refusal(second).code == "0x80044151"


def test_without_the_switch_writers_take_turns_and_nobody_waits_for_a_row(writers: Writers) -> None:
    writers.locks.enabled = False
    for writer in [writers.begin(actual(writers.projects[0])) for _ in range(8)]:
        writer.result(LONG)
    assert (writers.actuals(), writers.locks.waited) == (8, 0)


def test_many_writers_of_two_projects_all_come_through_when_victims_try_again(writers: Writers) -> None:
    writers.locks.holds = {"msdyn_actual": timedelta(milliseconds=2)}

    def write(number: int) -> None:
        one, other = writers.projects if number % 2 else reversed(writers.projects)
        while True:
            try:
                with writers.server.transaction() as work:
                    actual(one)(work)
                    actual(other)(work)
            except Refused as told:
                if told.code != "0x80044150":
                    raise
            else:
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert writers.actuals() == 80
    assert writers.locks.deadlocks > 0


def test_over_http_the_second_of_two_that_read_the_same_version_is_refused(
    server: DataverseServer, as_user: Callable[[str], Api]
) -> None:
    locks, clock = server.organisation.row_locks, server.organisation.clock
    first, second = as_user("service"), as_user("clerk")
    account = first.create("accounts", {"name": "A"})
    etag = first.get(f"accounts({account})")["@odata.etag"]
    locks.enabled, locks.holds = True, {"account": MINUTE}

    def change(api: Api, name: str) -> tuple[int, str]:
        answer = api("PATCH", f"accounts({account})", json={"name": name}, If_Match=etag)
        return answer.status_code, answer.json()["error"]["code"] if answer.content else ""

    with ThreadPoolExecutor() as pool:
        one = pool.submit(change, first, "one")
        assert locks.reached(LONG, writing=1)
        other = pool.submit(change, second, "other")
        assert locks.reached(LONG, writing=1, waiting=1)
        clock.advance(MINUTE)
        assert (one.result(LONG), other.result(LONG)) == ((204, ""), (412, "0x80060882"))
    assert first.get(f"accounts({account})")["name"] == "one"


CHANGES = """--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

PATCH accounts({first}) HTTP/1.1
Content-Type: application/json

{{"name": "{name}"}}
--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH accounts({second}) HTTP/1.1
Content-Type: application/json

{{"name": "{name}"}}
--c--
--b--
"""


def test_over_http_one_of_two_change_sets_in_opposite_order_is_told_1205_and_comes_through_when_sent_again(
    server: DataverseServer, as_user: Callable[[str], Api]
) -> None:
    locks, clock = server.organisation.row_locks, server.organisation.clock
    forth, back = as_user("service"), as_user("service")
    one, other = (forth.create("accounts", {"name": "before"}) for _ in range(2))
    locks.enabled, locks.holds = True, {"account": MINUTE}

    def send(api: Api, first: UUID, second: UUID, name: str) -> str:
        return api.batch(CHANGES.format(first=first, second=second, name=name)).text

    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(send, forth, one, other, "forth"), pool.submit(send, back, other, one, "back")]
        assert locks.reached(LONG, writing=2)
        clock.advance(MINUTE)
        assert locks.reached(LONG, writing=1)
        clock.advance(MINUTE)
        told = [answer.result(LONG) for answer in answers]
    (lost,) = [number for number, text in enumerate(told) if "0x80044150" in text]
    assert "HTTP/1.1 500" in told[lost]
    assert told[1 - lost].count("HTTP/1.1 204") == 2
    assert {forth.get(f"accounts({id})")["name"] for id in (one, other)} == {("forth", "back")[1 - lost]}
    locks.holds = {}
    assert send(back, other, one, "again").count("HTTP/1.1 204") == 2
    assert {forth.get(f"accounts({id})")["name"] for id in (one, other)} == {"again"}
