from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataverse.exact_json import dumps, loads


def test_a_decimal_is_written_with_its_scale_and_without_an_exponent() -> None:
    written = dumps({"a": Decimal("37.50"), "b": Decimal("1E+3"), "c": Decimal("0.0000000001")})

    assert written == '{"a":37.50,"b":1000,"c":0.0000000001}'


def test_a_number_with_a_point_is_read_as_the_decimal_it_is() -> None:
    assert loads('{"a": 2154.32, "b": 1.0000000000, "c": 3}') == {
        "a": Decimal("2154.32"),
        "b": Decimal("1.0000000000"),
        "c": 3,
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        ('Größe "x"\n', '"Größe \\"x\\"\\n"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (date(2024, 2, 29), '"2024-02-29"'),
        (datetime(2024, 1, 1, 10, tzinfo=timezone(timedelta(hours=2))), '"2024-01-01T08:00:00Z"'),
        (datetime(2024, 1, 1, 10, 0, 0, 120000, tzinfo=UTC), '"2024-01-01T10:00:00.120000Z"'),
        ([1, {"x": None}], '[1,{"x":null}]'),
    ],
)
def test_each_kind_of_value_has_one_text(value: object, written: str) -> None:
    assert dumps(value) == written


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, "float"),
        (Decimal("NaN"), "undefined"),
        (datetime(2024, 1, 1), "time zone"),  # noqa: DTZ001 - the naive instant that is to be refused
        ({1, 2}, "set"),
        (b"x", "bytes"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused_with_the_reason(value: object, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        dumps({"column": value})


@pytest.mark.parametrize("text", ["{", "NaN", "[Infinity]", ""])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**11), max_value=10**11))
def test_every_decimal_survives_the_round_trip_digit_for_digit(value: Decimal) -> None:
    assert str(Decimal(str(loads(f"[{dumps(value)}]")[0]))) in (str(value), str(Decimal(format(value, "f"))))  # type: ignore[index]


@pytest.mark.parametrize("text", ["1.5E+999999999", "1e-999999999", "[" * 100_000])
def test_a_few_characters_that_stand_for_more_than_can_be_held_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"proportion|deep"):
        loads(text)


def test_a_decimal_out_of_all_proportion_is_not_written_out() -> None:
    with pytest.raises(TypeError, match="proportion"):
        dumps(Decimal("1E+999999"))
