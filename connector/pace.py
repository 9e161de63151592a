"""How a worker goes about its queue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How the worker goes about it; seconds.

    ``max_wait`` is how long one receive call waits, and so the longest that stopping waits for an idle receiver. A
    call that has not returned ``silence`` after that is taken for dead, and its receiver is built anew. At most
    ``settle_at_once`` messages of one batch are being settled, or their locks renewed, at a time; settling that takes
    ``silence`` without an answer ends like a dead receive call. A batch that is at
    work for ``longest_work`` is taken for hung: its messages come again later. Stopping waits ``drain`` for what is at
    work; what is not done by then is given back. Most platforms end a process that takes longer than half a minute,
    unless they are told to wait.
    """

    receivers: int = 4
    largest_batch: int = 50
    max_wait: float = 5.0
    silence: float = 60.0
    close_within: float = 10.0
    settle_at_once: int = 50
    longest_work: float = 1800.0
    drain: float = 20.0
