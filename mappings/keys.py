"""Ids of rows that do not exist yet: what makes writing twice impossible.

A row's id follows from what it *is*, so whoever creates it, however often, names the same row. The formulas are frozen
by golden tests: changing one would create everything a second time on the next replay. Two rows that may stand side by
side must differ in their role, never in an ordinal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid5

from mappings.choices import BillingType

NAMESPACE = UUID("5ad0c1d6-6a3f-5c1e-9f43-0b8f4d2a7e11")
"""The service's own name space; never to be changed."""

_BILLING_WORDS = {
    BillingType.CHARGEABLE: "chargeable",
    BillingType.NON_CHARGEABLE: "non-chargeable",
    BillingType.COMPLIMENTARY: "complimentary",
}

COST = "cost"
"""The role of an entry's cost actual."""

RESOURCING_UNIT_COST = "resourcing-unit-cost"
"""The role of what another unit's resource costs that unit."""

INTER_ORGANIZATIONAL_SALES = "inter-organizational-sales"
"""The role of what that unit charges the contracting one."""


def sales_role(billing_type: BillingType, customer: UUID) -> str:
    """The role of an unbilled sales actual: one per billing type and customer of an entry's generation."""
    return f"sales/{_BILLING_WORDS[billing_type]}/{customer}"


def row_id(entry: UUID, generation: int, role: str) -> UUID:
    """The id of an entry's actual in this role, in this generation (0 for the first approval)."""
    return uuid5(NAMESPACE, f"actual/{entry}/{generation}/{role}")


def reversal_id(original: UUID) -> UUID:
    """The id of the row that takes ``original`` back; an original is taken back at most once."""
    return uuid5(NAMESPACE, f"reversal/{original}")


def origin_id(origin: UUID, transaction: UUID) -> UUID:
    """The id of the transaction origin that leads from ``origin`` to ``transaction``."""
    return uuid5(NAMESPACE, f"origin/{origin}/{transaction}")


def connection_id(first: UUID, second: UUID) -> UUID:
    """The id of the transaction connection between two transactions, in the order they are written."""
    return uuid5(NAMESPACE, f"connection/{first}/{second}")


def command_row_id(command: UUID) -> UUID:
    """The id of the row that records a command and its outcome."""
    return uuid5(NAMESPACE, f"command/{command}")


def attempt_id(contract: UUID, command: UUID) -> UUID:
    """The id of the row that says: this command has invoiced this contract."""
    return uuid5(NAMESPACE, f"attempt/{contract}/{command}")


def claim_id(command: UUID) -> UUID:
    """The id of the row that says: this command's id was given for one contract, and for no other."""
    return uuid5(NAMESPACE, f"claim/{command}")


def lease_id(contract: UUID) -> UUID:
    """The id of the row that everyone who invoices this contract must move on."""
    return uuid5(NAMESPACE, f"lease/{contract}")


def due_command_id(contract: UUID, day: date, rows: Iterable[UUID], generation: int) -> UUID:
    """The id of the command to invoice these schedule rows of a contract, due on a day: whoever finds them due.

    ``generation`` counts the attempts before it that ended without an invoice.
    """
    return uuid5(NAMESPACE, f"due/{contract}/{day.isoformat()}/{'/'.join(sorted(map(str, rows)))}/{generation}")


def schedule_row_id(milestone: UUID) -> UUID:
    """The id of the schedule row that a milestone without one gets."""
    return uuid5(NAMESPACE, f"schedule/{milestone}")


def run_row_id(run: UUID) -> UUID:
    """The id of the row that records a run: which contracts it is to invoice."""
    return uuid5(NAMESPACE, f"run/{run}")


def run_command_id(run: UUID, contract: UUID, generation: int) -> UUID:
    """The id of the command by which a run invoices a contract: the same, whoever resumes the run and how often.

    ``generation`` counts the commands of this run before it that were refused, so that no invoice can come of them.
    """
    return uuid5(NAMESPACE, f"run/{run}/{contract}/{generation}")
