"""How the way of keeping invoices single is found out: what is sent, what it means, and that it has no effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses

from connector.dataverse.changes import ChangeSet, Committed
from connector.errors import Conflict, ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from handlers.recorded import Mode
from sandbox.world import Sandbox
from service.probing import asked_once, mode_of
from tests.flow.world import World

GONE = Conflict("row-gone", "Entity 'salesorder' does not exist.")


class Answers:
    """A Dataverse that answers commits in turn."""

    def __init__(self, *outcomes: Committed | ConnectorError) -> None:
        self._outcomes = list(outcomes)
        self.committed: list[ChangeSet] = []

    def query(self, questions: Any) -> list[Any]:
        raise AssertionError(f"{questions} is asked.")

    def commit(self, change_sets: Any) -> list[Committed | ConnectorError]:
        self.committed += change_sets
        return [self._outcomes.pop(0) for _ in change_sets]


@pytest.fixture
def world() -> Iterator[World]:
    with Sandbox() as sandbox:
        yield World(sandbox)


def test_where_the_contract_alone_is_missed_both_times_the_fence_is_taken() -> None:
    dataverse = Answers(GONE, GONE)
    assert mode_of(dataverse) is Mode.FENCE
    assert [len(one.changes) for one in dataverse.committed] == [1, 2]


@pytest.mark.parametrize(
    "inside",
    [
        Misconfigured("unknown-name", "Actions are not taken inside a change set."),
        Rejected("refused", "Bad request."),
        Conflict("conflict", "Not here."),
    ],
)
def test_where_a_change_set_is_refused_for_another_reason_calls_are_recorded_first(inside: ConnectorError) -> None:
    assert mode_of(Answers(GONE, inside)) is Mode.RECORDED


@pytest.mark.parametrize(
    "alone", [Misconfigured("unknown-name", "No such action."), Misconfigured("missing-privilege", "prvX")]
)
def test_where_the_action_itself_is_refused_nothing_is_concluded(alone: ConnectorError) -> None:
    with pytest.raises(Misconfigured) as told:
        mode_of(Answers(alone, alone))
    assert told.value.code == alone.code


@pytest.mark.parametrize("failure", [Transient("unreachable", "Busy."), UnknownOutcome("lost", "Lost.")])
def test_without_an_answer_nothing_is_concluded_and_it_is_asked_again(failure: ConnectorError) -> None:
    dataverse = Answers(failure, GONE, GONE)
    ask = asked_once(lambda: mode_of(dataverse))
    with pytest.raises(type(failure)):
        ask()
    assert ask() is ask() is Mode.FENCE
    assert len(dataverse.committed) == 3


def test_an_action_that_does_something_where_nothing_is_stops_everything() -> None:
    with pytest.raises(Misconfigured) as told:
        mode_of(Answers(Committed((None,)), GONE))
    assert told.value.code == "unexpected-answer"


@pytest.mark.parametrize(("taken", "mode"), [(True, Mode.FENCE), (False, Mode.RECORDED)])
def test_the_probe_tells_an_environment_by_its_answers_and_creates_nothing(
    world: World, taken: bool, mode: Mode
) -> None:
    world.sandbox.web.organisation.switches.actions_in_change_sets = taken
    before = world.books().tables
    assert mode_of(world.client) is mode
    assert world.books().tables == before


def test_the_probe_is_an_action_by_itself_and_a_change_set_of_two_on_no_contract(world: World) -> None:
    world.client.learn()
    world.client.metadata.learn({"salesorder"})
    batch = f"{world.sandbox.dataverse}/api/data/v9.2/$batch"
    with responses.RequestsMock() as http:
        for code in ("0x80040217", "0x80060888"):
            http.post(
                batch,
                body=(
                    "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 404 Not Found\r\n"
                    "Content-Type: application/json\r\n\r\n"
                    f'{{"error":{{"code":"{code}","message":"x"}}}}\r\n--b--\r\n'
                ),
                content_type="multipart/mixed; boundary=b",
            )
        assert mode_of(world.client) is Mode.RECORDED
        alone, inside = (str(call.request.body, "utf-8") for call in http.calls)  # type: ignore[arg-type]
    action = "/Microsoft.Dynamics.CRM.msdyn_NewInvoiceContract?tag=psa-connector HTTP/1.1"
    assert (alone.count(action), inside.count(action)) == (1, 2)
    assert ("changeset" in alone, "changeset" in inside) == (False, True)
    assert "PATCH" not in alone + inside


def test_being_throttled_is_handed_on() -> None:
    with pytest.raises(Throttled):
        mode_of(Answers(Throttled("busy", "Wait.", timedelta(seconds=1))))
