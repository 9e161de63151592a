"""Where the product marks actuals by an action of its own, its parameters are taken from the environment or refused."""

from __future__ import annotations

import pytest

from handlers.ready_action import NoReadyAction, ReadyAction, ready_action

ROWS, FLAG = "Collection(mscrm.msdyn_actual)", "Edm.Boolean"


def test_a_list_of_actuals_and_a_flag_are_understood_whatever_their_names() -> None:
    assert ready_action({"Actuals": ROWS, "ReadyToInvoice": FLAG}) == ReadyAction("Actuals", "ReadyToInvoice")
    assert ready_action({"IsReady": FLAG, "Rows": ROWS}) == ReadyAction("Rows", "IsReady")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"Actuals": ROWS},
        {"ActualIds": "Edm.String", "ReadyToInvoice": FLAG},
        {"Actuals": ROWS, "Undo": FLAG},
        {"Actuals": ROWS, "ReadyToInvoice": FLAG, "Reason": "Edm.String"},
    ],
    ids=str,
)
def test_any_other_shape_is_refused_naming_what_it_takes(parameters: dict[str, str]) -> None:
    refused = ready_action(parameters)
    assert isinstance(refused, NoReadyAction)
    assert all(f"{name} ({type})" in refused.sentence for name, type in parameters.items())


def test_an_environment_without_the_action_says_so() -> None:
    refused = ready_action(None)
    assert isinstance(refused, NoReadyAction)
    assert "has no action msdyn_MarkActualReadyToInvoiceOrNot" in refused.sentence
