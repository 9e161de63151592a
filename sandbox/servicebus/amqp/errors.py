"""An AMQP error: the condition a peer can act on, and the sentence a person can read."""

from __future__ import annotations

NOT_FOUND = "amqp:not-found"
UNAUTHORIZED_ACCESS = "amqp:unauthorized-access"
DECODE_ERROR = "amqp:decode-error"
RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded"
NOT_ALLOWED = "amqp:not-allowed"
INVALID_FIELD = "amqp:invalid-field"
NOT_IMPLEMENTED = "amqp:not-implemented"
CONNECTION_FORCED = "amqp:connection:forced"
FRAMING_ERROR = "amqp:connection:framing-error"
UNATTACHED_HANDLE = "amqp:session:unattached-handle"
LINK_STOLEN = "amqp:link:stolen"
HANDLE_IN_USE = "amqp:session:handle-in-use"
MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"


class AmqpError(Exception):
    """Ends whatever it is raised in: a connection, a session, a link, or one delivery."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class SessionError(AmqpError):
    """Ends the session it happened in, and leaves the connection's other sessions alone."""


class LinkError(AmqpError):
    """Ends the link it happened on, and leaves the session's other links alone."""
