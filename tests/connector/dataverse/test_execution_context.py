from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataverse.changes import Reference
from connector.dataverse.context_values import Entity
from connector.dataverse.execution_context import ExecutionContext, parse_context, read_context
from connector.envelope import Envelope
from connector.errors import Rejected

NS = "http://schemas.microsoft.com/xrm/2011/Contracts"
ROW = UUID("aaaaaaaa-0000-4000-8000-000000000001")
USER = UUID("bbbbbbbb-0000-4000-8000-000000000002")
OPERATION = UUID("cccccccc-0000-4000-8000-000000000003")


def typed(name: str, **members: object) -> dict[str, object]:
    return {"__type": f"{name}:{NS}", **members}


def pairs(**values: object) -> list[dict[str, object]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def entity(table: str, **attributes: object) -> dict[str, object]:
    return {
        "Attributes": pairs(**attributes),
        "EntityState": None,
        "FormattedValues": [],
        "Id": str(ROW),
        "LogicalName": table,
    }


def context(**changed: object) -> dict[str, Any]:
    target = typed(
        "Entity",
        **entity(
            "thing",
            thingid=str(ROW),
            name="Größe",
            note=None,
            state=typed("OptionSetValue", Value=192350002),
            price=typed("Money", Value=Decimal("12.30")),
            hours=7.5,
            count=3,
            open=True,
            owner=typed("EntityReference", Id=str(USER), LogicalName="systemuser", Name=None),
            kinds=[{"Value": 1}, {"Value": 4}],
            happened="/Date(1704103200000+0300)/",
            before1970="/Date(-1000)/",
            oddity={"__type": "QueryExpression:" + NS, "Criteria": {}},
            wrapped={"__type": "Guid:#System", "__value": str(USER)},
            wrapped_number={"__type": "Double:#System", "__value": 1.5},
            linked=typed("AliasedValue", AttributeLogicalName="a", Value=typed("OptionSetValue", Value=5)),
            parties=typed("EntityCollection", Entities=[entity("party", mask=typed("OptionSetValue", Value=2))]),
        ),
    )
    root: dict[str, Any] = {
        "BusinessUnitId": str(USER),
        "CorrelationId": str(USER),
        "Depth": 2,
        "InitiatingUserId": str(USER),
        "InputParameters": pairs(Target=target, Other="x"),
        "IsInTransaction": False,
        "MessageName": "Update",
        "Mode": 1,
        "NeverHeardOf": {"a": [1, {"b": None}]},
        "OperationCreatedOn": "/Date(1704103200000)/",
        "OperationId": str(OPERATION),
        "OrganizationId": str(USER),
        "OutputParameters": [],
        "OwningExtension": {"Id": str(USER), "LogicalName": "sdkmessageprocessingstep", "Name": None},
        "ParentContext": None,
        "PostEntityImages": pairs(after=entity("thing", name="new")),
        "PreEntityImages": pairs(before=entity("thing", name="old")),
        "PrimaryEntityId": str(ROW),
        "PrimaryEntityName": "thing",
        "RequestId": None,
        "SharedVariables": pairs(
            tag="me", ChangedEntityTypes=[{"__type": "KeyValuePair:#x", "key": "a", "value": "b"}]
        ),
        "Stage": 40,
        "UserId": str(USER),
    }
    root.update(changed)
    return root


def body(root: object) -> bytes:
    return json.dumps(root, default=str).replace('"12.30"', "12.30").encode()


def test_what_happened_is_read_from_the_context() -> None:
    read = parse_context(body(context()), "application/json; charset=utf-8")

    assert read.message == "Update"
    assert (read.table, read.id) == ("thing", ROW)
    assert read.operation_id == OPERATION
    assert read.organization_id == USER
    assert (read.in_transaction, read.tag, read.truncated) == (False, "me", False)


def test_each_kind_of_value_is_read_as_what_it_is() -> None:
    assert parse_context(body(context())).target == {
        "thingid": str(ROW),
        "name": "Größe",
        "note": None,
        "state": 192350002,
        "price": Decimal("12.30"),
        "hours": Decimal("7.5"),
        "count": 3,
        "open": True,
        "owner": Reference("systemuser", USER),
        "kinds": (1, 4),
        "happened": datetime(2024, 1, 1, 10, tzinfo=UTC),
        "before1970": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        "wrapped": USER,
        "wrapped_number": Decimal("1.5"),
        "linked": 5,
        "parties": (Entity("party", ROW, {"mask": 2}),),
    }


def test_a_cleared_column_is_there_and_an_unread_one_is_not() -> None:
    target = parse_context(body(context())).target

    assert "note" in target
    assert "oddity" not in target


def test_escaped_slashes_read_the_same() -> None:
    escaped = body(context()).replace(b"/", b"\\/")

    assert parse_context(escaped) == parse_context(body(context()))


def test_a_deletion_has_a_row_and_no_columns() -> None:
    target = typed("EntityReference", Id=str(ROW), LogicalName="thing", Name=None)

    read = parse_context(body(context(MessageName="Delete", InputParameters=pairs(Target=target))))

    assert (read.id, dict(read.target)) == (ROW, {})


def test_a_truncated_message_still_names_its_row() -> None:
    root = context()
    for member in ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"):
        del root[member]
    envelope = Envelope("m", body(root), "application/json", {"MessageMaxSizeExceeded": "true"})

    read = read_context(envelope)

    assert (read.truncated, read.id, dict(read.target)) == (True, ROW, {})


def test_a_creation_without_primary_id_is_named_by_its_answer() -> None:
    root = context(PrimaryEntityId=str(UUID(int=0)), InputParameters=[], OutputParameters=pairs(id=str(ROW)))

    assert parse_context(body(root)).id == ROW


def test_a_tag_on_the_outer_operation_about_the_same_row_counts() -> None:
    outer = context()
    inner = context(SharedVariables=[], ParentContext=outer)

    assert parse_context(body(inner)).tag == "me"


def test_a_tag_on_an_outer_operation_about_another_row_does_not_count() -> None:
    outer = context(PrimaryEntityId=str(USER))

    assert parse_context(body(context(SharedVariables=[], ParentContext=outer))).tag is None


def test_old_contexts_with_fewer_members_are_read() -> None:
    read = parse_context(
        body({"MessageName": "Update", "PrimaryEntityName": "thing", "PrimaryEntityId": str(ROW), "Depth": None})
    )

    assert read == ExecutionContext("Update", "thing", ROW, None, None, False)


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"\x40\x01", "application/msbin1", "unreadable-binary-xml"),
        (b"<x/>", "application/xml", "unreadable-xml"),
        (b"  <RemoteExecutionContext/>", None, "unreadable-xml"),
        (b"\xef\xbb\xbf<RemoteExecutionContext/>", None, "unreadable-xml"),
        ("<RemoteExecutionContext/>".encode("utf-16"), None, "unreadable-xml"),
        (b"@\x16RemoteExecutionContext\x08\x30" + NS.encode() + b"\x01", None, "unreadable-binary-xml"),
        (b"@\x06string\x083http://schemas.microsoft.com/2003/10/Serialization/\x9e\x02{}", "", "unreadable-binary-xml"),
        (b"not json, but http://schemas.microsoft.com/xrm", None, "unreadable-binary-xml"),
        (b"not json at all", None, "unreadable-context"),
        (b" " * 1_048_577, "application/json", "unreadable-too-large"),
        (b"{", "application/json", "unreadable-context"),
        (b"[]", "application/json", "unreadable-context"),
        (b'"text"', None, "unreadable-context"),
        (b"\xff\xfe", None, "unreadable-context"),
        (b"{}", None, "unreadable-context"),
        (b"[" * 200_000, None, "unreadable-context"),
        (body(context(PrimaryEntityId=None, InputParameters=[])), None, "unreadable-context"),
        (body(context(PrimaryEntityName=None)), None, "unreadable-context"),
        (body(context(InputParameters={"Target": 1})), None, "unreadable-context"),
        (body(context(InputParameters=[1])), None, "unreadable-context"),
    ],
)
def test_what_cannot_be_read_is_rejected_under_a_code_of_its_own(content: bytes, kind: str | None, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_context(content, kind)

    assert caught.value.code == code


def test_the_refusal_of_xml_says_which_setting_to_change() -> None:
    with pytest.raises(Rejected, match="messageformat of serviceendpoint") as caught:
        parse_context(b"<x/>", "application/xml")

    assert "2, JSON" in caught.value.sentence


def test_json_in_other_encodings_and_with_a_byte_order_mark_is_read() -> None:
    plain = body(context())
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert parse_context(plain.decode().encode(encoding)) == parse_context(plain)


@pytest.mark.parametrize("number", ["1" * 5000, "1e400000000", "-0.0e-5"])
def test_numbers_of_any_size_are_read_or_refused(number: str) -> None:
    content = body(context(InputParameters=pairs(Target=1))).replace(
        b'"value": 1}', b'"value": ' + number.encode() + b"}"
    )
    assert number.encode() in content
    try:
        outcome = str(parse_context(content).id)
    except Rejected as refused:
        outcome = refused.code
    assert outcome in (str(ROW), "unreadable-context")


def test_outer_operations_without_end_are_refused() -> None:
    with pytest.raises(Rejected, match="nested too deep"):
        parse_context(b'{"ParentContext":' * 3000 + b"null" + b"}" * 3000)


def test_values_nested_without_end_are_refused() -> None:
    value: object = 1
    for _ in range(60):
        value = [value]

    with pytest.raises(Rejected, match="nested too deeply"):
        parse_context(body(context(InputParameters=pairs(Target=value))))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(context())), _json)
def test_a_context_with_anything_at_all_in_one_member_is_read_or_rejected_and_nothing_else(
    member: str, value: object
) -> None:
    try:
        outcome = str(parse_context(body(context(**{member: value}))).id)
    except Rejected as refused:
        outcome = refused.code
    assert outcome == str(ROW) or outcome.startswith("unreadable-") or member.startswith("PrimaryEntity")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected_and_nothing_else(content: bytes) -> None:
    with pytest.raises(Rejected):
        parse_context(content)
