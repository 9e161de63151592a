"""Tokens and keys: made when a database is new, and the same whenever its file is opened again."""

from __future__ import annotations

import secrets

from sandbox.dataverse.store import Store


def kept(store: Store, name: str) -> str:
    """The secret of this name, 32 random bytes as text."""
    with store.lock, store.writing():
        store.execute('CREATE TABLE IF NOT EXISTS ":secrets" (name TEXT PRIMARY KEY, secret TEXT)')
        store.execute('INSERT OR IGNORE INTO ":secrets" VALUES (?, ?)', (name, secrets.token_urlsafe(32)))
        (secret,) = store.execute('SELECT secret FROM ":secrets" WHERE name = ?', (name,)).fetchone()
    return str(secret)
