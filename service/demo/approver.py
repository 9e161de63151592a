"""What the approver does in the demo, with her own sign-in: a few decisions, then approving everything."""

from __future__ import annotations

from collections import defaultdict

from connector.dataverse.client import DataverseClient
from sandbox.company import Company

APPROVE = 192350003
"""ActionType of msdyn_ProcessProjectApprovalSets (PO/approvals/dev-programmatic-approvals)."""
APPROVAL_TYPE = "Microsoft.Dynamics.CRM.msdyn_projectapproval"


def decide(approver: DataverseClient, company: Company) -> list[tuple[str, str]]:
    """Change the approvals she does not take as submitted; returns (entry, decision)."""
    decided = []
    for entry in company.entries.values():
        if entry.decision is not None:
            approver.send("PATCH", f"msdyn_projectapprovals({entry.approval})", dict(entry.decision.changes))
            decided.append((entry.key, entry.decision.name))
    return decided


def approve_all(approver: DataverseClient, company: Company) -> None:
    """Approve every entry, project by project, through the product's own action."""
    by_project: defaultdict[str | None, list[dict[str, str]]] = defaultdict(list)
    for entry in company.entries.values():
        by_project[entry.project].append({"@odata.type": APPROVAL_TYPE, "msdyn_projectapprovalid": str(entry.approval)})
    for approvals in by_project.values():
        body = {"ProjectApprovals": approvals, "ActionType": APPROVE, "NoteLogName": "demo"}
        approver.send("POST", "msdyn_ProcessProjectApprovalSets", body)
