"""The id of a run stands for the contracts it was first given with."""

from __future__ import annotations

import pytest

from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.invoice_runs import InvoiceRuns
from handlers.invoicing import InvoicingHandler
from mappings.messages import CreateManyInvoices
from tests.handlers.judging import refused
from tests.handlers.test_invoicing import ONE
from tests.handlers.world import CONTRACT, CUSTOMER, USD, ZONE, World, new

OTHER = new("salesorder", 600)
NAMED = CreateManyInvoices(command=ONE, requested_by="ada", contracts=(CONTRACT.id,))


def give(world: World, command: CreateManyInvoices) -> Outcome:
    handler = InvoiceRuns(InvoicingHandler(lambda: world.dataverse.rows.now, ZONE))
    return FixedPoint(world.dataverse).settle(handler, [command])[command]


@pytest.mark.parametrize("change", [{"contracts": (OTHER.id,)}, {"contracts": (), "everything": True}])
def test_a_run_of_other_contracts_under_the_same_id_is_refused(world: World, change: dict[str, object]) -> None:
    cells = {"name": "Other", "ordernumber": "O", "customerid": CUSTOMER, "msdyn_ordertype": 192350001}
    world.dataverse.put(OTHER, transactioncurrencyid=USD, **cells)
    assert isinstance(give(world, NAMED), Settled)
    assert refused(give(world, NAMED.model_copy(update=change))).code == "command-id-reused"
    assert isinstance(give(world, NAMED), Settled), "the same once more is no other"
