"""The sandbox's time, made to pass; worker processes read from a file how far it is ahead of this machine's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sandbox.world import Sandbox


class PassingTime:
    """``file`` says how many seconds the sandbox's clock is ahead; ``ahead`` is the same."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self.file = folder / "clock"
        self.ahead = timedelta()
        self._tell()

    def go_on(self, by: timedelta) -> None:
        """The workers' clocks are late rather than early, as an honest host's may be."""
        self._sandbox.clock.advance(by)
        self.ahead += by
        self._tell()

    def _tell(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(self.ahead.total_seconds()), encoding="ascii")
        new.replace(self.file)
