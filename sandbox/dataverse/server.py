"""The local Dataverse: a Web API on loopback, and the same organisation from inside the process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sandbox.clock import Clock
from sandbox.dataverse.organisation import Listener, Organisation
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import ActionBinding


class DataverseServer:
    """One organisation with its tables, users and product rules.

    ``database`` is a file, or ``:memory:``. ``actions`` are the product's actions (``product.ACTIONS``). ``tokens``
    holds one bearer token per user name: administrator, service, approver, clerk.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        database: str = ":memory:",
        actions: Sequence[ActionBinding] = (),
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.organisation = Organisation(clock, database)
        self.organisation.listeners.extend(listeners)
        self.actions = tuple(actions)
        self.tokens = {name: secrets.token_urlsafe(24) for name in USERS}

    @contextmanager
    def transaction(self, user: str | UUID = "administrator") -> Iterator[Transaction]:
        """A unit of work from inside the process, as this user: for loading a company, and for tests."""
        with self.organisation.transaction(USERS[user] if isinstance(user, str) else user) as uow:
            yield uow
