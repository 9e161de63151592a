"""A call of which nothing is to be seen: waited for, then in doubt; and what that means for others on the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from connector.dataverse.changes import ChangeSet
from handlers import command_record
from handlers.command_record import State
from handlers.invoice_facts import InvoiceFacts
from handlers.invoice_recognised import rows_of
from handlers.plan import Decision, NotYet, Plan, Refuse
from mappings.row import Row
from mappings.tables import Ref

ALREADY_RUNNING, IN_DOUBT = "already-running", "in-doubt"
RESOLVE = "Look for the invoice in the product, then say so: psa-connector invoice resolve"


def after(attempt: Row, facts: InvoiceFacts, patience: timedelta) -> Decision | None:
    """What to do about an attempt whose invoice is not there; ``None`` when there is nothing to wait for any more."""
    contents, state = facts.contents, command_record.state_of(attempt)
    named = f"The invoice of salesorder({attempt.text('psac_subject')})"
    if state is State.IN_DOUBT:
        return Refuse("in-doubt", str(command_record.outcome_of(attempt)["because"]))
    rows, answered = set(rows_of(attempt)), state is State.CALLED
    theirs = {} if contents is None else {row: what for row, what in contents.elsewhere.items() if row in rows}
    if rows == theirs.keys() and answered:
        return _somebody_elses(attempt, theirs)
    if command_record.age(attempt, facts.now) < patience:
        return NotYet(f"{named} was called for and is not there yet; it is not called for again.")
    if theirs and not facts.still_ready:
        return _somebody_elses(attempt, theirs)
    if answered and not facts.still_ready:
        return None
    left = len(facts.still_ready)
    answer = "the product never said whether it made it" if not answered else "the product said that it was done"
    because = (
        f"{named} was called for at {command_record.called_at(attempt)}, {answer}, and it is not there: {left} of "
        f"{len(rows)} rows are still ready. It is not called for again. "
        f"{RESOLVE} {attempt.id} --invoice ID, or --nothing."
    )
    doubt: dict[str, object] = {"outcome": IN_DOUBT, "invoices": [], "because": because}
    told = command_record.told_of(attempt, State.IN_DOUBT, doubt)
    return Plan("It is in doubt; that is written down.", (ChangeSet((told,)),))


def in_the_way(facts: InvoiceFacts, patience: timedelta) -> Mapping[str, object] | Refuse | None:
    """Why this contract can't be called for now: another call may be under way, or one is in doubt."""
    for one in facts.unfinished:
        attempt, state = one.attempt, command_record.state_of(one.attempt)
        is_over = state is State.IN_DOUBT or command_record.age(attempt, facts.now) >= patience
        # A call that nobody answered may be at work whatever is ready: it takes what is ready when it gets to it.
        if not is_over and (one.is_ready or state is State.CALLING):
            who = attempt.text("psac_requestedby") or "somebody"
            because = f"An invoice of this contract was called for by {who}, and is not there yet."
            return {"outcome": ALREADY_RUNNING, "invoices": [], "because": because, "attempt": str(attempt.id)}
        if is_over and one.is_ready and not one.is_seen:
            return Refuse(
                "earlier-in-doubt",
                f"Whether an earlier call for salesorder({attempt.text('psac_subject')}) made an invoice is in doubt, "
                f"and rows it was for are still ready. {RESOLVE} {attempt.id} --invoice ID, or --nothing.",
            )
    return None


def _somebody_elses(attempt: Row, theirs: Mapping[Ref, str]) -> Plan:
    because = f"Everything that was ready is on {' and '.join(sorted(set(theirs.values())))}."
    outcome: dict[str, object] = {"outcome": "nothing-to-invoice", "invoices": [], "because": because}
    return Plan(
        "Somebody else invoiced it; that is written down.",
        (ChangeSet((command_record.finished(attempt, outcome),)),),
    )
