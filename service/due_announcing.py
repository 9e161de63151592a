"""Announces invoices that were due, as they come: of those that are made, few are untold when the process ends."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.announcing import Announcing
from handlers.fixed_point import Settled
from mappings.messages import CreateDueInvoices
from service.announcing import announced


class AsTheyCome:
    """Tells whoever listens of one command's runs; what can't be told is told again with the rest, at the end."""

    def __init__(self, announcing: Announcing | None, command: CreateDueInvoices) -> None:
        self._announcing = announcing
        self._command = command
        self._untold: list[Mapping[str, object]] = []

    def hear(self, run: Mapping[str, object]) -> None:
        """A run has ended."""
        if self._untold or self._announce([run]):
            self._untold.append(run)

    def finish(self) -> str:
        """All runs have ended; why some could not be announced, if they could not."""
        return self._announce(self._untold) if self._untold else ""

    def _announce(self, runs: list[Mapping[str, object]]) -> str:
        return announced(self._announcing, self._command, Settled("", {"runs": runs}))
