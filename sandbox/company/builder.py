"""Everything a company can be built from, in one place, for loaders and tests."""

from __future__ import annotations

from sandbox.company.contracts import Contracts
from sandbox.company.masters import Masters
from sandbox.company.submitted import Entries


class Builder(Masters, Contracts, Entries):
    """Adds people, prices, contracts, projects and entries to a running Dataverse, in the caller's transaction."""
