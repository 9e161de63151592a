"""The product's server-side rules: what an installed Project Service Automation does beyond storing rows.

As delivered the environment is one where approval does not make actuals by itself: the service under test makes them.
``Switches`` turn it into others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sandbox.dataverse.product import traces
from sandbox.dataverse.product.actions import ACTIONS, actions
from sandbox.dataverse.product.authority import rule_of_the_product
from sandbox.dataverse.product.background import Background
from sandbox.dataverse.product.deletion import keep_if_in_progress, release_detail, release_invoice
from sandbox.dataverse.product.entries import EXPENSE, TIME
from sandbox.dataverse.product.protection import guards
from sandbox.dataverse.product.switches import Creation, Environment, Switches
from sandbox.dataverse.unit_of_work import UnitOfWork

__all__ = ["ACTIONS", "BEFORE_DELETE", "Background", "Creation", "Environment", "Switches", "actions", "guards"]


BEFORE_DELETE: Final[Mapping[str, Callable[[UnitOfWork, UUID], None]]] = {
    "invoice": rule_of_the_product(release_invoice),
    traces.INVOICE_LINE_DETAIL: rule_of_the_product(release_detail),
    "msdyn_timeentry": lambda work, id: keep_if_in_progress(work, TIME, id),
    "msdyn_expense": lambda work, id: keep_if_in_progress(work, EXPENSE, id),
}
"""By table: what must happen, in the same transaction, before one of its rows is deleted. Raises ``Refused``."""
