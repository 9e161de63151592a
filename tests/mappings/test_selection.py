"""What a filter may ask of which backlog."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from mappings.backlog import Backlog
from mappings.selection import Class, Filter, Selection, Status, columns
from tests.mappings.samples import uid

SOMEBODY = (uid(1),)
DAY = date(2026, 2, 10)
EVERYTHING = {
    "contracts": SOMEBODY,
    "customers": SOMEBODY,
    "projects": SOMEBODY,
    "resources": SOMEBODY,
    "roles": SOMEBODY,
    "classes": (Class.TIME,),
    "dated_from": DAY,
    "dated_to": DAY,
    "amount_from": Decimal(1),
    "amount_to": Decimal(2),
}
NOT_IN_A_PRODUCT_LINE = {name for name in EVERYTHING if name != "contracts"}
NOT_IN_A_MILESTONE = {"customers", "resources", "roles", "classes"}


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_a_backlog_has_no_column_for_is_refused_by_name(name: str) -> None:
    where = Filter.model_validate({name: EVERYTHING[name]})
    faults = {backlog: where.fault(backlog) for backlog in Backlog}
    assert faults[Backlog.TIME_AND_MATERIAL] is None
    for backlog, missing in ((Backlog.PRODUCTS, NOT_IN_A_PRODUCT_LINE), (Backlog.MILESTONES, NOT_IN_A_MILESTONE)):
        fault = faults[backlog]
        assert (fault is not None) is (name in missing)
        assert fault is None or (name.partition("_")[0] in fault and backlog in fault)


def test_all_that_is_missing_is_named_at_once() -> None:
    where = Filter(roles=SOMEBODY, resources=SOMEBODY, contracts=SOMEBODY)
    assert where.fault(Backlog.MILESTONES) == (
        "Rows of milestones can't be filtered by resources, roles: they have no such column."
    )


@pytest.mark.parametrize(
    ("backlog", "status"),
    [(Backlog.MILESTONES, "canceled"), (Backlog.MILESTONES, "adjusted"), ("products", "adjusted")],
)
def test_a_status_that_rows_of_a_backlog_never_have_is_refused_with_those_they_have(
    backlog: Backlog, status: str
) -> None:
    fault = Filter(statuses=(Status(status),)).fault(backlog)
    assert fault is not None
    assert f"are never {status}; they are open, ready, on-draft, posted" in fault


def test_every_row_may_be_asked_for_what_every_backlog_has() -> None:
    assert [Filter().fault(backlog) for backlog in Backlog] == [None, None, None]
    assert Filter().is_empty
    assert Filter(contracts=()).is_empty
    assert not Filter(amount_from=Decimal(0)).is_empty


@pytest.mark.parametrize(
    "given",
    [
        {"dated_from": "2026-02-11", "dated_to": "2026-02-10"},
        {"amount_from": "2", "amount_to": "1.99"},
        {"colour": "blue"},
        {"contracts": [str(uid(number)) for number in range(501)]},
        {"statuses": ["nearly"]},
        {"classes": ["milestone"]},
        {"dated_from": "2026-02-01T00:00:00Z"},
        {"dated_from": "20260201"},
        {"dated_to": 1767225600},
        {"dated_to": True},
        {"dated_to": "9999-12-31"},
        {"dated_from": "1899-12-31"},
        {"dated_to": datetime(2026, 2, 1, tzinfo=UTC)},
    ],
)
def test_a_filter_that_can_mean_nothing_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Filter.model_validate(given)


def test_a_filter_is_read_from_json_with_exact_amounts() -> None:
    where = Filter.model_validate_json('{"amount_from": "0.10", "dated_to": "2026-02-10", "classes": ["time"]}')
    assert (where.amount_from, where.dated_to, where.classes) == (Decimal("0.10"), DAY, (Class.TIME,))


def test_either_rows_or_a_filter_and_not_both() -> None:
    assert Selection(rows=SOMEBODY).rows == SOMEBODY
    assert Selection(where=Filter()).where == Filter()
    for given in ({}, {"rows": SOMEBODY, "where": Filter()}):
        with pytest.raises(ValidationError, match="not both and not neither"):
            Selection.model_validate(given)


def test_actuals_are_filtered_by_columns_that_are_read_with_them() -> None:
    for backlog in Backlog:
        looked_at = {column for several in columns(backlog).values() for column in several}
        assert looked_at <= set(backlog.columns)
