"""How a Service Bus namespace is reached; in a module of its own, as the SDK takes a third of a second to import."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sign_in.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that is signed in to: ``host`` is its full name, such as ``contoso.servicebus.windows.net``."""

    host: str
    tokens: Tokens


Access = str | Namespace
"""By a connection string, or signed in."""
