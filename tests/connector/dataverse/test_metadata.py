from __future__ import annotations

import threading

import pytest

from connector.dataverse.metadata import Metadata
from tests.connector.dataverse.environment import DEFINITIONS


class Contended:
    """A lock at which somebody else waits, who forgets the table as soon as it is free."""

    def __init__(self, metadata: Metadata, table: str) -> None:
        self._own = threading.Lock()
        self._metadata = metadata
        self._table = table

    def __enter__(self) -> None:
        self._own.acquire()

    def __exit__(self, *_: object) -> None:
        self._own.release()
        self._metadata._tables.pop(self._table, None)


def test_a_table_forgotten_by_others_in_between_is_still_told_to_whoever_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metadata = Metadata(lambda _: {"value": [DEFINITIONS["team"]]})
    monkeypatch.setattr(metadata, "_lock", Contended(metadata, "team"))

    assert metadata.table("team").set_name == "teams"
    assert metadata.table("team").set_name == "teams"
