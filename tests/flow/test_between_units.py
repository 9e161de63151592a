"""Work for another unit over HTTP: what the service writes, and that it is what the product itself would have written.

The ledger checker judges how the four sides hang together; which figures scenario 11 has is written down here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from connector.settlement import Complete
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Settled
from handlers.verification import VerificationHandler
from mappings.tables import Ref
from sandbox.company.builder import Builder
from sandbox.company.company import LoadedEntry
from sandbox.dataverse.product import Creation
from sandbox.dataverse.product.switches import Replacements
from service.local_world import sandbox_settings
from service.profiles import profile_of
from tests.flow.test_prices_from_lists import left_open, written
from tests.flow.world import World, ref

DAY = date(2026, 2, 10)
OF_ALL_FOUR = [
    (192350000, Decimal("8.00"), Decimal("67.00"), Decimal("536.00"), "USD"),
    (192350005, Decimal("8.00"), Decimal("112.00"), Decimal("896.00"), "USD"),
    (192350007, Decimal("8.00"), Decimal("100.00"), Decimal("800.00"), "INR"),
    (192350008, Decimal("8.00"), Decimal("67.00"), Decimal("536.00"), "USD"),
]


@pytest.fixture(params=["lists of the parameters", "lists of the units"])
def offshore(world: World, request: pytest.FixtureRequest) -> tuple[World, LoadedEntry]:
    """Acceptance scenario 11: eight hours of India's for Adatum, submitted.

    Where each unit's cost list hangs on it, those of the parameters say otherwise and must not count.
    """
    on_units = request.param == "lists of the units"
    year, us_list = (date(2026, 1, 1), date(2026, 12, 31)), "Fabrikam US own" if on_units else "Fabrikam US cost 2026"
    approver = world.http("GET", "systemusers?$filter=fullname eq 'Paula Approver'").json()["value"][0]["systemuserid"]
    with world.sandbox.web.transaction("administrator") as work:
        builder = Builder(work, approver)
        rupee = builder.currency("INR", Decimal(80))
        builder.organizational_unit("Contoso India", rupee)
        builder.resource("Indi", "Developer", "Contoso India")
        builder.unit("Long day", "Time", "Hour", Decimal(10))
        if on_units:
            builder.price_list(us_list, builder.currency("USD"), *year, cost=True, of_unit="Fabrikam US")
            builder.price_list("India at large", rupee, *year, cost=True)
            builder.role_price("India at large", "Developer", Decimal(9))
        builder.role_price(us_list, "Developer", Decimal(67), of_unit="Contoso India")
        builder.role_price("Adatum 2026", "Developer", Decimal(112), of_unit="Contoso India")
        builder.price_list("India cost", rupee, *year, cost=True, of_unit="Contoso India" if on_units else None)
        builder.role_price("India cost", "Developer", Decimal(1000), "Long day")
        made = builder.submitted_time("P1", "Indi", 480, DAY, unit="Contoso India")
    profile = profile_of(world.client, sandbox_settings(world.sandbox))
    rules = world.mission.entries
    assert isinstance(rules, ActualsHandler)
    world.mission = replace(world.mission, entries=replace(rules, profile=profile))
    return world, LoadedEntry("indi", "msdyn_timeentry", made.id, made.approval, "P1", "Indi", DAY, None)


def figures(world: World, entry: LoadedEntry) -> list[tuple[object, ...]]:
    """Kind, quantity, price, amount and currency of every row that counts."""
    codes = {
        row["transactioncurrencyid"]: row["isocurrencycode"]
        for row in world.http("GET", "transactioncurrencies").json()["value"]
    }
    columns = ("msdyn_quantity", "msdyn_price", "msdyn_amount")
    return sorted(
        (
            row["msdyn_transactiontypecode"],
            *(Decimal(str(row[column])) for column in columns),
            codes[row["_transactioncurrencyid_value"]],
        )
        for row in world.books().live(str(entry.id))
    )


def verdict(world: World, entry: LoadedEntry) -> Settled:
    """What verification says of an entry."""
    handler = VerificationHandler(world.mission.entries)  # type: ignore[arg-type]
    outcome = FixedPoint(world.client).settle(handler, [ref(entry)])[ref(entry)]
    assert isinstance(outcome, Settled), outcome
    return outcome


def test_four_kinds_of_rows_are_written_taken_back_and_written_again(offshore: tuple[World, LoadedEntry]) -> None:
    world, entry = offshore
    world.approve(entry)
    assert [type(end) for end in world.work_on(entry)] == [Complete]
    assert figures(world, entry) == OF_ALL_FOUR
    world.cancel(entry)
    world.work_on(entry)
    assert figures(world, entry) == []
    rows = world.books().of_entry(str(entry.id))
    by_kind = Counter[object]()
    for row in rows:
        by_kind[row["msdyn_transactiontypecode"]] += Decimal(str(row["msdyn_amount"]))  # type: ignore[assignment]
    assert len(rows) == 8
    assert set(by_kind.values()) == {Decimal(0)}
    world.approve(entry)
    world.work_on(entry, entry)
    assert figures(world, entry) == OF_ALL_FOUR
    assert world.faults() == []


def test_an_approval_that_leaves_the_cost_open_has_it_from_the_contracting_units_list(
    offshore: tuple[World, LoadedEntry], request: pytest.FixtureRequest
) -> None:
    world, entry = offshore
    left_open(world, entry)
    assert [type(end) for end in world.work_on(entry)] == [Complete]
    assert figures(world, entry) == OF_ALL_FOUR
    on_units = "lists of the units" in request.node.name
    us_list = "Fabrikam US own" if on_units else "Fabrikam US cost 2026"
    assert [written(world, entry)[side][2] for side in (192350000, 192350005, 192350007)] == [
        us_list,
        "Adatum 2026",
        "India cost",
    ]
    assert world.faults() == []


def test_the_product_would_have_written_the_same(offshore: tuple[World, LoadedEntry]) -> None:
    world, entry = offshore
    world.sandbox.switches.actuals = Creation.AT_ONCE
    world.approve(entry)
    assert figures(world, entry) == OF_ALL_FOUR
    assert verdict(world, entry).because == "The ledger agrees with the approval."
    world.work_on(entry)
    assert len(world.books().of_entry(str(entry.id))) == 4


def test_of_all_entries_of_the_company_the_product_would_have_written_the_same(world: World) -> None:
    """The product of the sandbox shares no code with these rules."""
    world.sandbox.switches.actuals = Creation.AT_ONCE
    world.approve(*world.company.entries.values())
    subjects = [ref(entry) for entry in world.company.entries.values()]
    outcomes = FixedPoint(world.client).settle(VerificationHandler(world.mission.entries), subjects)  # type: ignore[arg-type]
    said = Counter(outcome.because if isinstance(outcome, Settled) else str(outcome) for outcome in outcomes.values())
    assert said == Counter({"The ledger agrees with the approval.": len(subjects)})


@pytest.mark.parametrize("replacements", list(Replacements))
def test_a_correction_journal_is_left_alone_however_its_rows_are_tied(world: World, replacements: Replacements) -> None:
    """Acceptance scenario 32, on rows of this service: the hours move to another project, and stay there."""
    entry = world.time("P1", "Ada")
    world.approve(entry)
    world.work_on(entry)
    world.sandbox.switches.replacements = replacements
    world.sandbox.switches.replacements_connected = replacements is Replacements.CONNECTION
    journal = world.http(
        "POST",
        "msdyn_journals",
        {
            "msdyn_description": "To the academy",
            "msdyn_journaltype": 192350001,
            "msdyn_DefaultProject@odata.bind": f"/msdyn_projects({world.company.projects['P4']})",
        },
        Prefer="return=representation",
    ).json()["msdyn_journalid"]
    origin = {
        "msdyn_origin": str(entry.id),
        "msdyn_origintype": entry.table,
        "msdyn_transaction": journal,
        "msdyn_transactiontype": "msdyn_journal",
    }
    world.http("POST", "msdyn_transactionorigins", origin)
    world.http("POST", f"msdyn_journals({journal})/Microsoft.Dynamics.CRM.msdyn_PostJournal", {})
    before = len(world.books()["msdyn_actuals"])
    for _ in range(3):
        assert [type(end) for end in world.work_on(entry)] == [Complete]
    assert len(world.books()["msdyn_actuals"]) == before
    outcome = FixedPoint(world.client).settle(world.mission.entries, [Ref(entry.table, entry.id)])
    (settled,) = outcome.values()
    assert isinstance(settled, Settled)
    assert "Handled elsewhere" in settled.because
    assert "sales quantity 0" in settled.because
