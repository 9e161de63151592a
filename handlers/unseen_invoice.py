"""A call of which nothing is to be seen: waited for, then in doubt; and what that means for others on the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.dataverse.changes import ChangeSet
from handlers import command_record
from handlers.command_record import State
from handlers.invoice_facts import InvoiceFacts, rows_of
from handlers.plan import Decision, NotYet, Plan, Refuse
from mappings.row import Row

ALREADY_RUNNING, IN_DOUBT = "already-running", "in-doubt"
RESOLVE = "Look for the invoice in the product, then say so: psa-connector invoice resolve"


def after(attempt: Row, facts: InvoiceFacts, patience: timedelta) -> Decision:
    """What to do about an attempt whose invoice is not there."""
    contents = facts.contents
    named = f"The invoice of salesorder({attempt.text('psac_subject')})"
    if command_record.state_of(attempt) is State.IN_DOUBT:
        return Refuse("in-doubt", str(command_record.outcome_of(attempt)["because"]))
    if _age(attempt, facts.now) < patience:
        return NotYet(f"{named} was called for and is not there yet; it is not called for again.")
    rows = set(rows_of(attempt))
    theirs = {} if contents is None else {row: what for row, what in contents.elsewhere.items() if row in rows}
    if theirs and not facts.still_ready:
        because = f"Everything that was ready is on {' and '.join(sorted(set(theirs.values())))}."
        outcome: dict[str, object] = {"outcome": "nothing-to-invoice", "invoices": [], "because": because}
        return Plan(
            "Somebody else invoiced it; that is written down.",
            (ChangeSet((command_record.finished(attempt, outcome),)),),
        )
    left = len(facts.still_ready)
    because = (
        f"{named} was called for at {attempt.instant('createdon')}, the product never said whether it made it, and it "
        f"is not there: {left} of {len(rows)} rows are still ready. It is not called for again. {RESOLVE} "
        f"{attempt.id} --invoice ID, or --nothing."
    )
    doubt: dict[str, object] = {"outcome": IN_DOUBT, "invoices": [], "because": because}
    turned = command_record.turned(attempt, State.IN_DOUBT, doubt)
    return Plan("It is in doubt; that is written down.", (ChangeSet((turned,)),))


def in_the_way(facts: InvoiceFacts, patience: timedelta) -> Mapping[str, object] | Refuse | None:
    """Why this contract can't be called for now: another call may be under way, or one is in doubt."""
    for one in facts.unfinished:
        state, old = command_record.state_of(one), _age(one, facts.now) >= patience
        if state is State.IN_DOUBT or (old and state is State.CALLING):
            return Refuse(
                "earlier-in-doubt",
                f"Whether an earlier call for salesorder({one.text('psac_subject')}) made an invoice is in doubt, and "
                f"rows it was for are still ready. {RESOLVE} {one.id} --invoice ID, or --nothing.",
            )
        if not old:
            who = one.text("psac_requestedby") or "somebody"
            because = f"An invoice of this contract was called for by {who}, and is not there yet."
            return {"outcome": ALREADY_RUNNING, "invoices": [], "because": because, "attempt": str(one.id)}
    return None


def _age(attempt: Row, now: datetime) -> timedelta:
    since = attempt.instant("createdon")
    if since is None:
        raise TypeError(f"{attempt.ref}: createdon is empty.")
    return now - since
