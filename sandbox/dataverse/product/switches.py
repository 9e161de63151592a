"""What differs between environments, or goes wrong in them, and can be switched in this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(slots=True)
class Switches:
    """The state of the switches; they may be moved at any time.

    ``invoice_race``: in life two calls of the create-invoice action can both read what is ready before either takes its
    locks, and bill it twice (a double click did, PSA/whats-new-ur-20). Writers take turns here, so a call is instead
    shown as ready what another one took within this time.
    """

    invoice_race: timedelta = timedelta()
