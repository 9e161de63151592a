"""What the product makes after our sales were invoiced already: a double that only the costs still tell."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.dataverse.product import Creation
from tests.flow.second_writer import EARLY, GRACE, VERY_LATE, Shop, ends
from tests.flow.test_actuals import ONCE
from tests.flow.test_invoices import create
from tests.flow.world import World, ref


def act(world: World, invoice: str, action: str) -> Any:
    """The clerk's click on an invoice."""
    answer = world.http("POST", f"invoices({invoice})/Microsoft.Dynamics.CRM.{action}", {}, user="clerk")
    return answer.json() if answer.content else None


@pytest.mark.parametrize("credited", [False, True])
@pytest.mark.parametrize("cheaper", [False, True])
def test_sales_the_product_makes_after_ours_were_posted_are_never_marked_ready(
    world: World, credited: bool, cheaper: bool
) -> None:
    shop, entry = Shop(world, Creation.LATER, VERY_LATE), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    assert len(shop.ready()["marked"]) == 1
    world.command(create(world))
    (invoice,) = world.books()["invoices"]
    act(world, str(invoice["invoiceid"]), "msdyn_PostInvoice")
    if credited:
        corrective = act(world, str(invoice["invoiceid"]), "msdyn_CorrectInvoice")["invoiceid"]
        act(world, corrective, "msdyn_PostInvoice")
    shop.passes(VERY_LATE)
    late = [row for row in world.books().live(str(entry.id)) if row["msdyn_transactiontypecode"] == 192350000]
    assert len(late) == 2
    if cheaper:
        for row in late:
            world.http("PATCH", f"msdyn_actuals({row['msdyn_actualid']})", {"msdyn_price": 90, "msdyn_amount": 720})
            break
    assert ends(shop.deliver()) == ["doubled"]
    assert "doubled" in shop.found()[ref(entry)]
    outcome = shop.ready()
    assert outcome["marked"] == []
    assert len(outcome["refused"]) == 1 + credited


def test_sales_the_product_makes_a_second_time_after_the_first_were_posted_are_never_marked_ready(world: World) -> None:
    shop, entry = Shop(world, Creation.AT_ONCE, EARLY, verifies=True), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    assert len(shop.ready()["marked"]) == 1
    world.command(create(world))
    (invoice,) = world.books()["invoices"]
    act(world, str(invoice["invoiceid"]), "msdyn_PostInvoice")
    world.write_foreign_cost(entry)
    world.write_foreign_sales(entry, "C1")
    assert ends(shop.deliver()) == ["doubled"]
    assert shop.ready()["marked"] == []


def test_what_a_credit_opens_again_may_be_marked_where_nothing_is_doubled(world: World) -> None:
    shop, entry = Shop(world, Creation.NEVER), world.time("P1", "Ada")
    shop.approve(entry)
    shop.passes(GRACE)
    shop.deliver()
    assert world.live(entry) == ONCE
    shop.ready()
    world.command(create(world))
    (invoice,) = world.books()["invoices"]
    act(world, str(invoice["invoiceid"]), "msdyn_PostInvoice")
    corrective = act(world, str(invoice["invoiceid"]), "msdyn_CorrectInvoice")["invoiceid"]
    act(world, corrective, "msdyn_PostInvoice")
    assert len(shop.ready()["marked"]) == 1
