"""The one failure of settings, in a module of its own so that catching it costs no imports."""

from __future__ import annotations


class NotConfigured(Exception):
    """Settings are missing or wrong; ``faults`` names every one of them, a sentence each.

    ``is_blank``: no setting was given anywhere.
    """

    def __init__(self, faults: list[str], *, is_blank: bool = False) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
        self.is_blank = is_blank
