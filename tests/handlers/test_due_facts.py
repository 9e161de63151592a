"""What forbids a sweep is asked for first, and an environment without such jobs has none of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from connector.dataverse.changes import Record, Reference
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Misconfigured
from handlers import due_facts
from mappings import tables

ZONE = ZoneInfo("America/New_York")


class Environment:
    """Answers with the rows of a table, or with the failure it has for one."""

    def __init__(self, **answers: list[str] | ConnectorError) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        self.asked += [question.table for question in questions]
        return [self._answer(question.table) for question in questions]

    def _answer(self, table: str) -> list[Record]:
        answer = self.answers.get(table, [])
        if isinstance(answer, ConnectorError):
            raise answer
        return [Record(Reference(table, UUID(int=1)), "", {"name": name, "msdyn_name": name}) for name in answer]


def test_without_the_table_of_batch_jobs_there_is_no_job() -> None:
    absent = Misconfigured("unknown-table", "This environment has no table msdyn_batchjob.")
    found = due_facts.gather(date(2026, 3, 2), (), ZONE, Environment(msdyn_batchjob=absent))
    assert (found.jobs, found.has_action, found.due.runs) == ((), False, ())


def test_any_other_failure_is_a_failure() -> None:
    broken = Misconfigured("missing-privilege", "You may not read it.")
    with pytest.raises(Misconfigured):
        due_facts.gather(date(2026, 3, 2), (), ZONE, Environment(msdyn_batchjob=broken))


@pytest.mark.parametrize(
    ("name", "counts"),
    [("Create Invoices", True), ("nightly: create invoices (EU)", True), ("Update price lists", False), ("", False)],
)
def test_the_products_job_goes_by_its_name(name: str, counts: bool) -> None:
    environment = Environment(msdyn_batchjob=[name], sdkmessage=[due_facts.ACTION])
    found = due_facts.gather(date(2026, 3, 2), (), ZONE, environment)
    assert (bool(found.jobs), found.has_action) == (counts, True)
    assert environment.asked[:2] == [tables.MESSAGE, tables.BATCH_JOB]


def test_nothing_due_asks_for_no_contract() -> None:
    environment = Environment()
    due_facts.gather(date(2026, 3, 2), (), ZONE, environment)
    assert len(environment.asked) == 11
    assert tables.CONTRACT not in environment.asked[8:]
