"""Which tables take bulk messages: asked once, and where nobody answers, not again for a while."""

from __future__ import annotations

import pytest

from connector.dataverse.bulk import ASKED_AGAIN, BulkMessages
from connector.dataverse.changes import ChangeSet, Create, Reference
from connector.dataverse.metadata import Metadata
from connector.errors import ConnectorError, Rejected, Throttled, Transient
from tests.connector.dataverse.environment import ONE, TWO, Time

PAIR = ChangeSet((Create(Reference("account", ONE), {}), Create(Reference("contact", TWO), {})))
BOTH = {"value": [{"primaryobjecttypecode": "account"}, {"primaryobjecttypecode": "contact"}]}


class Environment:
    """Answers as told, and counts how often it is asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0
        self.time = Time()
        self.bulk = BulkMessages(Metadata(self), self, "", self.time.now)

    def __call__(self, _: str) -> object:
        self.asked += 1
        if isinstance(self.answer, ConnectorError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("failure", [Transient("unavailable", "Away."), Throttled("own-budget", "Later.", ASKED_AGAIN)])
def test_where_nobody_answers_rows_go_without_and_it_is_asked_once_a_minute(failure: ConnectorError) -> None:
    environment = Environment(failure)

    assert not any(environment.bulk.fits(PAIR) for _ in range(100))
    assert environment.asked == 1
    environment.answer = BOTH
    environment.time.sleep(ASKED_AGAIN.total_seconds())
    assert all(environment.bulk.fits(PAIR) for _ in range(100))
    assert environment.asked == 2


def test_who_may_not_ask_never_asks_again() -> None:
    environment = Environment(Rejected("refused", "No."))

    for _ in range(3):
        assert not environment.bulk.fits(PAIR)
        environment.time.sleep(ASKED_AGAIN.total_seconds())
    assert environment.asked == 1


def test_whoever_comes_while_it_is_being_asked_does_not_wait_for_the_answer() -> None:
    environment = Environment(BOTH)
    meanwhile: list[bool] = []

    def ask(_: str) -> object:
        meanwhile.append(bulk.fits(PAIR))
        return BOTH

    bulk = BulkMessages(Metadata(ask), ask, "", environment.time.now)

    assert bulk.fits(PAIR)
    assert meanwhile == [False]
