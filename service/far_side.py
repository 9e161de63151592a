"""The far side: Dataverse, as a client to work with and one to ask whether it is there, both on one budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connector.auth import TokenSource
from connector.clock import steady_now
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.client import DataverseClient
from mappings import tables
from service.settings import Settings

TAG = "psa-connector"
"""Stamped on every write, so that the echo of our own writes is recognised."""

TABLES = (
    tables.TIME_ENTRY,
    tables.EXPENSE,
    tables.APPROVAL,
    tables.PROJECT,
    tables.CONTRACT,
    tables.CONTRACT_LINE,
    tables.MILESTONE,
    tables.SCHEDULE,
    tables.ACTUAL,
    tables.JOURNAL_LINE,
    tables.ORIGIN,
    tables.CONNECTION,
    tables.ORGANIZATIONAL_UNIT,
    tables.CURRENCY,
    tables.INVOICE,
    tables.INVOICE_LINE,
    tables.INVOICE_LINE_DETAIL,
    tables.COMMAND,
    tables.USER,
)

PROBE_TIMEOUT = (5.0, 10.0)
"""Seconds to connect and to answer where the question is only whether somebody is there."""


@dataclass(frozen=True, slots=True)
class FarSide:
    """Two clients that share what the user they sign in as may spend."""

    dataverse: DataverseClient
    probe: DataverseClient
    budget: Budget

    def linger(self) -> timedelta:
        """How long to let messages gather, as the budget stands now."""
        return self.budget.linger(steady_now())

    def budget_used(self) -> float:
        """The part of the budget that is used, as it stands now."""
        return self.budget.used(steady_now())

    def held(self) -> timedelta:
        """For how much longer nothing is sent, because that was told."""
        return self.budget.held(steady_now())


def far_side(settings: Settings, signing_in: TokenSource) -> FarSide:
    """The clients of one process, as the settings say; nothing is opened yet."""
    threads = settings.workers.approvals + settings.workers.commands + settings.invoices.concurrency
    budget = Budget(Limits(replicas=settings.workers.replicas))
    url, stay = settings.dataverse.url, settings.dataverse.servers == "one"
    pool = threads + 2
    bulk = settings.dataverse.bulk_messages == "auto"
    return FarSide(
        DataverseClient(
            url,
            signing_in,
            tables=TABLES,
            tag=TAG,
            budget=budget,
            pool=pool,
            keep_affinity=stay,
            bulk_messages=bulk,
        ),
        DataverseClient(url, signing_in, budget=budget, timeout=PROBE_TIMEOUT, pool=pool, keep_affinity=stay),
        budget,
    )
