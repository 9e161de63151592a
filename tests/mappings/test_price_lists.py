"""Which of several price lists is the one of a day, and what is said when none or more than one is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mappings.business_date import business_date
from mappings.price_lists import Context, PriceList, Unpriced, price_list, the_one_covering
from mappings.profile import SeveralCostLists
from mappings.tables import Ref
from tests.mappings.price_samples import ADATUM, COSTS, FEBRUARY, NEW_YORK, at_midnight
from tests.mappings.price_samples import price_list as sample
from tests.mappings.samples import EUR, USD, row, uid

DOLLARS = (USD.id, "USD")
OLD = sample(311, "Adatum 2025", year=2025)
OVERLAP = sample(312, "Adatum special", begin=at_midnight(date(2026, 2, 1)), end=at_midnight(date(2026, 2, 28)))
IN_EURO = sample(313, "Adatum Euro", currency=EUR.id)
CLOSED = sample(314, "Adatum closed", is_active=False)
NO_START = sample(315, "Undated start", begin=None)
NO_END = sample(316, "Undated end", end=None)


def chosen(*lists: PriceList, day: date = FEBRUARY, zone: ZoneInfo = NEW_YORK) -> PriceList | Unpriced:
    return the_one_covering(lists, Context.SALES, DOLLARS, day, zone, "the contract")


def test_the_one_list_that_covers_the_day_is_chosen_whatever_others_there_are() -> None:
    assert chosen(OLD, ADATUM, IN_EURO, CLOSED, NO_START, COSTS) is ADATUM


@pytest.mark.parametrize(
    ("lists", "code", "sentence"),
    [
        ((), "price-missing", "No active sales price list in USD is attached to the contract."),
        (
            (COSTS,),
            "price-missing",
            "No active sales price list in USD is attached to the contract; it has US costs 2026 only.",
        ),
        (
            (IN_EURO, CLOSED),
            "price-missing",
            "No active sales price list in USD is attached to the contract; it has Adatum Euro and Adatum closed only.",
        ),
        (
            (OLD,),
            "price-missing",
            "No sales price list of the contract covers 2026-02-10: "
            "Adatum 2025 is valid from 2025-01-01 to 2025-12-31.",
        ),
        (
            (NO_START, NO_END),
            "price-missing",
            "No sales price list of the contract covers 2026-02-10: Undated end has no end date and so is never valid, "
            "Undated start has no start date and so is never valid.",
        ),
        (
            (OVERLAP, ADATUM),
            "price-ambiguous",
            "Adatum 2026 and Adatum special of the contract overlap: more than one of them covers 2026-02-10.",
        ),
    ],
)
def test_a_reason_names_the_lists_and_what_is_wrong_with_them(
    lists: tuple[PriceList, ...], code: str, sentence: str
) -> None:
    assert chosen(*lists) == Unpriced(code, sentence)
    assert chosen(*reversed(lists)) == Unpriced(code, sentence)


@pytest.mark.parametrize(
    ("day", "covered"),
    [
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2026, 12, 31), True),
        (date(2027, 1, 1), False),
    ],
)
def test_both_dates_of_a_list_belong_to_it(day: date, covered: bool) -> None:
    assert ADATUM.covers(day, NEW_YORK) is covered


@pytest.mark.parametrize(
    ("zone", "last_evening"),
    [
        # 23:30 of the last day, as an instant of its own zone.
        ("Pacific/Auckland", datetime(2026, 12, 31, 10, 30, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2026, 12, 31, 10, 30, tzinfo=UTC)),
        ("Pacific/Honolulu", datetime(2027, 1, 1, 9, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2027, 1, 1, 4, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 12, 31, 22, 30, tzinfo=UTC)),
    ],
)
def test_work_late_on_the_last_day_of_a_list_is_priced_by_it_in_every_zone(zone: str, last_evening: datetime) -> None:
    where = ZoneInfo(zone)
    this_year = sample(
        321, "This year", begin=at_midnight(date(2026, 1, 1), where), end=at_midnight(date(2026, 12, 31), where)
    )
    next_year = sample(
        322, "Next year", begin=at_midnight(date(2027, 1, 1), where), end=at_midnight(date(2027, 12, 31), where)
    )
    day = business_date(last_evening, where)
    assert day == date(2026, 12, 31)
    assert chosen(this_year, next_year, day=day, zone=where) is this_year


@pytest.mark.parametrize("night", [date(2026, 3, 8), date(2026, 11, 1)])
def test_lists_meet_without_gap_or_overlap_where_the_clocks_change(night: date) -> None:
    first = sample(323, "Until then", end=at_midnight(night))
    second = sample(324, "From then", begin=at_midnight(date.fromordinal(night.toordinal() + 1)))
    assert chosen(first, second, day=night) is first
    assert chosen(first, second, day=date.fromordinal(night.toordinal() + 1)) is second


def test_days_that_are_the_same_for_everybody_are_compared_as_they_are() -> None:
    plain = sample(325, "Plain days", begin=date(2026, 2, 10), end=date(2026, 2, 10))
    for zone in ("Pacific/Apia", "Pacific/Honolulu"):
        assert chosen(plain, zone=ZoneInfo(zone)) is plain


def cost_list(of: SeveralCostLists, *lists: PriceList) -> PriceList | Unpriced:
    return the_one_covering(lists, Context.COST, DOLLARS, FEBRUARY, NEW_YORK, "the project parameters", of)


def test_two_cost_lists_are_an_error_in_one_product_and_the_newer_one_counts_in_the_other() -> None:
    newer = sample(331, "Newer costs", Context.COST, created=datetime(2026, 1, 20, tzinfo=UTC))
    refused = cost_list(SeveralCostLists.REFUSE, COSTS, newer)
    assert isinstance(refused, Unpriced)
    assert refused.code == "price-ambiguous"
    assert "Newer costs and US costs 2026 of the project parameters overlap" in refused.because
    assert cost_list(SeveralCostLists.MOST_RECENT, newer, COSTS) is newer


def test_of_two_cost_lists_created_at_one_moment_or_at_none_known_neither_is_the_newer() -> None:
    for created in (COSTS.created, None):
        twin = sample(332, "Twin costs", Context.COST, created=created)
        assert isinstance(cost_list(SeveralCostLists.MOST_RECENT, twin, COSTS), Unpriced)


def test_two_sales_lists_are_an_error_in_either_product() -> None:
    several = SeveralCostLists.MOST_RECENT
    newer = replace(OVERLAP, created=datetime(2026, 1, 20, tzinfo=UTC))
    found = the_one_covering((ADATUM, newer), Context.SALES, DOLLARS, FEBRUARY, NEW_YORK, "the contract", several)
    assert isinstance(found, Unpriced)
    assert found.code == "price-ambiguous"


def test_a_price_list_is_read_from_its_row() -> None:
    ref = Ref("pricelevel", uid(341))
    cells = {
        "name": "Adatum 2026",
        "msdyn_module": 192350002,
        "transactioncurrencyid": Ref("transactioncurrency", USD.id),
        "begindate": datetime(2026, 1, 1, 5, tzinfo=UTC),
        "enddate": date(2026, 12, 31),
        "createdon": datetime(2025, 12, 1, tzinfo=UTC),
        "msdyn_timeunit": Ref("uom", uid(342)),
        "statecode": 0,
    }
    read = price_list(row(ref, cells))  # type: ignore[arg-type]
    assert read == PriceList(
        ref=ref,
        name="Adatum 2026",
        context=Context.SALES,
        currency=USD.id,
        begin=datetime(2026, 1, 1, 5, tzinfo=UTC),
        end=date(2026, 12, 31),
        created=datetime(2025, 12, 1, tzinfo=UTC),
        time_unit=uid(342),
    )
    assert not price_list(row(ref, {"statecode": 1})).is_active
    assert price_list(row(ref)).name == str(ref)
    with pytest.raises(TypeError, match="a date column holds a str"):
        price_list(row(ref, {"begindate": "2026-01-01"}))
