"""What it means when writes were not answered as they should be: not sent, refused as a whole, or broken off."""

from __future__ import annotations

from collections.abc import Sequence

from connector.dataverse.batch import Answered, Response
from connector.dataverse.refusals import Kind, Refusal, failure, meaning
from connector.dataverse.transport import Reply, Transport
from connector.errors import ConnectorError, Misconfigured, Transient, UnknownOutcome


def refused_write(reply: Reply, transport: Transport, is_batch: bool) -> ConnectorError:
    """A write that was answered as a whole with an error: refused, or broken off somewhere nobody knows."""
    refusal = transport.refused(reply.status, reply.headers, reply.body, reply.headers)
    if is_broken_off(refusal) and (is_batch or refusal.code is None):
        return broken_off(transport, refusal)
    return failure(refusal)


def is_broken_off(refusal: Refusal) -> bool:
    """Whether the answer leaves open what was done."""
    return (refusal.status >= 500 or refusal.status == 408) and meaning(refusal)[0] is not Kind.THROTTLED


def broken_off(transport: Transport, refusal: Refusal) -> UnknownOutcome:
    """The failure of what may have been carried out."""
    sentence = f"{transport.origin} answered a write with {refusal.status}: it may have been carried out."
    return UnknownOutcome("broken-off", sentence, refusal.retry_after)


def not_sent(stopped: ConnectorError) -> ConnectorError:
    """The failure of what comes after something that was not answered."""
    if isinstance(stopped, Transient | Misconfigured):
        return stopped
    sentence = "An earlier part of the same commit got no clear answer, so this part was not sent."
    return Transient("not-sent", sentence, stopped.retry_after)


def unanswered(answers: Sequence[Answered], reply: Reply) -> ConnectorError:
    """The failure of what has no answer of its own in the answer to its batch."""
    last = answers[-1] if answers else None
    last = last[-1] if isinstance(last, list) and last else last
    if reply.status >= 400 and isinstance(last, Response) and last.status >= 400:
        return Transient("not-sent", "Dataverse stopped at an earlier error; this change set was not carried out.")
    return UnknownOutcome("cut-off", "The answer to a batch of writes ends before the answer to this change set.")
