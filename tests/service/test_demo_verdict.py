"""The demo's verdict: it fails, and says which, as soon as one of the four figures differs by a cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from typer.testing import CliRunner

from connector.errors import Misconfigured
from sandbox.world import Sandbox
from service.cli.main import app
from service.contracts import Contract
from service.demo.patience import OutOfTime, Patience
from service.demo.story import ContractFigures, ProjectFigures, Story, play

CENT = Decimal("0.01")
FIGURES = ContractFigures(
    Contract(UUID(int=1), "ORD-1", "Rollout", "JPY", 0),
    approved=Decimal(1234567),
    actuals=Decimal(1234567),
    non_chargeable=Decimal(0),
    complimentary=Decimal(0),
    fixed=Decimal(1000),
    ready=Decimal(1235567),
    invoiced=Decimal(1235567),
    headers=Decimal(1235567),
    numbers=("INV-1",),
)
PROJECT = ProjectFigures("Rollout", "USD", Decimal("10.00"), Decimal("10.00"))


def test_it_holds_when_all_figures_agree() -> None:
    assert Story(contracts=[FIGURES], projects=[PROJECT]).holds


def test_a_story_without_contracts_does_not_hold() -> None:
    assert not Story(projects=[PROJECT]).holds


@pytest.mark.parametrize("figure", ["approved", "actuals", "fixed", "ready", "invoiced", "headers"])
def test_a_cent_in_any_figure_is_enough_to_fail(figure: str) -> None:
    off = replace(FIGURES, **{figure: getattr(FIGURES, figure) + CENT})
    assert off.faults
    assert not Story(contracts=[off], projects=[PROJECT]).holds


def test_two_invoices_for_one_contract_fail_even_when_the_sums_agree() -> None:
    assert replace(FIGURES, numbers=("INV-1", "INV-2")).faults == ["2 invoices instead of one"]


def test_cost_that_differs_by_a_cent_fails() -> None:
    assert not Story(contracts=[FIGURES], projects=[replace(PROJECT, actuals=PROJECT.actuals + CENT)]).holds


def test_the_tables_show_the_currencys_own_decimals_and_which_contract_does_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    off = replace(FIGURES, contract=replace(FIGURES.contract, number="ORD-2"), ready=Decimal(7))
    story = Story(contracts=[FIGURES, off], projects=[PROJECT])
    monkeypatch.setattr("service.demo.story.tell", lambda say: story)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    *_, first, second = result.stdout.strip().splitlines()
    assert first == (
        "ORD-1 Rollout: approved 1,234,567 JPY = actuals 1,234,567 JPY (+ fixed 1,000 JPY)"
        " = ready 1,235,567 JPY = invoiced 1,235,567 JPY"
    )
    assert second.startswith("ORD-2 Rollout: DOES NOT HOLD: actuals and fixed amounts 1235567 is not ready 7; ready 7 ")


def test_what_does_not_come_about_in_time_is_said_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(say: object) -> Story:
        Patience(0).until("An actual for every approved entry", lambda: False)
        raise AssertionError

    monkeypatch.setattr("service.demo.story.tell", stuck)
    result = CliRunner().invoke(app, ["demo"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "An actual for every approved entry did not come about in time." in result.stderr


def test_waiting_ends_as_soon_as_nobody_is_interested_any_more() -> None:
    patience = Patience(3600)
    patience.give_up()
    with pytest.raises(OutOfTime):
        patience.until("Anything", lambda: False)


def test_a_story_that_gets_stuck_ends_with_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.demo.story.IN_TIME", 0)
    with Sandbox() as world, pytest.raises(OutOfTime, match="An actual for every approved entry"):
        play(world, lambda _: None)


def test_a_service_that_cannot_begin_is_the_failure_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.demo.story.register_in", lambda world: [])
    with Sandbox() as world, pytest.raises(Misconfigured, match="psac_command"):
        play(world, lambda _: None)
