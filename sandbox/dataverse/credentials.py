"""Tokens and keys: made when a database is new, and the same whenever its file is opened again."""

from __future__ import annotations

import secrets
from typing import Final
from uuid import UUID

from sandbox.dataverse.seed import USERS
from sandbox.dataverse.store import Store

_OF: Final = "token of "


def kept(store: Store, name: str) -> str:
    """The secret of this name, 32 random bytes as text."""
    with store.lock, store.writing():
        store.execute('CREATE TABLE IF NOT EXISTS ":secrets" (name TEXT PRIMARY KEY, secret TEXT)')
        store.execute('INSERT OR IGNORE INTO ":secrets" VALUES (?, ?)', (name, secrets.token_urlsafe(32)))
        (secret,) = store.execute('SELECT secret FROM ":secrets" WHERE name = ?', (name,)).fetchone()
    return str(secret)


class Tokens(dict[str, str]):
    """A bearer token for each of the first users, by name, and for users made later by the text of their ids."""

    def __init__(self, store: Store) -> None:
        super().__init__({name: kept(store, f"{_OF}{name}") for name in USERS})
        self._store = store
        with store.lock:
            rows = store.execute('SELECT name, secret FROM ":secrets"').fetchall()
        self.update({name.removeprefix(_OF): secret for name, secret in rows if name.startswith(_OF)})

    def make(self, user: str) -> str:
        """A token for a user made later, the same one when asked again; ``ValueError`` where there is no such user."""
        id = UUID(user)
        with self._store.lock:
            if not self._store.exists(self._store.catalog.table("systemuser"), id):
                raise ValueError(f"There is no user with the id {id}.")
        token = self[str(id)] = kept(self._store, f"{_OF}{id}")
        return token
