"""How the copies of a dead letter are named that a person sends again: each begins a new lineage."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

from connector.envelope import Envelope
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE, TURN

REPLAYS = UUID("8f1f4f5e-0b7c-4b62-9a53-6c1f6f0e2a77")
"""The namespace of their ids. Changing it, or the formula below, sends a message twice that is sent again after it."""

REPLAY = "connector-replay"
"""How many times a person has sent the message again."""
REPLAY_OF = "connector-replay-of"
"""The lineage it all began with."""
FIRST_CAME = "connector-first-came"
"""When the first message of it all came; ``FIRST_SEEN`` begins anew with each copy, as do its attempts."""

REASON, DESCRIPTION = "DeadLetterReason", "DeadLetterErrorDescription"
"""Where Service Bus keeps code and sentence of a dead letter."""

_LEFT_BEHIND = (LINEAGE, ATTEMPT, TURN, FIRST_SEEN, REASON, DESCRIPTION)
"""Of the old lineage, and of how it ended."""


def is_replay(envelope: Envelope) -> bool:
    """A person has sent it again."""
    return _times(envelope) > 0


def replay_id(envelope: Envelope, run: UUID) -> str:
    """The message id of the copy of this dead letter that a run sends: the same, however often the run sends it.

    With duplicate detection on, the queue drops its second copy. Another run's copy must not be dropped: the first may
    have been refused by then, and what it was refused for be mended. The body counts, as some senders give the same id
    to every message of theirs: another one's copy must never be taken for this one's.
    """
    digest = sha256(envelope.body).hexdigest()
    return str(uuid5(REPLAYS, f"{_origin(envelope)}/{digest}/{_times(envelope) + 1}/{run}"))


def replay_properties(envelope: Envelope) -> dict[str, object]:
    """The properties of that copy: the message's own, and that it is a copy; it begins with its first attempt."""
    kept = {name: value for name, value in envelope.properties.items() if name not in _LEFT_BEHIND}
    came = first_came(envelope)
    told = {} if came is None else {FIRST_CAME: came.isoformat()}
    return kept | told | {REPLAY: _times(envelope) + 1, REPLAY_OF: _origin(envelope)}


def first_came(envelope: Envelope) -> datetime | None:
    """When it came for the first time, before anybody sent it again; aware."""
    told = envelope.properties.get(FIRST_CAME)
    with suppress(ValueError):
        if isinstance(told, str) and (moment := datetime.fromisoformat(told)).tzinfo is not None:
            return moment
    return envelope.enqueued_at


def _times(envelope: Envelope) -> int:
    told = envelope.properties.get(REPLAY)
    return told if isinstance(told, int) else 0


def _origin(envelope: Envelope) -> str:
    return str(envelope.properties.get(REPLAY_OF) or envelope.lineage or envelope.message_id)
