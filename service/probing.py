"""Finds out whether an environment takes the product's invoice action inside a change set, without any effect.

No page says that actions are left out of change sets, and none that they are taken. So the action is called on a
contract that does not exist, by itself and inside a change set: where both are refused alike, because there is no such
contract, the change set makes no difference.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from uuid import uuid4

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import Call, ChangeSet, Committed, Reference
from connector.errors import Conflict, ConnectorError, Misconfigured, Transient, UnknownOutcome
from handlers.invoicing import ACTION
from handlers.recorded import Mode
from mappings import tables

log = logging.getLogger(__name__)


def mode_of(dataverse: Dataverse) -> Mode:
    """How invoice actions are kept from being called twice there. Raises ``ConnectorError`` when it can't be told."""
    call = Call(ACTION, Reference(tables.CONTRACT, uuid4()))
    alone = _refusal(dataverse, ChangeSet((call,)))
    if isinstance(alone, Misconfigured):
        # The action is not there, or not allowed; either way nothing is learned about change sets.
        raise alone
    inside = _refusal(dataverse, ChangeSet((call, call)))  # Two make a change set of it; the first is refused already.
    is_taken = isinstance(inside, Conflict) and inside.code == alone.code
    mode = Mode.FENCE if is_taken else Mode.RECORDED
    log.info("invoices are kept from being made twice by %s mode; inside a change set: %s", mode, inside.sentence)
    return mode


def asked_once(ask: Callable[[], Mode]) -> Callable[[], Mode]:
    """The same answer without asking again, from however many threads; a failure is no answer."""
    lock = threading.Lock()
    known: list[Mode] = []

    def answer() -> Mode:
        with lock:
            if not known:
                known.append(ask())
            return known[0]

    return answer


def _refusal(dataverse: Dataverse, changes: ChangeSet) -> ConnectorError:
    (outcome,) = dataverse.commit([changes])
    if isinstance(outcome, Committed):
        raise Misconfigured(
            "unexpected-answer",
            f"{ACTION} was carried out on a contract that does not exist; set PSA_CONNECTOR_INVOICES__MODE.",
        )
    if isinstance(outcome, Transient | UnknownOutcome):
        raise outcome
    return outcome
