from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import Record, Reference, Value
from connector.dataverse.metadata import Metadata, read_definitions
from connector.dataverse.translation import LOOKUP_TABLE, parameters_to_wire, to_record, to_wire, whole_row
from connector.errors import Misconfigured
from tests.connector.dataverse.environment import DEFINITIONS, ONE, THREE, TWO, table

ACCOUNT = table("account")
ORDER = table("order")


def metadata(*names: str) -> Metadata:
    return Metadata(lambda _: {"value": [DEFINITIONS[name] for name in names]})


def test_every_column_of_a_row_comes_back_in_its_own_kind() -> None:
    row: dict[str, object] = {
        "@odata.etag": 'W/"7"',
        "accountid": str(ONE),
        "name": "Contoso",
        "revenue": 100,
        "exchangerate": Decimal("1.0000000000"),
        "employees": 12,
        "onhold": False,
        "createdon": "2024-01-01T10:00:00Z",
        "founded": "1999-12-31",
        "statecode": 0,
        "_primarycontactid_value": str(TWO),
        "_ownerid_value": str(THREE),
        f"_ownerid_value{LOOKUP_TABLE}": "team",
    }

    record = to_record(ACCOUNT, list(ACCOUNT.columns)[:-1], row)

    assert record == Record(
        Reference("account", ONE),
        'W/"7"',
        {
            "accountid": ONE,
            "name": "Contoso",
            "revenue": Decimal(100),
            "exchangerate": Decimal("1.0000000000"),
            "employees": 12,
            "onhold": False,
            "createdon": datetime(2024, 1, 1, 10, tzinfo=UTC),
            "founded": date(1999, 12, 31),
            "statecode": 0,
            "primarycontactid": Reference("contact", TWO),
            "ownerid": Reference("team", THREE),
        },
    )
    assert isinstance(record["revenue"], Decimal)


def test_an_empty_column_and_one_that_was_not_asked_for_read_as_none() -> None:
    record = to_record(ACCOUNT, ["name"], {"accountid": str(ONE), "name": None})

    assert record["name"] is None
    assert record["revenue"] is None


def test_a_lookup_to_several_tables_needs_to_be_told_which() -> None:
    with pytest.raises(Misconfigured, match=r"account\.ownerid"):
        to_record(ACCOUNT, ["ownerid"], {"accountid": str(ONE), "_ownerid_value": str(TWO)})


@pytest.mark.parametrize(
    ("column", "value"), [("employees", "many"), ("createdon", "yesterday"), ("revenue", "x"), ("name", {"a": 1})]
)
def test_a_value_in_another_shape_than_promised_is_named(column: str, value: object) -> None:
    with pytest.raises(Misconfigured, match=rf"account\.{column}"):
        to_record(ACCOUNT, [column], {"accountid": str(ONE), column: value})


def test_values_are_written_as_their_columns_want_them() -> None:
    body = to_wire(
        metadata("contact"),
        ACCOUNT,
        {"name": "x", "revenue": Decimal("1.10"), "primarycontactid": Reference("contact", TWO), "onhold": None},
        creating=True,
    )

    assert body == {
        "name": "x",
        "revenue": Decimal("1.10"),
        "primarycontactid@odata.bind": f"/contacts({TWO})",
        "onhold": None,
    }


def test_a_lookup_to_one_of_several_tables_is_bound_by_that_tables_own_property() -> None:
    known = metadata("account", "contact")

    assert to_wire(known, ORDER, {"customerid": Reference("account", ONE)}, creating=True) == {
        "customerid_account@odata.bind": f"/accounts({ONE})"
    }
    assert to_wire(known, ORDER, {"customerid": Reference("contact", ONE)}, creating=True) == {
        "customerid_contact@odata.bind": f"/contacts({ONE})"
    }


def test_an_owner_is_bound_by_the_one_property_for_users_and_teams() -> None:
    assert to_wire(metadata("team"), ACCOUNT, {"ownerid": Reference("team", ONE)}, creating=True) == {
        "ownerid@odata.bind": f"/teams({ONE})"
    }


def test_a_lookup_is_cleared_by_binding_it_to_nothing_and_left_out_of_a_creation() -> None:
    assert to_wire(metadata(), ORDER, {"customerid": None}, creating=False) == {"customerid_account@odata.bind": None}
    assert to_wire(metadata(), ORDER, {"customerid": None}, creating=True) == {}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"revenue": 1.5}, "pass a Decimal"),
        ({"name": Reference("contact", ONE)}, "is not a lookup"),
        ({"primarycontactid": ONE}, "is a lookup"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        to_wire(metadata("contact"), ACCOUNT, values, creating=True)


def test_a_lookup_bound_to_a_table_it_cannot_point_at_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"order\.customerid cannot point at order, only at account, contact"):
        to_wire(metadata("order"), ORDER, {"customerid": Reference("order", ONE)}, creating=True)


def test_a_row_given_to_an_action_is_named_by_its_type_and_key() -> None:
    values: dict[str, Value] = {"Target": Reference("contact", ONE), "Amount": Decimal("2.50")}

    assert parameters_to_wire(metadata("contact"), values) == {
        "Target": {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": ONE},
        "Amount": Decimal("2.50"),
    }


def test_a_whole_row_keeps_what_can_be_read_and_leaves_out_what_was_expanded() -> None:
    row: dict[str, object] = {
        "@odata.etag": 'W/"1"',
        "accountid": str(ONE),
        "name": "x",
        "primarycontactid": {"contactid": str(TWO)},
        "unheard_of": 1,
    }

    assert whole_row(ACCOUNT, row).values == {"accountid": ONE, "name": "x"}


def test_missing_tables_are_learned_in_one_request_and_only_once() -> None:
    asked: list[str] = []

    def ask(path: str) -> object:
        asked.append(path)
        return {"value": [DEFINITIONS["account"], DEFINITIONS["contact"]]}

    known = Metadata(ask)
    known.learn(["contact", "account"])
    known.learn(["account"])

    assert known.table("contact").set_name == "contacts"
    assert known.table_of_set("accounts").name == "account"
    assert len(asked) == 1


def test_a_forgotten_table_is_asked_for_again() -> None:
    answers = [{"value": []}, {"value": [DEFINITIONS["contact"]]}]
    known = Metadata(lambda _: answers.pop(0))

    with pytest.raises(Misconfigured, match="no table contact"):
        known.table("contact")
    assert known.table("contact").primary_id == "contactid"


def test_metadata_in_another_shape_is_refused() -> None:
    with pytest.raises(Misconfigured, match="unknown shape"):
        read_definitions({"value": [{"LogicalName": "x"}]})
