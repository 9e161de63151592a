"""Frozen: a changed formula doubles every message that is waiting for its next attempt."""

from __future__ import annotations

from uuid import UUID

import pytest

from connector.inbox import copy_id


@pytest.mark.parametrize(
    ("lineage", "attempt", "turn", "expected"),
    [
        ("0f8fad5bd9cb469fa16570867728950e", 1, 0, "07beb898-9052-5cb9-8511-d0435cb32032"),
        ("0f8fad5bd9cb469fa16570867728950e", 2, 0, "bffa5a2b-7d87-5ff9-ae98-8a3e702a36fd"),
        ("0f8fad5bd9cb469fa16570867728950e", 2, 1, "3f02968c-fa89-51ba-85ad-f395c49967bc"),
        ("0f8fad5bd9cb469fa16570867728950e", 0, 1, "a591dd87-4d09-5ae5-ae0d-2caa2308a922"),
        ("0f8fad5bd9cb469fa16570867728950e", 2, 2, "a215c521-eb38-5215-aa79-bee078ce2707"),
        ("Größe/7", 10, 0, "370297c5-cb6c-5204-b155-a724ad226689"),
    ],
)
def test_the_id_of_a_copy_is_this_one_for_ever(lineage: str, attempt: int, turn: int, expected: str) -> None:
    assert copy_id(lineage, attempt, turn) == expected


def test_no_two_attempts_or_turns_share_an_id() -> None:
    ids = {
        copy_id(lineage, attempt, turn)
        for lineage in ("a", "a/1", "a/1.1", "")
        for attempt in range(12)
        for turn in range(12)
    }

    assert len(ids) == 4 * 12 * 12
    assert all(UUID(each).version == 5 for each in ids)
