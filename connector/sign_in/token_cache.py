"""What MSAL remembers of a person: in memory, or in a file that only its owner may read."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from connector.errors import Misconfigured

log = logging.getLogger(__name__)

CODE = "sign-in-token-cache"


class TokenCache:
    """A cache in memory; with a ``path`` it is read from there and written back, with rights 0600.

    The file holds refresh tokens: whoever has it signs in as that person. On Windows its folder's rights count.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._cache: Any = None

    def opened(self) -> Any:
        """MSAL's cache. Raises ``Misconfigured`` for a file that others may read; one that is broken is begun anew."""
        # Imported here: msal takes a sixth of a second, which a command that never signs in need not spend.
        import msal  # type: ignore[import-untyped]

        if self._cache is None:
            cache = msal.SerializableTokenCache()
            text = None if self._path is None else _read(self._path)
            if text:
                try:
                    cache.deserialize(text)
                except ValueError:
                    log.warning("%s holds no tokens that can be read; it is begun anew", self._path)
                    cache = msal.SerializableTokenCache()
            self._cache = cache
        return self._cache

    def save(self) -> None:
        """Write what has changed; the file is replaced as a whole, so that no reader finds half of it."""
        if self._path is None or self._cache is None or not self._cache.has_state_changed:
            return
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(self._cache.serialize())
                Path(name).replace(self._path)
            except OSError:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            raise Misconfigured(CODE, f"The token cache {self._path} can't be written: {error.strerror}.") from error


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise Misconfigured(CODE, f"Others may read the token cache {path}: run chmod 600 on it, or remove it.")
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return "not text"
    except OSError as error:
        raise Misconfigured(CODE, f"The token cache {path} can't be read: {error.strerror}.") from error
