"""Announces invoices that were due, as they come: of those that are made, few are untold when the process ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from handlers.announcing import Announcing
from handlers.fixed_point import Settled
from mappings.messages import CreateDueInvoices
from service.announcing import announced


class AsTheyCome:
    """Tells whoever listens of one command's runs; what can't be told is told again with the rest, at the end.

    ``told``: which run was told with which outcome, kept by whoever carries the command out more than once.
    """

    def __init__(
        self, announcing: Announcing | None, command: CreateDueInvoices, told: set[tuple[object, object]] | None = None
    ) -> None:
        self._announcing = announcing
        self._command = command
        self._untold: list[Mapping[str, object]] = []
        self._told = set() if told is None else told

    def hear(self, run: Mapping[str, object]) -> None:
        """A run has ended."""
        if self._untold or self._announce([run]):
            self._untold.append(run)

    def hear_of_ended(self, runs: Sequence[Mapping[str, object]]) -> None:
        """These had ended before it was gone on with; some may never have been told."""
        untold = self._without_told(runs)
        if untold and self._announce(untold):
            self._untold += untold

    def finish(self) -> str:
        """All runs have ended; why some could not be announced, if they could not."""
        return self._announce(self._untold) if self._untold else ""

    def tell_all(self, outcome: Mapping[str, object]) -> str:
        """The same of an outcome whose runs may have ended before anybody listened here."""
        runs = cast(Sequence[Mapping[str, object]], outcome["runs"])
        self._untold = self._without_told(runs)
        return self.finish()

    def _without_told(self, runs: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
        return [run for run in runs if _key(run) not in self._told]

    def _announce(self, runs: list[Mapping[str, object]]) -> str:
        untold = announced(self._announcing, self._command, Settled("", {"runs": runs}))
        if not untold:
            self._told.update(map(_key, runs))
        return untold


def _key(run: Mapping[str, object]) -> tuple[object, object]:
    return run["command"], run["outcome"]
