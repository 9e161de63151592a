"""Message sessions: who holds which, until when, and the state their holders leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sandbox.servicebus.broker.errors import NotSupported, SessionCannotBeLocked, SessionLockLost
from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import Storage

LONGEST_STATE = 256 * 1024


@dataclass(slots=True, eq=False)
class SessionLock:
    """A session in one receiver's hands, with the locks of the messages it was given."""

    session_id: str
    holder: object
    locked_until: datetime
    tokens: set[UUID] = field(default_factory=set)
    ended: bool = False


class Sessions:
    """The sessions of one queue or subscription. Locks are not stored, states are."""

    def __init__(self, path: str, lock_duration: timedelta, storage: Storage) -> None:
        self._path = path
        self._lock_duration = lock_duration
        self._storage = storage
        self._states: dict[str, bytes] = dict(storage.session_states(path))
        self._changed: dict[str, datetime] = {}
        self._held: dict[str, SessionLock] = {}
        self._ends: Timers[str] = Timers()

    @property
    def held(self) -> dict[str, SessionLock]:
        """The sessions that are held."""
        return self._held

    @property
    def with_state(self) -> dict[str, datetime | None]:
        """The sessions that have a state, and when it was last set, as far as that is known."""
        return {session_id: self._changed.get(session_id) for session_id in self._states}

    def lock(self, session_id: str, holder: object, now: datetime) -> SessionLock:
        """Give the session to a holder, unless somebody has it."""
        if session_id in self._held:
            raise SessionCannotBeLocked(session_id)
        lock = self._held[session_id] = SessionLock(session_id, holder, now + self._lock_duration)
        self._ends.set(session_id, lock.locked_until)
        return lock

    def unlock(self, lock: SessionLock) -> None:
        """Take the session back."""
        lock.ended = True
        del self._held[lock.session_id]
        self._ends.cancel(lock.session_id)

    def renew(self, session_id: str, holder: object, now: datetime) -> datetime:
        """Hold the session for the full duration from now; the moment it ends."""
        lock = self.of(session_id, holder)
        lock.locked_until = now + self._lock_duration
        self._ends.set(session_id, lock.locked_until)
        return lock.locked_until

    def of(self, session_id: str, holder: object) -> SessionLock:
        """The holder's lock on a session; raises ``SessionLockLost``."""
        lock = self._held.get(session_id)
        if lock is None or lock.holder is not holder:
            raise SessionLockLost(session_id)
        return lock

    def state(self, session_id: str, holder: object) -> bytes | None:
        """What a holder of the session left behind."""
        self.of(session_id, holder)
        return self._states.get(session_id)

    def set_state(self, session_id: str, holder: object, state: bytes | None, now: datetime) -> None:
        """Leave something behind for the next holder; None for nothing."""
        self.of(session_id, holder)
        if state is not None and len(state) > LONGEST_STATE:
            raise NotSupported(f"The state of a session can have at most {LONGEST_STATE} bytes.")
        self._storage.save_session_state(self._path, session_id, state)
        if state is None:
            self._states.pop(session_id, None)
        else:
            self._states[session_id] = state
            self._changed[session_id] = now

    def take_ended(self, now: datetime) -> Iterator[SessionLock]:
        """Every lock whose time is over."""
        for session_id, _ in self._ends.take_due(now):
            yield self._held[session_id]

    def next_end(self) -> datetime | None:
        """When the next lock ends."""
        return self._ends.next()
