"""A body is read exactly or put aside; what is nobody's business is let go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from connector.envelope import Envelope
from connector.errors import Rejected
from connector.replays import replay_properties
from handlers.parsing import Ignored, asks_afresh, parse_command, parse_event
from mappings.messages import CreateInvoices, EntryChanged, LookAtRun, MarkReady
from tests.handlers.envelopes import ORGANIZATION, OWN_TAG, context, envelope

ENTRY = UUID("11111111-1111-4111-8111-111111111111")
ELSEWHERE = UUID("99999999-9999-4999-8999-999999999999")


@pytest.mark.parametrize("table", ["msdyn_timeentry", "msdyn_expense", "msdyn_projectapproval"])
def test_an_entry_or_approval_that_changed_is_read_by_its_id(table: str) -> None:
    event = parse_event(envelope(context(table, ENTRY)), ORGANIZATION, OWN_TAG)
    assert event == EntryChanged.model_validate({"table": table, "id": ENTRY})


def test_an_announcement_from_inside_a_transaction_is_marked_as_such() -> None:
    event = parse_event(envelope(context("msdyn_timeentry", ENTRY, IsInTransaction=True)), ORGANIZATION, OWN_TAG)
    assert isinstance(event, EntryChanged)
    assert event.may_roll_back


def test_figures_in_the_body_are_never_looked_at() -> None:
    target = {
        "key": "Target",
        "value": {
            "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
            "Id": str(ENTRY),
            "LogicalName": "msdyn_timeentry",
            "Attributes": [{"key": "msdyn_duration", "value": 600}],
        },
    }
    event = parse_event(envelope(context("msdyn_timeentry", ENTRY, InputParameters=[target])), None, OWN_TAG)
    assert isinstance(event, EntryChanged)
    assert set(event.model_dump()) == {"table", "id", "may_roll_back"}


def test_another_organizations_events_are_ignored() -> None:
    foreign = envelope(context("msdyn_timeentry", ENTRY, OrganizationId=str(ELSEWHERE)))
    ignored = parse_event(foreign, ORGANIZATION, OWN_TAG)
    assert isinstance(ignored, Ignored)
    assert str(ELSEWHERE) in ignored.because
    assert isinstance(parse_event(foreign, None, OWN_TAG), EntryChanged)


def test_an_event_without_an_organization_is_not_taken_for_ours() -> None:
    assert isinstance(
        parse_event(envelope(context("msdyn_timeentry", ENTRY, OrganizationId=None)), ORGANIZATION, OWN_TAG), Ignored
    )


def test_the_echo_of_our_own_write_is_ignored_and_somebody_elses_tag_is_not() -> None:
    for tag, kind in ((OWN_TAG, Ignored), ("another service", EntryChanged)):
        shared = [{"key": "tag", "value": tag}]
        body = context("msdyn_timeentry", ENTRY, SharedVariables=shared)
        assert isinstance(parse_event(envelope(body), ORGANIZATION, OWN_TAG), kind)


@pytest.mark.parametrize("table", ["msdyn_actual", "account", "invoice"])
def test_tables_that_decide_about_no_entry_are_ignored(table: str) -> None:
    assert isinstance(parse_event(envelope(context(table, ENTRY)), ORGANIZATION, OWN_TAG), Ignored)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"<RemoteExecutionContext/>", b'{"a":'])
def test_a_body_that_is_no_context_is_refused_with_a_code(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        parse_event(Envelope("m", body, "application/json"), ORGANIZATION, OWN_TAG)
    assert caught.value.code.startswith("unreadable")


MARK: dict[str, Any] = {
    "kind": "mark-ready",
    "command": str(ENTRY),
    "requested_by": "ada@fabrikam.com",
    "backlog": "products",
    "contracts": [str(ELSEWHERE)],
}
INVOICE: dict[str, Any] = {
    "kind": "create-invoices",
    "command": str(ENTRY),
    "requested_by": "ada@fabrikam.com",
    "contract": str(ELSEWHERE),
}


def test_commands_are_read() -> None:
    assert isinstance(parse_command(envelope(MARK)), MarkReady)
    assert isinstance(parse_command(envelope(INVOICE)), CreateInvoices)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "pay-me"}, "kind"),
        ({"requested_by": ""}, "requested_by"),
        ({"contract": "all of them"}, "contract"),
        ({"all": True}, "all"),
    ],
)
def test_a_command_that_can_not_be_read_names_the_member_at_fault(fault: dict[str, Any], named: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_command(envelope({**INVOICE, **fault}))
    assert caught.value.code == "unreadable-command"
    assert named in caught.value.sentence


@pytest.mark.parametrize(
    ("member", "command"),
    [
        ("where.dated_from", {"kind": "mark-ready", "backlog": "milestones", "where": {"dated_from": "0001-01-01"}}),
        ("where.dated_to", {"kind": "mark-ready", "backlog": "milestones", "where": {"dated_to": "9999-12-31"}}),
        ("due", {"kind": "create-due-invoices", "due": "9999-12-31"}),
    ],
)
def test_a_command_with_a_day_for_ever_is_refused_and_not_tried_again(member: str, command: dict[str, Any]) -> None:
    who = {"command": str(ENTRY), "requested_by": "ada@fabrikam.com"}
    with pytest.raises(Rejected) as caught:
        parse_command(envelope({**command, **who}))
    assert caught.value.code == "unreadable-command"
    assert caught.value.sentence.endswith(f"{member} is not between 1900-01-01 and 9998-12-31.")


def test_a_byte_order_mark_before_a_command_is_passed_over() -> None:
    plain = envelope(INVOICE)
    assert parse_command(replace(plain, body=b"\xef\xbb\xbf" + plain.body)) == parse_command(plain)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"@\x06string\x083http://schemas.microsoft.com/2003/10/Serialization/\x9e", None, "binary XML"),
        (b"\x40\x01", "application/msbin1", "binary XML"),
        (b"\xef\xbb\xbf<command/>", None, "XML"),
    ],
)
def test_a_command_that_net_serialized_says_how_to_send_it(body: bytes, kind: str | None, said: str) -> None:
    with pytest.raises(Rejected, match=f"is {said}: .*Send the JSON itself") as caught:
        parse_command(Envelope("m", body, kind))
    assert caught.value.code == "unreadable-command"


def test_a_command_without_end_is_not_read() -> None:
    with pytest.raises(Rejected) as caught:
        parse_command(Envelope("m", b" " * 1_048_577, "application/json"))
    assert caught.value.code == "unreadable-too-large"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"not json", b"\xff"])
def test_a_body_that_is_no_command_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected):
        parse_command(Envelope("m", body, "application/json"))


def test_the_sentence_about_an_unreadable_command_does_not_repeat_what_was_in_it() -> None:
    with pytest.raises(Rejected) as caught:
        parse_command(envelope({**INVOICE, "contract": "account key 12345"}))
    assert "12345" not in caught.value.sentence


def test_a_look_at_a_run_is_read_among_commands_and_one_that_can_not_be_read_is_refused() -> None:
    run = UUID(int=7)
    look = b'{"kind": "look-at-run", "run": "%s"}'
    assert parse_command(Envelope("1", look % str(run).encode(), None)) == LookAtRun(run=run)
    with pytest.raises(Rejected) as refused:
        parse_command(Envelope("1", look % b"x", None))
    assert refused.value.code == "unreadable-command"


def test_what_a_person_sends_again_is_looked_at_afresh_as_they_have_just_put_something_right() -> None:
    event = envelope(context("msdyn_timeentry", ENTRY))
    assert not asks_afresh(event)
    assert asks_afresh(replace(event, attempt=1))
    assert asks_afresh(replace(event, delivery_count=1))
    assert asks_afresh(replace(event, properties=replay_properties(event)))
