"""The product's own way to mark actuals ready, where an environment has one (Project Operations).

Its parameters are documented nowhere; they are read from the environment, and one shape is understood: the actuals, and
whether they are to be ready. The action looks at the rows by itself and has no version to go by, so that a row is
judged by what was read a moment before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.dataverse.changes import Call
from handlers.rows import reference
from mappings import tables
from mappings.backlog import BacklogRow
from mappings.marking import Mark
from mappings.refusal import Refusal

NAME = "msdyn_MarkActualReadyToInvoiceOrNot"
_ROWS = (f"Collection(mscrm.{tables.ACTUAL})", f"Collection(Microsoft.Dynamics.CRM.{tables.ACTUAL})")
_FLAG = "Edm.Boolean"


@dataclass(frozen=True, slots=True)
class ReadyAction:
    """The names of the parameters: the actuals, and whether they are to be ready."""

    rows: str
    ready: str

    def call(self, mark: Mark, row: BacklogRow) -> Call:
        """The call for one row: each has an outcome of its own."""
        actual = reference(row.row.ref)
        return Call(NAME, actual, {self.rows: (actual,), self.ready: mark is Mark.READY}, is_bound=False)


@dataclass(frozen=True, slots=True)
class NoReadyAction:
    """Why actuals can't be marked there."""

    sentence: str


def ready_action(parameters: Mapping[str, str] | None) -> ReadyAction | NoReadyAction:
    """How the action is called, by the parameters the environment tells."""
    if parameters is None:
        return NoReadyAction(f"This environment has no action {NAME}, and nothing else may mark actuals there.")
    lists = [name for name, type in parameters.items() if type in _ROWS]
    flags = [name for name, type in parameters.items() if type == _FLAG and "ready" in name.lower()]
    if len(parameters) == 2 and len(lists) == len(flags) == 1:
        return ReadyAction(lists[0], flags[0])
    told = ", ".join(f"{name} ({type})" for name, type in sorted(parameters.items())) or "nothing"
    return NoReadyAction(f"The action {NAME} takes {told} in this environment; this version can't call it so.")


def refuse_milestones() -> Refusal:
    """Milestones change their status by the product's own buttons alone, it says; there is no action for it."""
    return Refusal(
        "not-by-code",
        "In Project Operations the status of a milestone is changed by the product's own buttons and by nothing else; "
        "mark milestones there.",
    )
