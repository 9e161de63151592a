"""Where the faults of the Service Bus may strike: kinds, and the operations each of them knows."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal[
    "latency",
    "drop_connection",
    "detach_link",
    "lose_lock",
    "refuse_settlement",
    "swallow_confirmation",
    "server_busy",
    "duplicate",
    "reorder",
]
SETTLEMENTS: Final = frozenset({"complete", "abandon", "defer", "dead-letter", "release"})
REQUESTS: Final = frozenset(
    {
        "add-rule",
        "cancel-scheduled-message",
        "enumerate-rules",
        "get-message-sessions",
        "get-session-state",
        "peek-message",
        "receive-by-sequence-number",
        "remove-rule",
        "renew-lock",
        "renew-session-lock",
        "schedule-message",
        "set-session-state",
        "update-disposition",
    }
)
"""What is asked of ``$management``."""
_SETTLE: Final = SETTLEMENTS | {"settle"}
_REQUEST: Final = REQUESTS | {"request"}
_ON_LINKS: Final = _SETTLE | {"attach", "credit", "deliver", "request", "send"}
OPERATIONS: Final[dict[Kind, frozenset[str]]] = {
    "latency": _ON_LINKS | {"confirm", "detach", "reply"},
    "drop_connection": _ON_LINKS | {"now"},
    "detach_link": _ON_LINKS | {"now"},
    "lose_lock": _SETTLE | {"deliver", "renew-lock", "renew-session-lock"},
    "refuse_settlement": _SETTLE,
    "swallow_confirmation": _SETTLE | _REQUEST | {"send"},
    "server_busy": _SETTLE | _REQUEST | {"attach", "credit", "send"},
    "duplicate": frozenset({"schedule-message", "send"}),
    "reorder": frozenset({"deliver"}),
}
"""``settle`` is any of the settlements, and ``request`` any request; ``now`` waits for no operation at all."""
