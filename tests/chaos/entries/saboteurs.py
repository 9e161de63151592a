"""The mistakes people make, each swapped in for one safety of the service. The judge must see every one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import uuid4

from mappings import keys
from mappings.ledger import Ledger


def random_ids() -> None:
    """Rows are named anew each time."""
    for formula in ("row_id", "origin_id", "connection_id"):
        setattr(keys, formula, lambda *_: uuid4())


def others_are_ignored() -> None:
    """Rows that somebody else made are not looked at."""
    Ledger.foreign = ()  # type: ignore[assignment,method-assign]


SABOTEURS: Final[dict[str, Callable[[], None]]] = {
    "random ids": random_ids,
    "others are ignored": others_are_ignored,
}
