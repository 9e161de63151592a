from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Call, ChangeSet, Committed, Create, Reference, Update
from connector.errors import Conflict, Misconfigured, Rejected
from tests.connector.dataverse.environment import (
    API,
    DEFINITIONS,
    ONE,
    THREE,
    TWO,
    batch_answer,
    boundary_of,
    change_set,
    definitions_url,
    error,
    last_body,
    mocked,
    part,
    teach,
)

BATCH = f"{API}$batch"
DONE = change_set(part(204))
NEW = Create(Reference("account", ONE), {"name": "x", "revenue": Decimal("10.50")})
CHANGED = Update(Reference("account", TWO), {"primarycontactid": Reference("contact", THREE)}, 'W/"42"')
CALLED = Call("DoThis", Reference("account", TWO), {"Amount": Decimal("1.10")})


def sets(*changes: Any) -> list[ChangeSet]:
    return [ChangeSet((change,)) for change in changes]


def test_a_commit_is_one_batch_with_one_change_set_each_a_call_by_itself_and_exactly_these_bytes() -> None:
    with mocked("account", "contact", tag="me & you") as (client, http, _):
        http.post(BATCH, **batch_answer(change_set(part(204), part(204)), part(204)))

        outcomes = client.commit([ChangeSet((NEW, CHANGED)), ChangeSet((CALLED,))])

        assert outcomes == [Committed((None, None)), Committed((None,))]
        boundary = boundary_of(http)
        begin = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        tag = "?tag=me%20%26%20you"
        assert last_body(http).decode() == (
            f"--{boundary}\r\n"
            f'Content-Type: multipart/mixed; boundary="changeset_1_{boundary}"\r\n\r\n'
            f"--changeset_1_{boundary}\r\n{begin}Content-ID: 1\r\n\r\n"
            f"PATCH /api/data/v9.2/accounts({ONE}){tag} HTTP/1.1\r\n"
            "Content-Type: application/json\r\nIf-None-Match: *\r\n\r\n"
            '{"name":"x","revenue":10.50}\r\n'
            f"--changeset_1_{boundary}\r\n{begin}Content-ID: 2\r\n\r\n"
            f"PATCH /api/data/v9.2/accounts({TWO}){tag} HTTP/1.1\r\n"
            'Content-Type: application/json\r\nIf-Match: W/"42"\r\n\r\n'
            f'{{"primarycontactid@odata.bind":"/contacts({THREE})"}}\r\n'
            f"--changeset_1_{boundary}--\r\n\r\n"
            f"--{boundary}\r\n"
            f"{begin}\r\n"
            f"POST /api/data/v9.2/accounts({TWO})/Microsoft.Dynamics.CRM.DoThis{tag} HTTP/1.1\r\n"
            "Content-Type: application/json\r\n"
            'Prefer: odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"\r\n\r\n'
            '{"Amount":1.10}\r\n'
            f"--{boundary}--\r\n"
        )
        sent = http.calls[-1].request
        assert sent.url == BATCH
        assert sent.headers["Prefer"] == "odata.continue-on-error"
        assert "If-None-Match" not in sent.headers


def test_each_change_set_stands_or_falls_alone() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(
            BATCH,
            **batch_answer(
                DONE,
                part(412, error("0x80060882", "The version of the existing record doesn't match")),
                part(400, error("0x80040265", "Not on a Sunday.")),
                DONE,
            ),
        )

        first, second, third, fourth = client.commit(sets(NEW, CHANGED, CALLED, NEW))

        assert first == fourth == Committed((None,))
        assert isinstance(second, Conflict)
        assert (second.code, second.record) == ("row-changed", f"account({TWO})")
        assert isinstance(third, Rejected)
        assert third.sentence.endswith("Not on a Sunday.")


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        (part(412, error("0x80040237", "exists"), content_id="2"), TWO),
        (part(412, error("0x80040237", "exists")), ONE),
        (part(412, error("0x80060882", "changed")), TWO),
        (part(412, error("", f"account With Id = {TWO} …")), TWO),
        (change_set(part(412, error("0x80060882", "changed"))), TWO),
    ],
)
def test_a_conflict_names_the_row_whenever_it_can_be_told(answer: str, row: UUID) -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(BATCH, **batch_answer(answer))

        [outcome] = client.commit([ChangeSet((NEW, CHANGED))])

        assert isinstance(outcome, Conflict)
        assert outcome.record == f"account({row})"


def test_a_conflict_on_one_of_several_like_changes_names_no_row() -> None:
    other = Create(Reference("account", THREE), {})
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(part(412, error("0x80040237", "exists"))))

        [outcome] = client.commit([ChangeSet((NEW, other))])

        assert isinstance(outcome, Conflict)
        assert outcome.record is None


def test_content_ids_count_on_through_the_batch_so_that_the_right_row_is_named() -> None:
    with mocked("account", "contact") as (client, http, _):
        http.post(
            BATCH,
            **batch_answer(change_set(part(204), part(204)), part(412, error("0x80060882", "changed"), content_id="4")),
        )

        outcome = client.commit([ChangeSet((NEW, CHANGED)), ChangeSet((NEW, CHANGED))])[1]

        assert isinstance(outcome, Conflict)
        assert outcome.record == f"account({TWO})"


def test_the_row_an_action_answers_with_comes_back() -> None:
    answer = {
        "@odata.context": f"{API}$metadata#contacts/$entity",
        "@odata.etag": 'W/"9"',
        "contactid": str(THREE),
        "fullname": "Ann",
    }
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(change_set(part(200, answer))))
        learned = definitions_url("contact").replace("LogicalName%20eq%20'contact'", "EntitySetName%20eq%20'contacts'")
        http.get(learned, json={"value": [DEFINITIONS["contact"]]})

        [outcome] = client.commit(sets(CALLED))

        assert isinstance(outcome, Committed)
        [record] = outcome.answers
        assert record is not None
        assert (record.row, record.etag, record["fullname"]) == (Reference("contact", THREE), 'W/"9"', "Ann")


@pytest.mark.parametrize(
    "answer", [{"@odata.context": "…#Microsoft.Dynamics.CRM.DoThisResponse", "Sum": 1}, {"value": 1}, [1]]
)
def test_an_action_that_answers_with_something_else_was_carried_out_all_the_same(answer: object) -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(change_set(part(200, answer))))

        assert client.commit(sets(CALLED)) == [Committed((None,))]


def test_an_unreadable_row_in_an_answer_never_turns_a_done_change_into_a_failure() -> None:
    answer = {"@odata.type": "#Microsoft.Dynamics.CRM.account", "accountid": "no id"}
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(change_set(part(200, answer))))

        assert client.commit(sets(CALLED)) == [Committed((None,))]


def test_no_change_set_is_no_request_and_an_empty_one_is_committed_without_being_sent() -> None:
    with mocked() as (client, http, _):
        assert client.commit([]) == []
        assert client.commit([ChangeSet(())]) == [Committed(())]
        assert len(http.calls) == 0


def test_the_id_in_the_values_is_not_sent_twice() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE))

        client.commit(sets(Create(Reference("account", ONE), {"accountid": ONE, "name": "x"})))

        assert b'\r\n{"name":"x"}\r\n' in last_body(http)
        assert b"?tag=" not in last_body(http)


def test_a_float_is_refused_before_anything_is_sent() -> None:
    bad = Create(Reference("account", TWO), {"revenue": 0.1})  # type: ignore[dict-item]
    with mocked("account") as (client, http, _):
        with pytest.raises(TypeError, match=r"account\.revenue was given a float"):
            client.commit(sets(NEW, bad))
        assert len(http.calls) == 1


def test_an_update_without_an_etag_is_refused_before_anything_is_sent() -> None:
    with mocked("account") as (client, http, _):
        with pytest.raises(ValueError, match="needs the ETag"):
            client.commit(sets(Update(Reference("account", TWO), {"name": "x"}, "")))
        assert len(http.calls) == 1


def test_an_unknown_column_fails_its_own_change_set_only() -> None:
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(DONE))
        teach(http, "account")

        wrong, right = client.commit(sets(Create(Reference("account", TWO), {"nme": "x"}), NEW))

        assert isinstance(wrong, Misconfigured)
        assert "nme" in wrong.sentence
        assert right == Committed((None,))


def test_more_than_a_thousand_operations_go_in_several_batches_and_no_change_set_is_torn() -> None:
    changes = tuple(Create(Reference("account", UUID(int=number)), {}) for number in range(600))
    answer = change_set(*[part(204)] * 600)
    with mocked("account") as (client, http, _):
        http.post(BATCH, **batch_answer(answer))
        http.post(BATCH, **batch_answer(answer))

        outcomes = client.commit([ChangeSet(changes), ChangeSet(changes)])

        assert [type(outcome) for outcome in outcomes] == [Committed, Committed]
        assert [body_operations(call) for call in list(http.calls)[1:]] == [600, 600]


def test_a_change_set_of_more_than_a_thousand_changes_is_refused_unsent() -> None:
    with mocked("account") as (client, _, _):
        [outcome] = client.commit([ChangeSet((NEW,) * 1001)])

        assert isinstance(outcome, Rejected)
        assert outcome.code == "too-many-changes"


def body_operations(call: Any) -> int:
    return int(call.request.body.count(b"PATCH "))


def test_after_a_call_by_itself_content_ids_still_name_the_right_row() -> None:
    with mocked("account", "contact") as (client, http, _):
        refused = part(412, error("0x80060882", "changed"), content_id="2")
        http.post(BATCH, **batch_answer(part(204), refused))

        outcome = client.commit([ChangeSet((CALLED,)), ChangeSet((NEW, CHANGED))])[1]

        assert isinstance(outcome, Conflict)
        assert outcome.record == f"account({TWO})"
