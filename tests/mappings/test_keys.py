"""Golden: these ids are frozen. A red test here means that a replay would create everything a second time."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from mappings import keys
from mappings.choices import BillingType

ENTRY = UUID("11111111-1111-4111-8111-111111111111")
CUSTOMER = UUID("22222222-2222-4222-8222-222222222222")
COMMAND = UUID("33333333-3333-4333-8333-333333333333")


def test_the_name_space_never_changes() -> None:
    assert UUID("5ad0c1d6-6a3f-5c1e-9f43-0b8f4d2a7e11") == keys.NAMESPACE


@pytest.mark.parametrize(
    ("generation", "role", "expected"),
    [
        (0, "cost", "e4410642-8386-5209-b1e4-268ed558c17f"),
        (1, "cost", "d752d72b-7bd2-5495-b68c-7407f036db9a"),
        (0, f"sales/chargeable/{CUSTOMER}", "0d4d5ddd-b142-5b61-966a-0ad92602c739"),
        (0, f"sales/non-chargeable/{CUSTOMER}", "239bc97d-aa7c-54a8-a9c8-569ce37960e3"),
        (0, f"sales/complimentary/{CUSTOMER}", "ae082734-ea6c-508b-87bb-961e193d2204"),
        (0, "resourcing-unit-cost", "d015af6c-36f7-50a4-adae-87b67fed901a"),
        (1, "resourcing-unit-cost", "60ec1f00-18af-563c-ac5d-054a28ecdba5"),
        (0, "inter-organizational-sales", "7c99145b-4235-5122-946b-3552a92128ea"),
        (1, "inter-organizational-sales", "6d413c61-1f53-5eee-b814-1de5cceff1b8"),
        (12, f"sales/chargeable/{CUSTOMER}", "54ab4e8c-1f40-5b2e-9835-35a26ffddac5"),
    ],
)
def test_the_id_of_an_actual_is_frozen(generation: int, role: str, expected: str) -> None:
    assert keys.row_id(ENTRY, generation, role) == UUID(expected)


@pytest.mark.parametrize(
    ("billing_type", "role"),
    [
        (BillingType.CHARGEABLE, f"sales/chargeable/{CUSTOMER}"),
        (BillingType.NON_CHARGEABLE, f"sales/non-chargeable/{CUSTOMER}"),
        (BillingType.COMPLIMENTARY, f"sales/complimentary/{CUSTOMER}"),
    ],
)
def test_the_role_of_a_sales_row_names_billing_type_and_customer(billing_type: BillingType, role: str) -> None:
    assert keys.sales_role(billing_type, CUSTOMER) == role


def test_the_roles_that_name_no_customer_are_frozen() -> None:
    roles = (keys.COST, keys.RESOURCING_UNIT_COST, keys.INTER_ORGANIZATIONAL_SALES)
    assert roles == ("cost", "resourcing-unit-cost", "inter-organizational-sales")


def test_the_id_of_a_reversal_is_frozen() -> None:
    assert keys.reversal_id(ENTRY) == UUID("8f07032f-fdd5-553c-bfc8-a78cbd881784")


def test_the_ids_of_origins_are_frozen_and_have_a_direction() -> None:
    assert keys.origin_id(ENTRY, CUSTOMER) == UUID("3fd9e91e-0c0b-526f-98db-e1d33010f2c4")
    assert keys.origin_id(CUSTOMER, ENTRY) == UUID("cfcb9d3f-8dc9-51f5-98e5-2a15e1c10750")


def test_the_ids_of_connections_are_frozen_and_have_a_direction() -> None:
    assert keys.connection_id(ENTRY, CUSTOMER) == UUID("aa87670e-447a-5937-ac66-01794cb85a4f")
    assert keys.connection_id(CUSTOMER, ENTRY) == UUID("9b63394e-f3b4-51fd-ab51-5b9f313cb9ec")


def test_the_ids_of_command_attempt_and_lease_rows_are_frozen() -> None:
    assert keys.command_row_id(COMMAND) == UUID("cb65d5f0-cb16-5e54-93db-dc9dd83fdeee")
    assert keys.attempt_id(CUSTOMER, COMMAND) == UUID("e641db92-51de-5411-ae80-138fe44d5ebc")
    assert keys.claim_id(COMMAND) == UUID("573ee04d-836b-545e-a66f-9d9c03a4790b")
    assert keys.lease_id(CUSTOMER) == UUID("c88c2912-5ed0-5e59-a51c-bbf641181ff0")


def test_the_id_of_a_due_run_is_frozen_and_does_not_hang_on_the_order_of_its_rows() -> None:
    rows = [ENTRY, CUSTOMER]
    day = date(2026, 3, 2)
    assert keys.due_command_id(COMMAND, day, rows, 0) == keys.due_command_id(COMMAND, day, rows[::-1], 0)
    assert str(keys.due_command_id(COMMAND, day, rows, 0)) == "cc19f70c-1a85-58be-967d-8322e49826bd"
    assert str(keys.due_command_id(COMMAND, day, rows, 1)) == "382fd481-4c49-5568-801a-d9556388bfaf"
    assert str(keys.schedule_row_id(ENTRY)) == "d4f13176-8671-5e3e-86f0-0ea0da7443d7"


def test_the_ids_of_a_run_and_of_its_commands_are_frozen() -> None:
    assert keys.run_row_id(COMMAND) == UUID("12c9922f-2e86-5b22-a6c5-e88db0d9b8a7")
    assert keys.run_command_id(COMMAND, ENTRY, 0) == UUID("fa956802-a425-5798-a7e4-1876bb6b0f1c")
    assert keys.run_command_id(COMMAND, ENTRY, 1) == UUID("901671fe-97c9-50d7-bf91-84d56cea9724")
