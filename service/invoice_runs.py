"""Creates invoices from the command line, contract by contract; one that fails does not keep the others from theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast
from uuid import UUID, uuid4

from handlers.fixed_point import Settled, Unsettled
from mappings.invoice_expectation import Expectation
from mappings.messages import CreateInvoices
from service.app import App
from service.contracts import Contract
from service.plan_in_words import InWords, in_words

CREATED = "created"
NOTHING = "nothing-to-invoice"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What came of one contract: ``outcome`` is the recorded word, or ``failed`` with the sentence in ``because``."""

    contract: Contract
    command: UUID
    outcome: str
    invoices: tuple[str, ...] = ()
    total: Decimal = Decimal(0)
    because: str = ""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a contract's invoice would hold, and the plan that would be committed first."""

    contract: Contract
    due: Expectation
    plan: InWords


def previewed(app: App, contracts: Sequence[Contract], requested_by: str) -> list[Previewed]:
    """What each contract's next invoice would hold and what would be done, from one reading; nothing is written."""
    handler, zone = app.mission.invoicing, app.settings.business_time_zone
    commands = [_command(contract, requested_by) for contract in contracts]
    facts = handler.gather(commands, app.dataverse)
    return [
        Previewed(
            contract,
            facts[command].expected(zone),
            in_words(handler.decide(command, facts[command], {})),
        )
        for contract, command in zip(contracts, commands, strict=True)
    ]


def create(app: App, contracts: Sequence[Contract], requested_by: str) -> Iterator[Invoiced]:
    """Create each contract's invoice, under a fresh command each."""
    for contract in contracts:
        command = _command(contract, requested_by)
        match app.execute(command):
            case Settled(outcome=outcome):
                invoices = cast(Sequence[Mapping[str, str]], outcome["invoices"])
                yield Invoiced(
                    contract,
                    command.command,
                    str(outcome["outcome"]),
                    tuple(invoice["number"] or invoice["id"] for invoice in invoices),
                    Decimal(str(outcome.get("expected_total", 0))),
                )
            case Unsettled(failure=failure):
                because = f"{failure.sentence} ({failure.code})"
                yield Invoiced(contract, command.command, FAILED, because=because)


def _command(contract: Contract, requested_by: str) -> CreateInvoices:
    return CreateInvoices(command=uuid4(), requested_by=requested_by, contract=contract.id)
