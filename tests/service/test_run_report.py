"""What people read of runs and of expected invoices, line by line."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import typer
from typer.testing import CliRunner

from mappings.invoice_expectation import Expectation, expected
from mappings.invoice_run import Due, Outcome, Preview
from mappings.tables import Ref
from service.cli.expectation_report import expected_as_table
from service.cli.invoice_due import create_due
from service.cli.main import app
from service.cli.options import Output
from service.cli.run_report import how_much, how_to_go_on, in_a_line, links, not_announced, plain
from service.contracts import Contract
from service.invoice_runs import Invoiced
from tests.mappings.invoice_samples import HERE, LINES, TODAY, milestone, sales

CONTRACT = Contract(UUID(int=1), "ORD-1", "One", "USD", 2)
URL = "https://org"


def told(outcome: Outcome, because: str = "", *made: int) -> Invoiced:
    numbers, ids = tuple(f"INV-{n}" for n in made), tuple(UUID(int=n) for n in made)
    return Invoiced(CONTRACT, UUID(int=9), outcome, numbers, Decimal(len(made) * 100), because, ids=ids)


def test_an_outcome_is_one_line_that_ends_with_what_opens_it() -> None:
    two = f"{URL}/main.aspx?pagetype=entityrecord&etn=invoice&id={UUID(int=5)}"
    assert in_a_line(told(Outcome.CREATED, "", 5), URL) == f"ORD-1 One: created INV-5, 100.00 USD  {two}"
    assert in_a_line(told(Outcome.NOTHING), URL) == "ORD-1 One: nothing-to-invoice", "there is nothing to open"
    (contract,) = links(told(Outcome.FAILED, "No price."), URL)
    assert contract.endswith(f"etn=salesorder&id={CONTRACT.id}")
    assert in_a_line(told(Outcome.FAILED, "No price."), URL) == f"ORD-1 One: failed: No price.  {contract}"


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ([(0, "0")], "Due now: nothing."),
        ([(1, "5.00")], "Due now: 1 row, 5.00 USD before tax."),
        ([(2, "1250.50"), (0, "0")], "Due now: 1 of 2 contracts with 2 rows, 1,250.50 USD before tax."),
    ],
)
def test_how_much_is_due_is_one_sentence(due: list[tuple[int, str]], said: str) -> None:
    every = (Due(UUID(int=n), rows, Decimal(total), "USD", 2) for n, (rows, total) in enumerate(due))
    assert how_much(Preview(tuple(every))) == said


def test_a_differing_invoice_is_told_with_both_sides() -> None:
    data = {"what": "Line 1", "why": "The amount is another one.", "expected": "100.00", "found": "90.00"}
    one = replace(told(Outcome.DIFFERS, "", 5), differences=(data,))
    said = "  Line 1: The amount is another one. Expected 100.00, found 90.00."
    assert in_a_line(one, URL).splitlines()[1:] == [said]
    assert plain(one, URL)["differences"] == [data]


def test_what_could_not_be_announced_says_how_it_is() -> None:
    said = not_announced(UUID(int=3), [replace(told(Outcome.CREATED, "", 5), untold="No way. (bus-unreachable)")])
    assert said.startswith("1 outcome could not be announced: No way. (bus-unreachable) Announce by")
    assert str(UUID(int=3)) in said


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["2026-13-01"], "is no date"),
        (["tomorrow"], "is no date"),
        (["ORD-C2", "2026-06-15"], "comes first"),
        (["2026-06-15", "2026-06-16"], "at the most"),
    ],
)
def test_what_is_meant_as_a_date_is_not_taken_for_a_contract(named: list[str], said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        create_due(named, False, True, "Ada", None, Output.TABLE)


@pytest.mark.parametrize(
    ("said", "both"),
    [(["--all", "--customer", "A"], "--all and --customer"), (["ORD-C1", "--all"], "contracts by name and --all")],
)
def test_ways_to_choose_contracts_that_exclude_each_other_are_named(said: list[str], both: str) -> None:
    result = CliRunner().invoke(app, ["invoice", "create", *said], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert both in result.stderr


def test_what_is_in_doubt_has_to_be_resolved_before_a_run_is_resumed() -> None:
    run = UUID(int=3)
    assert how_to_go_on(run, 2, 0) == f"2 left. Carry the run on with `psa-connector invoice create --resume {run}`."
    assert how_to_go_on(run, 2, 1).startswith("2 left, 1 of them in doubt: resolve that first. Carry the run on")


def test_a_run_that_may_be_at_work_is_said_to_go_on_by_itself() -> None:
    said = how_to_go_on(UUID(int=3), 2, 0, may_be_at_work=True)
    assert said.startswith("2 left. A run that came as a message goes on by itself; any other waits. Carry the run on")


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *rows: Any, **more: Any) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    due: Expectation = expected(rows, LINES, TODAY, HERE, **more)
    expected_as_table(due, CONTRACT)
    return capsys.readouterr().out


def test_what_is_ready_and_left_out_is_told_where_nothing_would_be_invoiced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(capsys, monkeypatch, sales(1, "8", "200", msdyn_accountcustomer=None))
    assert "The invoice of" not in text
    assert "Ready, and left out all the same" in text


@pytest.mark.parametrize(("several", "title"), [(False, "The invoice of"), (True, "The invoices of")])
def test_a_contract_of_two_customers_gets_an_invoice_for_each_where_the_product_does_so(
    several: bool, title: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Ref("account", UUID(int=77))
    rows = (sales(1, "8", "200"), sales(2, "1", "200", msdyn_accountcustomer=other), milestone(3, "50"))
    text = shown(capsys, monkeypatch, *rows, several=several)
    assert text.startswith(f"{title} ORD-1 One")
