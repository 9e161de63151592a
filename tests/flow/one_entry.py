"""One entry as people reach it over HTTP: its approvals, its invoices, and acts that the product may refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from sandbox.company.company import LoadedEntry
from tests.flow.world import APPROVE, World


@dataclass
class OneEntry:
    """The entry and its world; ``refused`` counts the acts that the product did not let people do."""

    world: World
    entry: LoadedEntry
    refused: int = 0

    def _how_many_actuals(self) -> int:
        return int(self.world.http("GET", "msdyn_actuals?$count=true&$top=1").json()["@odata.count"])

    @property
    def _is_time(self) -> bool:
        return self.entry.table == "msdyn_timeentry"

    @property
    def _project(self) -> str:
        return "msdyn_project@odata.bind" if self._is_time else "msdyn_Project@odata.bind"

    def _patch(self, values: dict[str, object]) -> None:
        table = "msdyn_timeentries" if self._is_time else "msdyn_expenses"
        self._try("PATCH", f"{table}({self.entry.id})", values)

    def _approvals(self) -> list[dict[str, Any]]:
        column = "_msdyn_timeentry_value" if self._is_time else "_msdyn_expenseentry_value"
        query = f"msdyn_projectapprovals?$filter={column} eq {self.entry.id}&$orderby=createdon"
        rows: list[dict[str, Any]] = self.world.http("GET", query).json()["value"]
        return rows

    def _approval(self, stage: int) -> str | None:
        return next(
            (str(row["msdyn_projectapprovalid"]) for row in self._approvals() if row["msdyn_recordstage"] == stage),
            None,
        )

    def _decide(self, approval: str, action: int) -> bool:
        row = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval", "msdyn_projectapprovalid": approval}
        body = {"ProjectApprovals": [row], "ActionType": action, "NoteLogName": "flow"}
        self._try("POST", "msdyn_ProcessProjectApprovalSets", body, user="approver")
        wanted = 2 if action == APPROVE else 0
        return any(
            row["msdyn_projectapprovalid"] == approval and row["msdyn_recordstage"] == wanted
            for row in self._approvals()
        )

    def _invoices(self, status: int) -> list[str]:
        query = f"invoices?$filter=msdyn_projectinvoicestatus eq {status}&$orderby=createdon"
        return [str(row["invoiceid"]) for row in self.world.http("GET", query).json()["value"]]

    def _on_invoice(self, status: int, action: str) -> bool:
        found = self._invoices(status)[-1:]
        done = [
            self._try("POST", f"invoices({one})/Microsoft.Dynamics.CRM.{action}", {}, user="clerk") for one in found
        ]
        return any(done)

    def _try(self, method: str, path: str, body: object = None, user: str = "administrator") -> bool:
        """Whether the product did it."""
        answer = requests.request(
            method,
            f"{self.world.sandbox.dataverse}/api/data/v9.2/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.world.sandbox.tokens[user]}"},
            timeout=30,
        )
        if answer.status_code == 404 or answer.status_code >= 500:
            raise AssertionError(answer.text)
        if answer.status_code >= 400:
            self.refused += 1
        return answer.status_code < 400
