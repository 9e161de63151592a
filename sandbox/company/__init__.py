"""The demo company: people, prices, contracts, projects, and three months of submitted entries."""

from __future__ import annotations

from sandbox.company.builder import Builder
from sandbox.company.company import Company, LoadedEntry, company
from sandbox.company.loader import load
from sandbox.company.names import company_id
from sandbox.company.sheet import COMPLIMENTARY, CUT, RAISED, Decision

__all__ = [
    "COMPLIMENTARY",
    "CUT",
    "RAISED",
    "Builder",
    "Company",
    "Decision",
    "LoadedEntry",
    "company",
    "company_id",
    "load",
]
