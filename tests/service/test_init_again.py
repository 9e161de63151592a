"""``psa-connector init`` where it was run before: what the files say stays, or is said to change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.dataverse.seed import ORGANIZATION
from sandbox.world import Sandbox
from service.cli.exits import Exit
from service.setting_up import proposal
from service.setting_up.answers import Answers
from service.setting_up.written import Written
from service.settings_sources import load
from tests.service.test_init_command import BY_PRODUCT, ENV, TOML, faults, init


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(company=False) as world:
        yield world


@pytest.fixture(autouse=True)
def _nothing_set(nothing_set: pytest.MonkeyPatch) -> None:
    """No variable, and an empty folder."""


def test_who_asks_again_keeps_the_go_live_date_the_ceilings_and_the_secrets(world: Sandbox) -> None:
    first = init(world, "--creator", "service", "--start-from", "2026-01-05", "--event-sender", world.servicebus)
    assert first.exit_code == Exit.DONE, first.output
    text = TOML.read_text(encoding="utf-8")
    TOML.write_text(text.replace("[ceiling]", "[ceiling]\nrows = 50\namount = {USD = 7}"), encoding="utf-8")
    ENV.write_text(ENV.read_text(encoding="utf-8") + "PSA_CONNECTOR_DUE__AT=03:00\n", encoding="utf-8")
    before = load()
    assert init(world, "--yes").exit_code == Exit.DONE
    assert load().model_dump() == before.model_dump()
    assert (str(before.actuals.start_from), before.ceiling.rows, before.due.at is None) == ("2026-01-05", 50, False)
    assert "PSA_CONNECTOR_DUE__AT=03:00\n" in ENV.read_text(encoding="utf-8")
    again = init(world, "--yes", "--start-from", "2026-02-01")
    assert "PSA_CONNECTOR_ACTUALS__START_FROM was 2026-01-05, and is 2026-02-01 now." in again.stderr
    assert str(load().actuals.start_from) == "2026-02-01"


def test_what_files_say_of_another_environment_or_another_way_to_sign_in_is_not_kept(world: Sandbox) -> None:
    TOML.write_text(
        'organization_id = "11111111-0000-4000-8000-000000000001"\n[dataverse]\nurl = "https://old.crm4.dynamics.com"\n'
        'client_id = "c"\ntenant_id = "t"\n[actuals]\ncreator = "product"\n',
        encoding="utf-8",
    )
    result = init(world, "--yes", "--creator", "service")
    assert result.exit_code == Exit.DONE, result.output
    assert (load().organization_id, load().actuals.creator) == (ORGANIZATION, "service")
    assert "PSA_CONNECTOR_DATAVERSE__CLIENT_ID was c, and is left out now." in result.stderr


def test_a_creator_of_the_files_that_the_rows_speak_against_takes_a_word_said_now(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert init(world, "--creator", "service").exit_code == Exit.DONE
    monkeypatch.setattr(proposal, "creators", lambda *_: BY_PRODUCT)
    (fault,) = faults(init(world, "--yes"))
    assert fault.startswith("The files say that the service creates actuals.")


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        ({}, {"SIGN_IN", "TENANT_ID", "CERTIFICATE", "CERTIFICATE_PASSWORD"}),
        ({"TENANT_ID": "u"}, {"SIGN_IN", "CERTIFICATE", "CERTIFICATE_PASSWORD"}),
        ({"SIGN_IN": "certificate"}, {"TENANT_ID", "CERTIFICATE", "CERTIFICATE_PASSWORD"}),
        ({"CLIENT_SECRET": "s"}, {"TENANT_ID"}),
        ({"SIGN_IN": "managed-identity"}, set()),
        ({"TOKEN": "t"}, set()),
    ],
)
def test_of_the_files_goes_with_it_what_the_way_to_sign_in_uses(now: dict[str, str], kept: set[str]) -> None:
    files = {"SIGN_IN": "certificate", "TENANT_ID": "t", "CERTIFICATE": "c.pem", "CERTIFICATE_PASSWORD": "p"}
    before = Written(Answers({f"DATAVERSE__{name}": value for name, value in files.items()}))
    found = before.under(Answers({f"DATAVERSE__{name}": value for name, value in now.items()})).given
    assert {name.removeprefix("DATAVERSE__") for name in found} == kept | set(now)
