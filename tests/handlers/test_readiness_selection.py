"""Which rows a command selects, and that its id stands for one selection only."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import Transient
from handlers.fixed_point import Settled
from mappings.backlog import Backlog
from mappings.messages import MarkReady
from tests.handlers.fake_dataverse import touches
from tests.handlers.judging import refused
from tests.handlers.test_readiness import ACTUAL, COMMAND, carried_out, command, of_contract, sales, status
from tests.handlers.world import CONTRACT, LINE, READY, World

MILESTONE = "msdyn_contractlinescheduleofvalue"


@pytest.mark.parametrize(
    "other",
    [
        MarkReady(command=COMMAND, requested_by="ada@fabrikam.com", backlog=Backlog.PRODUCTS, rows=(LINE.id,)),
        MarkReady(
            command=COMMAND, requested_by="ada@fabrikam.com", backlog=Backlog.TIME_AND_MATERIAL, rows=(UUID(int=9),)
        ),
        of_contract(),
    ],
)
def test_an_id_given_to_another_command_before_is_refused_and_the_first_goes_on(world: World, other: MarkReady) -> None:
    fine = sales(world)
    world.dataverse.fail(Transient("busy", "Try later."), touches(ACTUAL))
    world.command(command(fine))  # recorded, and interrupted before anything is marked
    (outcome,) = world.command(other)
    assert refused(outcome).code == "command-id-reused"
    assert str(COMMAND) in refused(outcome).sentence
    assert status(world, fine) is None
    assert carried_out(world, command(fine)) == ([str(fine)], {})


def test_an_id_is_not_free_again_once_its_command_was_carried_out(world: World) -> None:
    first, second = sales(world), sales(world)
    carried_out(world, command(first))
    (outcome,) = world.command(command(second))
    assert refused(outcome).code == "command-id-reused"
    assert (status(world, first), status(world, second)) == (READY, None)


def test_two_different_commands_under_one_id_in_one_batch_are_carried_out_once(world: World) -> None:
    first, second = sales(world), sales(world)
    obeyed, reused = world.command(command(first), command(second))
    assert isinstance(obeyed, Settled)
    assert refused(reused).code == "command-id-reused"
    assert (status(world, first), status(world, second)) == (READY, None)


def test_a_row_in_the_middle_of_a_correction_is_open_by_id_and_by_contract(world: World) -> None:
    in_process = sales(world, msdyn_adjustmentstatus=192350000)
    for adjusted in (192350001, 192350002):
        sales(world, msdyn_adjustmentstatus=adjusted)
    assert carried_out(world, of_contract()) == ([str(in_process)], {})
    by_id = sales(world, msdyn_adjustmentstatus=192350000)
    assert carried_out(world, command(by_id, id=UUID(int=5))) == ([str(by_id)], {})


def test_a_milestone_that_names_only_its_contract_line_belongs_to_the_lines_contract(world: World) -> None:
    elsewhere = world.fresh("salesorderdetail")
    world.dataverse.put(elsewhere, salesorderid=world.fresh("salesorder"))
    by_line, by_contract, of_others = (world.fresh(MILESTONE) for _ in range(3))
    open_one = {"msdyn_invoicestatus": 192350000, "msdyn_amount": Decimal(5000)}
    world.dataverse.put(by_line, msdyn_contractlineid=LINE, **open_one)
    world.dataverse.put(by_contract, msdyn_contract=CONTRACT, **open_one)
    world.dataverse.put(of_others, msdyn_contractlineid=elsewhere, **open_one)
    marked, refused_rows = carried_out(world, of_contract(Backlog.MILESTONES))
    assert (sorted(marked), refused_rows) == (sorted([str(by_line.id), str(by_contract.id)]), {})
    assert world.dataverse.get(of_others)["msdyn_invoicestatus"] == 192350000


def test_a_row_changed_since_the_selection_says_so_and_why_it_may_not_be_marked_now(world: World) -> None:
    touched = sales(world)
    world.dataverse.before_commit = [
        lambda: None,  # the selection is recorded
        lambda: world.dataverse.put(Reference(ACTUAL, touched), msdyn_billingstatus=192350001),
    ]
    marked, refused_rows = carried_out(world, command(touched))
    assert marked == []
    assert refused_rows[str(touched)].startswith("It was changed since it was selected, last by systemuser(")
    assert "draft invoice" in refused_rows[str(touched)]
