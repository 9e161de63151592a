"""How a run is told: before it begins, contract by contract as their outcomes come, and summed up."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from mappings.invoice_run import Outcome, Preview
from mappings.tables import CONTRACT, INVOICE, Ref
from service.cli.expectation_report import expected_as_data, expected_as_table
from service.cli.options import Output
from service.cli.output import Column, as_json, as_json_array, exact, figure, line, money, say, show
from service.invoice_runs import Invoiced, Previewed, Run
from service.reconcile_report import link

NEEDS_A_LOOK = (Outcome.DIFFERS, Outcome.GONE, Outcome.REFUSED, Outcome.RUNNING, Outcome.IN_DOUBT)
LEAST, MOST = 3, 10
"""Seconds that the product takes for one invoice, about."""


class Report:
    """What came of a run's contracts so far."""

    def __init__(self, run: Run, output: Output, url: str) -> None:
        self.ended: list[Invoiced] = []
        self._run = run
        self._output = output
        self._url = url

    def tell(self, outcomes: Iterable[Invoiced]) -> None:
        """Say each outcome as it comes: a line, or an object of one JSON array."""
        with _progress(len(self._run.contracts)) as one_more:
            kept = self._kept(outcomes, one_more)
            if self._output is Output.JSON:
                as_json_array({"run": self._run.id, **plain(one, self._url)} for one in kept)
            else:
                for one in kept:
                    line(in_a_line(one, self._url))

    def sum_up(self) -> None:
        """How many contracts fared how, and what the invoices come to; nothing more where there was only one."""
        if len(self._run.contracts) == 1:
            return
        counts = Counter(one.outcome for one in self.ended)
        rows = [(word.value, str(counts[word]), _total(self.ended, word)) for word in Outcome if counts[word]]
        if missing := len(self._run.contracts) - len(self.ended):
            rows.append(("not begun", str(missing), ""))
        if self._output is Output.JSON:
            say("; ".join(" ".join(cell for cell in row if cell) for row in rows))
        else:
            show(f"Run {self._run.id}", (Column("Outcome"), figure("Contracts"), figure("Total before tax")), rows)

    @property
    def failed(self) -> bool:
        """Some contract failed."""
        return any(one.outcome is Outcome.FAILED for one in self.ended)

    @property
    def needs_a_look(self) -> bool:
        """Some contract is left to a person, or to whoever resumes the run."""
        return any(one.outcome in NEEDS_A_LOOK for one in self.ended)

    def _kept(self, outcomes: Iterable[Invoiced], one_more: Callable[[], None]) -> Iterator[Invoiced]:
        for one in outcomes:
            self.ended.append(one)
            one_more()
            yield one


def in_a_line(one: Invoiced, url: str) -> str:
    """What came of a contract, for a person, with what opens it unless there is nothing to see."""
    told = f"{one.contract.displayed}: {one.outcome.value}"
    if one.invoices:
        told += f" {', '.join(one.invoices)}, {money(one.total, one.contract.precision, one.contract.currency)}"
    if one.because:
        told += f": {one.because}"
    if one.outcome is not Outcome.NOTHING:
        told += f"  {' '.join(links(one, url))}"
    return "\n".join((told, *(f"  {each}" for each in sentences(one.differences))))


def sentences(differences: Iterable[Mapping[str, Any]]) -> list[str]:
    """How an invoice differs from what was expected, both sides of each."""
    told = []
    for one in differences:
        expected, found = one.get("expected") or "nothing", one.get("found") or "nothing"
        sides = f" Expected {expected}, found {found}." if one.get("expected") or one.get("found") else ""
        told.append(f"{one['what']}: {one['why']}{sides}")
    return told


def links(one: Invoiced, url: str) -> list[str]:
    """The addresses that open what came of a contract: its invoices, or else the contract itself."""
    rows = [Ref(INVOICE, id) for id in one.ids] or [Ref(CONTRACT, one.contract.id)]
    return [link(url, row) for row in rows]


def plain(one: Invoiced, url: str) -> dict[str, Any]:
    """What came of a contract, for programs."""
    return {
        "contract": {"id": one.contract.id, "number": one.contract.number, "name": one.contract.name},
        "command": one.command,
        "outcome": one.outcome.value,
        "invoices": list(one.invoices),
        "total": exact(one.total, one.contract.precision),
        "currency": one.contract.currency,
        "because": one.because or None,
        "differences": list(one.differences),
        "links": links(one, url),
    }


def how_much(preview: Preview) -> str:
    """How much a run would be, in one sentence."""
    sums = ", ".join(f"{amount:,f} {code}" for code, amount in preview.sums.items())
    some, all = len(preview.with_work), len(preview.due)
    if not some:
        return "Due now: nothing."
    rows = "1 row" if preview.rows == 1 else f"{preview.rows} rows"
    return f"Due now: {f'{some} of {all} contracts with ' if all > 1 else ''}{rows}, {sums} before tax."


def how_long(preview: Preview) -> str:
    """What the product itself warns of before it creates invoices in bulk: that it takes its time."""
    least, most = (_time(seconds * len(preview.with_work)) for seconds in (LEAST, MOST))
    return (
        f"The product takes its time for every invoice, {LEAST} to {MOST} seconds as a rule: {least} to {most} one "
        "after the other. Ctrl-C stops after what is at work; the run can be resumed."
    )


def show_preview(done: list[Previewed], output: Output) -> None:
    """What the invoices would hold; of a single contract also line by line, and what would be written and called."""
    if output is Output.JSON:
        as_json(
            [
                {
                    "contract": {"id": one.contract.id, "number": one.contract.number, "name": one.contract.name},
                    "rows": len(one.due.rows),
                    "total": exact(one.due.total, one.contract.precision),
                    "currency": one.contract.currency,
                    "because": one.plan.because,
                    "changes": list(one.plan.changes),
                    "expected": expected_as_data(one.due, one.contract),
                }
                for one in done
            ]
        )
        return
    show(
        "Would be invoiced",
        (Column("Contract"), figure("Rows"), figure("Total before tax"), Column("What would be done")),
        [
            (
                one.contract.displayed,
                str(len(one.due.rows)),
                money(one.due.total, one.contract.precision, one.contract.currency),
                one.plan.because,
            )
            for one in done
        ],
        empty="There is no such project contract.",
    )
    if not any(one.due.rows for one in done):
        line("Nothing is ready and due; no invoice would be created.")
    if len(done) == 1:
        (one,) = done
        expected_as_table(one.due, one.contract)
        if one.due.rows:
            show("Would be written and called", (Column("Change"),), [(change,) for change in one.plan.changes])


def how_to_go_on(run: UUID, left: int, in_doubt: int, *, may_be_at_work: bool = False) -> str:
    """What to do about contracts that a run has left; ``may_be_at_work``: nobody wrote down yet that it has ended."""
    first = f", {in_doubt} of them in doubt: resolve that first" if in_doubt else ""
    if may_be_at_work:
        first += ". A run that came as a message goes on by itself; any other waits"
    return f"{left} left{first}. Carry the run on with `psa-connector invoice create --resume {run}`."


def not_announced(run: UUID, untold: list[Invoiced]) -> str:
    """What to do about outcomes that nobody could be told of."""
    what = "1 outcome" if len(untold) == 1 else f"{len(untold)} outcomes"
    again = f"Announce by `psa-connector invoice create --resume {run}`: nothing is invoiced twice by that."
    return f"{what} could not be announced: {untold[0].untold} {again}"


def _total(ended: Iterable[Invoiced], word: Outcome) -> str:
    sums: dict[tuple[str, int], Decimal] = {}
    for one in ended:
        if one.outcome is word and one.invoices:
            currency = one.contract.currency, one.contract.precision
            sums[currency] = sums.get(currency, Decimal(0)) + one.total
    return ", ".join(money(sum, precision, code) for (code, precision), sum in sorted(sums.items()))


def _time(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


@contextmanager
def _progress(contracts: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, if that is a terminal and there is something to wait for; what to call for each contract."""
    if contracts < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("Contracts"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        # Data that go to a file or pipe are not to be caught by a bar that is drawn elsewhere.
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=contracts)
        yield lambda: bar.advance(task)
