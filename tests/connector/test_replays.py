"""The copies of dead letters that are sent again: named alike within a run, and beginning anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from connector.envelope import Envelope
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE, TURN
from connector.replays import FIRST_CAME, REPLAY, REPLAY_OF, first_came, is_replay, replay_id, replay_properties

RUN = UUID(int=1)
LETTER = Envelope("m-7", b'{"kind":"x"}', "application/json", lineage="m-1", attempt=4)


def test_the_id_of_a_copy_is_frozen() -> None:
    assert replay_id(LETTER, RUN) == "d602496d-ee44-58f9-a2ad-783bd3ffb8b4"


def test_a_run_gives_the_copy_of_a_dead_letter_the_same_id_whatever_copy_of_it_was_put_aside() -> None:
    assert replay_id(LETTER, RUN) == replay_id(replace(LETTER, message_id="m-9", attempt=9), RUN)


def test_the_copy_of_another_run_is_never_taken_for_one_that_has_been_refused_since() -> None:
    assert replay_id(LETTER, RUN) != replay_id(LETTER, UUID(int=2))


def test_two_messages_under_one_id_are_not_taken_for_one_another() -> None:
    assert replay_id(LETTER, RUN) != replay_id(replace(LETTER, body=b'{"kind":"y"}'), RUN)


def test_a_copy_begins_with_its_first_attempt_and_keeps_what_its_sender_wrote() -> None:
    old = {LINEAGE: "m-1", ATTEMPT: 4, TURN: 2, FIRST_SEEN: "2026-01-01T00:00:00+00:00"}
    aside = {"DeadLetterReason": "price-missing", "DeadLetterErrorDescription": "None."}
    letter = replace(LETTER, properties={**old, **aside, "theirs": 1})
    assert replay_properties(letter) == {"theirs": 1, REPLAY: 1, REPLAY_OF: "m-1"}
    assert not is_replay(letter)


def test_a_copy_that_is_put_aside_once_more_is_sent_again_under_another_id_of_the_same_origin() -> None:
    copy = replace(LETTER, message_id=replay_id(LETTER, RUN), lineage=replay_id(LETTER, RUN), attempt=0)
    copy = replace(copy, properties=replay_properties(LETTER))
    assert is_replay(copy)
    assert replay_id(copy, RUN) not in (replay_id(LETTER, RUN), copy.message_id)
    assert replay_properties(copy) == {REPLAY: 2, REPLAY_OF: "m-1"}


def test_when_a_message_first_came_is_kept_however_often_it_is_sent_again() -> None:
    came, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    copy = replace(LETTER, enqueued_at=later, properties=replay_properties(replace(LETTER, enqueued_at=came)))
    again = replace(copy, properties=replay_properties(copy))
    assert (first_came(copy), first_came(again), copy.enqueued_at) == (came, came, later)
    made_up = replace(LETTER, enqueued_at=later, properties={FIRST_CAME: "2026-01-01"})
    assert first_came(made_up) == later
