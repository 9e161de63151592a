"""The copies of dead letters that are sent again: named alike whoever sends them, and beginning anew."""

from __future__ import annotations

from dataclasses import replace

from connector.envelope import Envelope
from connector.inbox import ATTEMPT, FIRST_SEEN, LINEAGE, TURN
from connector.replays import REPLAY, REPLAY_OF, is_replay, replay_id, replay_properties

LETTER = Envelope("m-7", b'{"kind":"x"}', "application/json", lineage="m-1", attempt=4)


def test_the_id_of_a_copy_is_frozen() -> None:
    assert replay_id(LETTER) == "4ad5bd92-81bc-5c37-85d1-d2e3f3a447e4"


def test_whoever_sends_a_dead_letter_again_gives_its_copy_the_same_id_whatever_copy_of_it_was_put_aside() -> None:
    assert replay_id(LETTER) == replay_id(replace(LETTER, message_id="m-9", attempt=9))


def test_two_messages_under_one_id_are_not_taken_for_one_another() -> None:
    assert replay_id(LETTER) != replay_id(replace(LETTER, body=b'{"kind":"y"}'))


def test_a_copy_begins_with_its_first_attempt_and_keeps_what_its_sender_wrote() -> None:
    old = {LINEAGE: "m-1", ATTEMPT: 4, TURN: 2, FIRST_SEEN: "2026-01-01T00:00:00+00:00"}
    aside = {"DeadLetterReason": "price-missing", "DeadLetterErrorDescription": "None."}
    letter = replace(LETTER, properties={**old, **aside, "theirs": 1})
    assert replay_properties(letter) == {"theirs": 1, REPLAY: 1, REPLAY_OF: "m-1"}
    assert not is_replay(letter)


def test_a_copy_that_is_put_aside_once_more_is_sent_again_under_another_id_of_the_same_origin() -> None:
    copy = replace(LETTER, message_id=replay_id(LETTER), lineage=replay_id(LETTER), attempt=0)
    copy = replace(copy, properties=replay_properties(LETTER))
    assert is_replay(copy)
    assert replay_id(copy) not in (replay_id(LETTER), copy.message_id)
    assert replay_properties(copy) == {REPLAY: 2, REPLAY_OF: "m-1"}
