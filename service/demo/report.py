"""The story as tables for people, or as data for programs; amounts are strings in data, so that nothing rounds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

from service.cli.output import Column, exact, figure, key, line, money, show
from service.demo.figures import ZERO
from service.demo.story import ContractFigures, ProjectFigures, Story

PRECISION = 2
"""Decimals of the currency costs are kept in."""


def as_data(story: Story) -> dict[str, object]:
    """Everything the tables show."""
    return {
        "holds": story.holds,
        "seconds": round(story.seconds, 1),
        "registered": [{"what": one.what, "name": one.name, "result": one.result} for one in story.registered],
        "decisions": [{"entry": entry, "decision": decision} for entry, decision in story.decisions],
        "entries": story.entries,
        "cost_actuals": story.cost_rows,
        "marked": story.marked,
        "refused": story.refused,
        "contracts": [
            {
                "number": one.contract.number,
                "name": one.contract.name,
                "currency": one.contract.currency,
                "approved": exact(one.approved, one.contract.precision),
                "actuals": exact(one.actuals, one.contract.precision),
                "non_chargeable": exact(one.non_chargeable, one.contract.precision),
                "complimentary": exact(one.complimentary, one.contract.precision),
                "fixed": exact(one.fixed, one.contract.precision),
                "ready": exact(one.ready, one.contract.precision),
                "invoiced": exact(one.invoiced, one.contract.precision),
                "invoices": list(one.numbers),
                "faults": one.faults,
            }
            for one in story.contracts
        ],
        "projects": [
            {
                "name": one.name,
                "currency": one.currency,
                "approved_cost": exact(one.approved, PRECISION),
                "cost_actuals": exact(one.actuals, PRECISION),
                "faults": one.faults,
            }
            for one in story.projects
        ],
    }


def show_tables(story: Story) -> None:
    """Each stage as a table with its totals, a line per project's cost, and at the end a line per contract."""
    _registered(story)
    _approved(story)
    _actuals(story)
    _ready(story)
    _invoiced(story)
    for project in story.projects:
        line(_cost_verdict(project), "bold red" if project.faults else "")
    for contract in story.contracts:
        line(_verdict(contract), "bold red" if contract.faults else "bold green")


def _registered(story: Story) -> None:
    columns = (Column("What"), Column("Name"), Column("Result"))
    show("1  Registered in Dataverse", columns, [(one.what, one.name, one.result) for one in story.registered])


def _approved(story: Story) -> None:
    show("2  Decided by the approver", (Column("Entry"), Column("Decision")), story.decisions)
    show(
        f"   {story.entries} entries approved: cost by project",
        (Column("Project"), figure("Cost")),
        [(one.name, money(one.approved, PRECISION, one.currency)) for one in story.projects],
        ("Total", _totals((one.currency, one.approved, PRECISION) for one in story.projects)),
    )
    show(
        "   Chargeable sales by contract",
        (Column("Contract"), figure("Sales")),
        [(one.contract.name, _money(one.approved, one)) for one in story.contracts],
        ("Total", _by_currency(story, lambda one: one.approved)),
    )


def _actuals(story: Story) -> None:
    show(
        f"3  {story.cost_rows} cost actuals, by project{_without_project(story)}",
        (Column("Project"), figure("Cost")),
        [(one.name, money(one.actuals, PRECISION, one.currency)) for one in story.projects],
        ("Total", _totals((one.currency, one.actuals, PRECISION) for one in story.projects)),
    )
    show(
        "   Unbilled sales actuals, by contract",
        (Column("Contract"), figure("Chargeable"), figure("Non-chargeable"), figure("Complimentary")),
        [
            (
                one.contract.name,
                _money(one.actuals, one),
                _money(one.non_chargeable, one),
                _money(one.complimentary, one),
            )
            for one in story.contracts
        ],
        (
            "Total",
            _by_currency(story, lambda one: one.actuals),
            _by_currency(story, lambda one: one.non_chargeable),
            _by_currency(story, lambda one: one.complimentary),
        ),
    )


def _without_project(story: Story) -> str:
    absent = story.entries - story.cost_rows
    return f" (vacation, {absent} of the {story.entries} entries, is on none)" if absent else ""


def _ready(story: Story) -> None:
    rows = [(backlog, str(count)) for backlog, count in story.marked.items()]
    show(
        "4  Marked ready to invoice",
        (Column("Backlog"), figure("Rows")),
        rows,
        ("Total", str(sum(story.marked.values()))),
    )
    if story.refused:
        show("   Refused", (key("Row"), Column("Why")), list(story.refused.items()))


def _invoiced(story: Story) -> None:
    show(
        "5  Invoices",
        (Column("Contract"), key("Invoice"), figure("From actuals"), figure("Fixed"), figure("Invoiced")),
        [
            (
                one.contract.name,
                ", ".join(one.numbers),
                _money(one.actuals, one),
                _money(one.fixed, one),
                _money(one.invoiced, one),
            )
            for one in story.contracts
        ],
        (
            "Total",
            "",
            _by_currency(story, lambda one: one.actuals),
            _by_currency(story, lambda one: one.fixed),
            _by_currency(story, lambda one: one.invoiced),
        ),
    )


def _cost_verdict(one: ProjectFigures) -> str:
    if one.faults:
        return f"{one.name}, cost: DOES NOT HOLD: " + "; ".join(one.faults)
    approved, booked = (money(amount, PRECISION, one.currency) for amount in (one.approved, one.actuals))
    return f"{one.name}, cost: approved {approved} = actuals {booked}"


def _verdict(one: ContractFigures) -> str:
    name = f"{one.contract.number} {one.contract.name}"
    if one.faults:
        return f"{name}: DOES NOT HOLD: " + "; ".join(one.faults)
    plus = f" (+ fixed {_money(one.fixed, one)})" if one.fixed else ""
    return (
        f"{name}: approved {_money(one.approved, one)} = actuals {_money(one.actuals, one)}{plus}"
        f" = ready {_money(one.ready, one)} = invoiced {_money(one.invoiced, one)}"
    )


def _by_currency(story: Story, amount: Callable[[ContractFigures], Decimal]) -> str:
    return _totals((one.contract.currency, amount(one), one.contract.precision) for one in story.contracts)


def _totals(amounts: Iterable[tuple[str, Decimal, int]]) -> str:
    """One total per currency: amounts of different currencies are never added."""
    totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    precisions: dict[str, int] = {}
    for currency, amount, precision in amounts:
        totals[currency] += amount
        precisions[currency] = precision
    return "\n".join(money(total, precisions[currency], currency) for currency, total in totals.items())


def _money(amount: Decimal, one: ContractFigures) -> str:
    return money(amount, one.contract.precision, one.contract.currency)
