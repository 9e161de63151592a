"""What actions take, as far as it is known: told in ``$metadata``, and nothing else is taken.

An action that is not listed takes whatever it is given: its parameters are published nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.dataverse.unit_of_work import Refused

TEXT, NUMBER, FLAG = "Edm.String", "Edm.Int32", "Edm.Boolean"


def rows(table: str) -> str:
    """The type of a list of rows."""
    return f"Collection(mscrm.{table})"


PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "msdyn_TimeEntriesSubmit": {"CorrelationId": TEXT, "TimeEntryIds": TEXT},
    "msdyn_TimeEntriesRecall": {"CorrelationId": TEXT, "TimeEntryIds": TEXT},
    "msdyn_TimeEntriesApprove": {"CorrelationId": TEXT, "TimeEntryIds": TEXT},
    "msdyn_TimeEntriesReject": {"CorrelationId": TEXT, "TimeEntryIds": TEXT},
    "msdyn_ExpenseEntriesSubmit": {"CorrelationId": TEXT, "ExpenseEntryIds": TEXT},
    "msdyn_ExpenseEntriesRecall": {"CorrelationId": TEXT, "ExpenseEntryIds": TEXT},
    "msdyn_ExpenseEntriesApprove": {"CorrelationId": TEXT, "ExpenseEntryIds": TEXT},
    "msdyn_ExpenseEntriesReject": {"CorrelationId": TEXT, "ExpenseEntryIds": TEXT},
    "msdyn_ProcessProjectApprovalSets": {
        "ActionType": NUMBER,
        "NoteLogName": TEXT,
        "ProjectApprovals": rows("msdyn_projectapproval"),
    },
    "msdyn_createinvoicefrominvoiceschedule": {"InvoiceSchedules": rows("msdyn_contractlineinvoiceschedule")},
    "msdyn_MarkActualReadyToInvoiceOrNot": {"Actuals": rows("msdyn_actual"), "ReadyToInvoice": FLAG},
    "AddMembersTeam": {"Members": rows("systemuser")},
    "RemoveMembersTeam": {"Members": rows("systemuser")},
    "AddPrivilegesRole": {"Privileges": rows("RolePrivilege")},
}
"""By action: its parameters and their types."""


def understood(action: str, given: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters, refused where one is not the action's (annotations are none)."""
    known = PARAMETERS.get(action)
    for name in given:
        if known is not None and name not in known and "@" not in name:
            raise Refused(
                f"The parameter '{name}' in the request payload is not a valid parameter for the operation '{action}'.",
                "0x80048d19",
            )
    return given
