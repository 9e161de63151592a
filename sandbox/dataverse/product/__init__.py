"""The product's server-side rules: what an installed Project Service Automation does beyond storing rows.

The environment is one where approval does not make actuals by itself: the service under test makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.product.actions import ACTIONS, actions
from sandbox.dataverse.product.deletion import keep_if_in_progress, release_invoice
from sandbox.dataverse.product.entries import EXPENSE, TIME
from sandbox.dataverse.product.switches import Switches
from sandbox.dataverse.unit_of_work import UnitOfWork

__all__ = ["ACTIONS", "BEFORE_DELETE", "Switches", "actions"]


BEFORE_DELETE: Final[Mapping[str, Callable[[UnitOfWork, UUID], None]]] = {
    "invoice": release_invoice,
    "msdyn_timeentry": lambda work, id: keep_if_in_progress(work, TIME, id),
    "msdyn_expense": lambda work, id: keep_if_in_progress(work, EXPENSE, id),
}
"""By table: what must happen, in the same transaction, before one of its rows is deleted. Raises ``Refused``."""
