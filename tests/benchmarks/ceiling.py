"""The most entries a second that Dataverse's published limits allow, reckoned from them alone and from nobody's code.

An ordinary approved time entry calls for seven new rows: a cost actual, an unbilled sales actual, two origins of each,
and the connection between both. Each way of writing them has a cost in execution time; the least over the limits of
how often a second that fits is the ceiling. Nothing is granted for reading, though nobody can decide without.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS = {"msdyn_actual": 2, "msdyn_transactionorigin": 4, "msdyn_transactionconnection": 1}

REQUESTS, EXECUTION_SECONDS, CONCURRENT, WINDOW_SECONDS = 6000, 1200.0, 52, 300.0
"""Per user and web server ("Service protection API limits")."""
ENTITLED_A_DAY = 500_000
"""Operations of application users a day in a tenant with no more than the base entitlement; not enforced so far."""
MOST_OPERATIONS = 1000
"""In one ``$batch``."""

OPERATION_MS, CREATED_MS = 10, 10
PLUGINS_MS = {
    "thin": {},
    "plug-in heavy": {"msdyn_actual": 200, "msdyn_transactionorigin": 30, "msdyn_transactionconnection": 30},
}
"""What plug-ins add to each new row, by preset and table."""


@dataclass(frozen=True)
class Ceiling:
    """Entries a second by limit. ``bulk``: rows of many entries in one operation, which stand or fall together."""

    by_limit: dict[str, float]
    seconds_per_entry: float

    @property
    def entries_per_second(self) -> float:
        """The least of them."""
        return min(self.by_limit.values())

    @property
    def bound_by(self) -> str:
        """The limit that is reached first."""
        return min(self.by_limit, key=lambda name: self.by_limit[name])


def ceiling(preset: str, *, bulk: bool = False, servers: int = 1, hot: bool = False) -> Ceiling:
    """What the published limits allow, on so many servers.

    ``hot``: all entries are of one project, whose rows are written by one request at a time.
    """
    plugins = PLUGINS_MS[preset]
    rows = sum(ROWS.values())
    operations = 0 if bulk else rows
    seconds = (
        operations * OPERATION_MS + sum(count * (CREATED_MS + plugins.get(table, 0)) for table, count in ROWS.items())
    ) / 1000
    by_limit = {
        "requests": servers * REQUESTS / WINDOW_SECONDS * MOST_OPERATIONS / rows,
        "execution time": servers * EXECUTION_SECONDS / WINDOW_SECONDS / seconds,
        "concurrency": servers * CONCURRENT / seconds,
    }
    if hot:
        by_limit["one request at a time"] = 1 / seconds
    return Ceiling(by_limit, seconds)


def entries_a_day() -> float:
    """What the entitlement allows, which counts every operation inside a batch."""
    return ENTITLED_A_DAY / sum(ROWS.values())
