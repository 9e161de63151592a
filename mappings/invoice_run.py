"""A run: many contracts are to be invoiced, each by a command of its own; what its record holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from mappings import keys
from mappings.messages import CreateInvoices

MOST_CONTRACTS = 20_000
"""Contracts of one run; their ids fit into its record."""


class Outcome(StrEnum):
    """How a contract fared in a run."""

    CREATED = "created"
    DIFFERS = "created-differs"
    NOTHING = "nothing-to-invoice"
    GONE = "created-and-gone"
    REFUSED = "refused"
    FAILED = "failed"
    RUNNING = "already-running"
    IN_DOUBT = "in-doubt"

    @property
    def is_final(self) -> bool:
        """Resuming the run changes nothing about it."""
        return self in (Outcome.CREATED, Outcome.DIFFERS, Outcome.NOTHING, Outcome.GONE)


REFUSALS = frozenset(
    {"contract-gone", "not-allowed", "unknown-person", "person-disabled", "earlier-in-doubt", "over-ceiling"}
    | {"command-id-reused", "too-many-rows", "resolved-as-nothing"}
)
"""The codes under which this service refuses a contract by its own rules."""


@dataclass(frozen=True, slots=True)
class Due:
    """What one contract's next invoice would bring as things stand; ``currency`` is an ISO code."""

    contract: UUID
    rows: int
    total: Decimal
    currency: str
    precision: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would bring as things stand, contract by contract."""

    due: tuple[Due, ...]

    @property
    def rows(self) -> int:
        """How many rows would be invoiced."""
        return sum(one.rows for one in self.due)

    @property
    def with_work(self) -> tuple[Due, ...]:
        """The contracts an invoice would be made for."""
        return tuple(one for one in self.due if one.rows)

    @property
    def sums(self) -> dict[str, Decimal]:
        """What the invoices would come to before tax, by currency."""
        sums: dict[str, Decimal] = {}
        for one in self.with_work:
            sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.total
        return dict(sorted(sums.items()))

    def is_within(self, expected: Mapping[str, Any], done: Iterable[Due] = ()) -> bool:
        """It is no more than what was expected of a run when it was begun, as its record says, and is not ``done``."""
        rows, left = expected["rows"], {code: Decimal(amount) for code, amount in expected["sums"].items()}
        for one in done:
            rows -= one.rows
            left[one.currency] = left.get(one.currency, Decimal(0)) - one.total
        return self.rows <= rows and all(
            min(Decimal(0), left.get(code, Decimal(0))) <= amount <= max(Decimal(0), left.get(code, Decimal(0)))
            for code, amount in self.sums.items()
        )

    def as_data(self) -> dict[str, object]:
        """It as answers and records hold it; amounts are exact and before tax."""
        return {
            "contracts": len(self.due),
            "with_work": len(self.with_work),
            "rows": self.rows,
            "sums": {code: str(amount) for code, amount in self.sums.items()},
        }


def selection(run: UUID, preview: Preview, *, confirmed: bool, asked: object = None) -> dict[str, object]:
    """What a run's record says it is to do; ``contracts_in`` reads it. ``confirmed``: a person saw how much it is.

    ``asked``: how the contracts were meant that are not named one by one.
    """
    contracts = [str(one.contract) for one in preview.due]
    told = {"run": str(run), "expected": preview.as_data(), "confirmed": confirmed, "contracts": contracts}
    return told | {"asked": asked}


def is_same(selection: Mapping[str, Any], contracts: Iterable[UUID], asked: object) -> bool:
    """A run's record is about what is asked for: the same contracts, or those that are meant by the same words."""
    if asked is not None or selection.get("asked") is not None:
        return bool(selection.get("asked") == asked)
    return set(contracts_in(selection)) == set(contracts)


def contracts_in(selection: Mapping[str, Any]) -> tuple[UUID, ...]:
    """The contracts a run's record names."""
    return tuple(UUID(id) for id in selection["contracts"])


def outcome(
    contracts: int, ended: Mapping[Outcome, int], failed: Iterable[tuple[UUID, Outcome, str]], untold: int = 0
) -> dict[str, object]:
    """What a run's record says came of it: how many contracts fared how, and of whom no attempt tells.

    ``untold``: of how many nobody could be told.
    """
    return ({"untold": untold} if untold else {}) | {
        "outcome": "done" if sum(ended.values()) >= contracts else "broken-off",
        "ended": {word.value: count for word, count in sorted(ended.items())},
        "failed": {str(contract): [word.value, because[:300]] for contract, word, because in failed},
    }


def command(
    run: UUID,
    contract: UUID,
    requested_by: str,
    generation: int = 0,
    correlation: str | None = None,
    *,
    confirmed: bool = False,
) -> CreateInvoices:
    """The command by which a run invoices a contract; ``generation``: how many before it came to nothing."""
    id = keys.run_command_id(run, contract, generation)
    return CreateInvoices(
        command=id, requested_by=requested_by, contract=contract, correlation=correlation, confirmed=confirmed
    )


def refused(code: str) -> Outcome:
    """What is told of a command that was put aside under this code: refused by a rule, or given up at a fault."""
    return Outcome.REFUSED if code in REFUSALS else Outcome.FAILED


def word_of(recorded: Mapping[str, Any]) -> Outcome:
    """What the record of a finished attempt says, in the run's word."""
    return Outcome(str(recorded["outcome"]))


def may_be_tried_again(recorded: Mapping[str, Any]) -> bool:
    """The record of a finished attempt tells that no invoice can come of it, and another might make one.

    A ``failed`` one was given up, or a person found that the product made nothing of it.
    """
    return recorded.get("outcome") in (Outcome.REFUSED, Outcome.RUNNING, Outcome.FAILED)
