"""Whether what paused the work has been disproved: what a worker asks before it believes that all is well again."""

from __future__ import annotations

from typing import Protocol


class Doubts(Protocol):
    """Kept by whoever processes; asked, and told of the end of a pause, by whoever receives."""

    @property
    def doubtful(self) -> bool:
        """The work goes on, but has yet to show that it is sound."""
        ...

    def resumed(self) -> None:
        """The work goes on after a pause."""
        ...


class NoDoubts:
    """For work that is sound as soon as a batch of it ends without a pause."""

    doubtful = False

    def resumed(self) -> None:
        """Nothing to do."""
