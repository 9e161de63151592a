"""Records a run over many contracts, once: which contracts are meant is found out when it is first asked for.

The contracts are invoiced by commands of their own, whose ids follow from the run and the contract. So whoever carries
the run out, in whatever order and however often, gives each contract one and the same command.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Condition, Query, all_of, any_of, equals
from handlers import command_record, people
from handlers.backlog_rows import of_contracts
from handlers.bounded_invoicing import OVER_CEILING, above
from handlers.command_record import Kind, State
from handlers.invoicing import InvoicingHandler
from handlers.plan import Decision, NothingToDo, Plan, Refusals, Refuse
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import Person
from mappings.backlog import WORK_BASED, Backlog, BacklogRow
from mappings.billed import COLUMNS
from mappings.ceiling import CURRENCY_COLUMNS, Ceiling, sums
from mappings.contract_filter import ContractFilter
from mappings.invoice_expectation import expectation
from mappings.invoice_run import MOST_CONTRACTS, Due, Preview, contracts_in, is_same, selection
from mappings.messages import CreateManyInvoices
from mappings.refusal import Refusal
from mappings.row import Row

AT_ONCE = 200
"""Contracts whose ready rows are read together."""


NOTHING = Preview(())


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run's record, if there is one; else what it would bring, and which named contracts can't be read."""

    record: Row | None
    preview: Preview = NOTHING
    over: tuple[str, ...] = ()
    unknown: tuple[UUID, ...] = ()
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class InvoiceRuns:
    """The handler of ``CreateManyInvoices``: who may ask is as with one invoice; above the ceiling it is refused."""

    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None

    def gather(
        self, subjects: Sequence[CreateManyInvoices], dataverse: Reader
    ) -> Mapping[CreateManyInvoices, RunFacts]:
        """Read each run's record; of those without one, what is ready on the contracts that are meant."""
        ids = {subject: keys.run_row_id(subject.command) for subject in subjects}
        records, *users = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", sorted(ids.values()))),
            *people.questions(self.invoicing.acting, (subject.requested_by for subject in subjects)),
        )
        who, known = people.people(users), {record.id: record for record in records}
        return {
            # A dry run is about now, whatever was done before.
            subject: RunFacts(known[id], people=who)
            if id in known and not subject.dry_run
            else self._facts(subject, who, dataverse)
            for subject, id in ids.items()
        }

    def _facts(self, subject: CreateManyInvoices, who: tuple[Person, ...], dataverse: Reader) -> RunFacts:
        contracts, currencies = chosen(subject, dataverse)
        known = {row.id: row for row in currencies}
        due: list[Due] = []
        rows: list[BacklogRow] = []
        now, zone = self.invoicing.now(), self.invoicing.zone
        for begin in range(0, len(contracts), AT_ONCE):
            part = contracts[begin : begin + AT_ONCE]
            by_contract: defaultdict[UUID | None, list[BacklogRow]] = defaultdict(list)
            for row in of_contracts(list(Backlog), [one.id for one in part], _ready, dataverse, COLUMNS):
                by_contract[row.contract].append(row)
            for contract in part:
                expected = expectation(by_contract[contract.id], now, zone)
                taken = {billed.source.id for billed in expected.rows}
                rows += [row for row in by_contract[contract.id] if row.row.id in taken]
                currency = known.get(contract.link_id("transactioncurrencyid") or contract.id)
                code = (currency.text("isocurrencycode") if currency else None) or "?"
                precision = currency.choice("currencyprecision") if currency else None
                due.append(Due(contract.id, len(taken), expected.total, code, 2 if precision is None else precision))
        found = {one.id for one in contracts}
        over = self.ceiling.above(len(rows), sums(rows, currencies)) if self.ceiling else []
        return RunFacts(None, Preview(tuple(due)), tuple(over), tuple(set(subject.contracts) - found), who)

    def decide(self, subject: CreateManyInvoices, facts: RunFacts, refusals: Refusals) -> Decision:
        """Write the run down, or say which contracts it was written down with."""
        preview = facts.preview
        if facts.record is not None:
            asked = cast(dict[str, object], command_record.selection_of(facts.record))
            if not is_same(asked, subject.contracts, _words(subject)):
                other = "a run over other contracts was recorded under this id before."
                return Refuse("command-id-reused", f"{subject}: {other}")
            told = {"run": str(subject.command), "expected": asked["expected"]}
            return NothingToDo(
                "The run is recorded.", {**told, "contracts": [str(contract) for contract in contracts_in(asked)]}
            )
        try:
            self.invoicing.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        if facts.unknown:
            names = ", ".join(f"salesorder({id})" for id in sorted(facts.unknown)[:10])
            return Refuse("contract-gone", f"Project contracts that can't be read: {names}; check ids and sharing.")
        if subject.dry_run:
            would = [
                {"contract": str(one.contract), "rows": one.rows, "total": str(one.total), "currency": one.currency}
                for one in preview.with_work
            ]
            outcome = {"dry_run": True, **preview.as_data(), "would_invoice": would, "above_ceiling": list(facts.over)}
            return NothingToDo("A dry run: nothing is written.", outcome)
        if len(preview.due) > MOST_CONTRACTS:
            return Refuse("too-many-rows", f"More than {MOST_CONTRACTS} contracts; name fewer, or filter.")
        if facts.over and not subject.confirmed:
            return Refuse(OVER_CEILING, above(facts.over))
        record = command_record.created(
            keys.run_row_id(subject.command),
            Kind.RUN,
            str(subject.command),
            subject.requested_by,
            State.RESOLVED,
            selection=selection(subject.command, preview, confirmed=subject.confirmed, asked=_words(subject)),
        )
        return Plan(f"A run over {len(preview.due)} contracts is written down.", (ChangeSet((record,)),))


def _words(subject: CreateManyInvoices) -> object:
    """How the contracts are meant that are not named."""
    if subject.everything:
        return "everything"
    return None if subject.where is None else subject.where.model_dump(mode="json")


def chosen(subject: CreateManyInvoices, dataverse: Reader) -> tuple[list[Row], list[Row]]:
    """The project contracts that are meant, in the order of their numbers, and all currencies."""
    (currencies,) = ask(dataverse, Query(tables.CURRENCY, CURRENCY_COLUMNS))
    columns = ("ordernumber", "transactioncurrencyid")
    project = equals("msdyn_ordertype", WORK_BASED)
    if subject.contracts:
        meant: list[Condition] = [any_of(f"{tables.CONTRACT}id", sorted(set(subject.contracts)))]
    else:
        meant = meeting(subject.where or ContractFilter(), currencies)
    (found,) = ask(dataverse, Query(tables.CONTRACT, columns, all_of(project, *meant)))
    return sorted(found, key=lambda one: (one.text("ordernumber") or "", str(one.id))), currencies


def meeting(where: ContractFilter, currencies: Sequence[Row]) -> list[Condition]:
    """What a contract has to meet, part by part."""
    parts: list[Condition] = []
    if where.customers:
        parts.append(any_of("customerid", where.customers))
    if where.owners:
        parts.append(any_of("ownerid", where.owners))
    if where.currencies:
        codes = {code.strip().upper() for code in where.currencies}
        ids = [row.id for row in currencies if (row.text("isocurrencycode") or "").upper() in codes]
        parts.append(any_of("transactioncurrencyid", ids))
    return parts


def _ready(backlog: Backlog) -> Condition:
    return equals(backlog.status_column, backlog.ready)
