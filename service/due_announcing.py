"""Announces invoices that were due, as they come: of those that are made, few are untold when the process ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

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
        self._told: set[object] = set()

    def hear(self, run: Mapping[str, object]) -> None:
        """A run has ended."""
        if self._untold or self._announce([run]):
            self._untold.append(run)

    def finish(self) -> str:
        """All runs have ended; why some could not be announced, if they could not."""
        return self._announce(self._untold) if self._untold else ""

    def tell_all(self, outcome: Mapping[str, object]) -> str:
        """The same of an outcome whose runs may have ended before anybody listened here."""
        runs = cast(Sequence[Mapping[str, object]], outcome["runs"])
        self._untold = [run for run in runs if run["command"] not in self._told]
        return self.finish()

    def _announce(self, runs: list[Mapping[str, object]]) -> str:
        untold = announced(self._announcing, self._command, Settled("", {"runs": runs}))
        if not untold:
            self._told.update(run["command"] for run in runs)
        return untold
