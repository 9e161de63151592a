"""The product's server-side rules: what an installed Project Service Automation does beyond storing rows.

As delivered the environment is one where approval does not make actuals by itself: the service under test makes them.
``Switches`` turn it into others.
"""

from __future__ import annotations

from typing import Final

from sandbox.dataverse.product.actions import ACTIONS, actions
from sandbox.dataverse.product.background import Background
from sandbox.dataverse.product.business_dates import Zone
from sandbox.dataverse.product.deletion import before_delete
from sandbox.dataverse.product.protection import guards
from sandbox.dataverse.product.switches import Creation, Environment, Released, Replacements, Switches

__all__ = [
    "ACTIONS",
    "BEFORE_DELETE",
    "Background",
    "Creation",
    "Environment",
    "Released",
    "Replacements",
    "Switches",
    "Zone",
    "actions",
    "before_delete",
    "guards",
]


BEFORE_DELETE: Final = before_delete(Switches())
"""The rules about deletion with every switch at rest."""
