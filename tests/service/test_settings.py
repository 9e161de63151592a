"""Settings: where they come from, and that everything wrong with them is said at once, without showing secrets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from service.not_configured import NotConfigured
from service.settings_sources import load, variables
from tests.service.conftest import COMPLETE


def faults_of(config: Path | None = None) -> list[str]:
    with pytest.raises(NotConfigured) as caught:
        load(config)
    return caught.value.faults


@pytest.mark.usefixtures("nothing_set")
def test_every_missing_value_is_named_at_once_with_its_variable_and_a_remedy() -> None:
    faults = faults_of()
    assert [fault.split(" is missing")[0] for fault in faults] == list(COMPLETE)
    assert all(". Expected: " in fault for fault in faults)


@pytest.mark.usefixtures("all_set")
def test_environment_variables_alone_are_enough_and_everything_else_has_a_default() -> None:
    settings = load()
    assert settings.dataverse.url == "https://contoso.crm4.dynamics.com"
    assert settings.actuals.start_from == date(2026, 1, 1)
    assert settings.actuals.zero_price == "hold"
    assert settings.business_time_zone == ZoneInfo("Europe/Berlin")
    assert settings.organization_id is None
    assert (settings.servicebus.approvals_queue, settings.servicebus.commands_queue) == ("approvals", "commands")


def test_wrong_values_and_unknown_names_are_named_together(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE", "Mars/Phobos")
    all_set.setenv("PSA_CONNECTOR_ACTUALS__START_FROM", "soon")
    all_set.setenv("PSA_CONNECTOR_WORKERS__BATCH", "0")
    all_set.setenv("PSA_CONNECTOR_DATAVERSE__URI", "typo")
    all_set.setenv("PSA_CONNECTOR_NO_SUCH_THING", "1")
    said = "\n".join(faults_of())
    assert "PSA_CONNECTOR_BUSINESS_TIME_ZONE is no time zone name; it reads 'Mars/Phobos'" in said
    assert "PSA_CONNECTOR_ACTUALS__START_FROM is not valid; it reads 'soon'" in said
    assert "PSA_CONNECTOR_WORKERS__BATCH is not valid; it reads '0'" in said
    assert "PSA_CONNECTOR_DATAVERSE__URI in the environment is not a setting" in said
    assert "PSA_CONNECTOR_NO_SUCH_THING in the environment is not a setting" in said
    assert len(said.splitlines()) == 5


def test_a_whole_section_in_one_variable_is_refused(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_DATAVERSE", "https://contoso.crm4.dynamics.com")
    assert faults_of() == ["PSA_CONNECTOR_DATAVERSE in the environment is not a setting; correct or remove it."]


def test_a_secret_that_is_refused_is_not_shown(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING", "pasted-the-key-only")
    (fault,) = faults_of()
    assert "PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING is no connection string" in fault
    assert "pasted-the-key-only" not in fault


@pytest.mark.usefixtures("all_set")
def test_no_secret_appears_when_settings_are_printed() -> None:
    settings = load()
    assert "secret-value" not in repr(settings)
    assert "secret-value" not in str(settings.model_dump())


def test_the_go_live_date_is_needed_only_where_the_service_creates(all_set: pytest.MonkeyPatch) -> None:
    all_set.delenv("PSA_CONNECTOR_ACTUALS__START_FROM")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_ACTUALS__START_FROM is missing. Expected: the go-live date")
    all_set.setenv("PSA_CONNECTOR_ACTUALS__START_FROM", "0001-01-01")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_ACTUALS__START_FROM is not between 1900-01-01 and 9998-12-31; it reads")
    all_set.delenv("PSA_CONNECTOR_ACTUALS__START_FROM")
    all_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "product")
    settings = load()
    assert (settings.actuals.creator, settings.actuals.start_from) == ("product", None)


def test_the_creator_is_one_of_two_and_never_assumed(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_ACTUALS__CREATOR", "somebody")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_ACTUALS__CREATOR is not valid; it reads 'somebody'. Expected: who creates")
    all_set.delenv("PSA_CONNECTOR_ACTUALS__CREATOR")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_ACTUALS__CREATOR is missing")


TOKYO, BERLIN = UUID(int=1), UUID(int=2)


def test_units_with_zones_of_their_own_are_read_from_a_variable_as_json_and_from_a_file_as_a_table(
    all_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load().unit_time_zones == {}
    (tmp_path / "psa-connector.toml").write_text(
        f'[unit_time_zones]\n{TOKYO} = "Asia/Tokyo"\n{BERLIN} = "Europe/Berlin"\n', encoding="utf-8"
    )
    both = {TOKYO: ZoneInfo("Asia/Tokyo"), BERLIN: ZoneInfo("Europe/Berlin")}
    assert load().unit_time_zones == both
    (tmp_path / "psa-connector.toml").unlink()
    all_set.setenv("PSA_CONNECTOR_UNIT_TIME_ZONES", f'{{"{TOKYO}": "Asia/Tokyo", "{BERLIN}": "Europe/Berlin"}}')
    assert load().unit_time_zones == both


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Asia/Tokyo", "is no table of ids and time zone names"),
        ('{"tokyo": "Asia/Tokyo"}', "is no id of a unit with a time zone name each"),
        (f'{{"{TOKYO}": "Asia/Tokio"}}', "is no id of a unit with a time zone name each"),
        ("{", "is not JSON"),
    ],
)
def test_units_without_an_id_or_a_zone_are_refused(given: str, said: str, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_UNIT_TIME_ZONES", given)
    (fault,) = faults_of()
    assert fault.startswith(f"PSA_CONNECTOR_UNIT_TIME_ZONES {said}; it reads ")


def test_a_ceiling_is_one_amount_for_every_currency_or_one_each(all_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load().ceiling.amount_in("USD") == Decimal(100000)
    all_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", "2500.50")
    assert load().ceiling.amount_in("EUR") == Decimal("2500.50")
    all_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", '{"usd": 50000.25, "JPY": 5000000}')
    ceiling = load().ceiling
    assert [ceiling.amount_in(code) for code in ("USD", "jpy", "EUR")] == [Decimal("50000.25"), 5000000, 0]
    all_set.delenv("PSA_CONNECTOR_CEILING__AMOUNT")
    file = tmp_path / "psa-connector.toml"
    file.write_text("[ceiling]\nrows = 7\namount = 0.1\n", encoding="utf-8")
    assert (load().ceiling.rows, load().ceiling.amount) == (7, Decimal("0.1")), "exact, whatever the source"
    file.write_text("[ceiling.amount]\nUSD = 0.1\n", encoding="utf-8")
    assert load().ceiling.amount == {"USD": Decimal("0.1")}


@pytest.mark.parametrize("given", ["much", "-1", "NaN", '{"USD": -1}', '{"USD": null}', "[1]"])
def test_a_ceiling_that_is_no_amount_is_refused(given: str, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_CEILING__AMOUNT", given)
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_CEILING__AMOUNT is no amount of zero or more, nor one for each currency; ")


def test_a_fixed_token_replaces_the_sign_in_of_an_application(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_DATAVERSE__URL", "http://127.0.0.1:8080")
    all_set.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", "local")
    assert len(faults_of()) == 3, "tenant, client id and secret beside a token: each is named"
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        all_set.delenv(f"PSA_CONNECTOR_DATAVERSE__{name}")
    assert load().dataverse.token is not None


def test_a_fixed_token_is_refused_for_an_environment_that_is_not_on_this_machine(all_set: pytest.MonkeyPatch) -> None:
    url = "https://contoso.crm4.dynamics.com"
    all_set.setenv("PSA_CONNECTOR_DATAVERSE__URL", url)
    all_set.setenv("PSA_CONNECTOR_DATAVERSE__TOKEN", "leaked-token")
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        all_set.delenv(f"PSA_CONNECTOR_DATAVERSE__{name}")
    (fault,) = faults_of()
    assert fault.startswith(f"PSA_CONNECTOR_DATAVERSE__TOKEN is set, but {url} is not on this machine")
    assert "leaked-token" not in fault


@pytest.mark.parametrize(
    "endpoint",
    [
        "contoso.servicebus.windows.net",
        "https://contoso.servicebus.windows.net/",
        "sb://",
        "sb://contoso.servicebus.windows.net/approvals",
        "sb://contoso.servicebus.windows.net:port/",
        "sb://key@contoso.servicebus.windows.net/",
    ],
)
@pytest.mark.parametrize("name", ["CONNECTION_STRING", "EVENT_SENDER"])
def test_an_endpoint_that_is_no_namespaces_address_is_refused(
    name: str, endpoint: str, all_set: pytest.MonkeyPatch
) -> None:
    given = f"Endpoint={endpoint};SharedAccessKeyName=service;SharedAccessKey=bus-secret-value"
    all_set.setenv(f"PSA_CONNECTOR_SERVICEBUS__{name}", given)
    (fault,) = faults_of()
    assert f"{name} is a connection string whose Endpoint does not read sb://host. Expected: " in fault
    assert "bus-secret-value" not in fault


@pytest.mark.parametrize("endpoint", ["sb://contoso.servicebus.windows.net", "sb://127.0.0.1:5672", "SB://[::1]:1/"])
def test_an_endpoint_may_name_a_port_and_end_in_a_slash(endpoint: str, all_set: pytest.MonkeyPatch) -> None:
    given = f"Endpoint={endpoint};SharedAccessKeyName=service;SharedAccessKey=ends-in=="
    all_set.setenv("PSA_CONNECTOR_SERVICEBUS__CONNECTION_STRING", given)
    read = load().servicebus.connection_string
    assert read is not None
    assert read.get_secret_value() == given


def test_an_empty_variable_counts_as_missing(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE", "")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_BUSINESS_TIME_ZONE is missing")


def test_a_toml_file_a_dotenv_file_and_the_environment_are_read_and_the_environment_wins(
    all_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_set.delenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE")
    (tmp_path / "psa-connector.toml").write_text(
        'organization_id = "00000000-0000-0000-0000-000000000001"\nbusiness_time_zone = "Asia/Tokyo"\n'
        "[actuals]\nstart_from = 2025-05-05\nzero_price = 'write'\n",
        encoding="utf-8",
    )
    (tmp_path / ".env").write_text(
        "SOMEBODY_ELSES=1\nPSA_CONNECTOR_BUSINESS_TIME_ZONE=America/New_York\n", encoding="utf-8"
    )
    settings = load()
    assert settings.organization_id == UUID(int=1), "only the file says it"
    assert settings.actuals.zero_price == "write"
    assert settings.business_time_zone == ZoneInfo("America/New_York"), ".env is stronger than the file"
    assert settings.actuals.start_from == date(2026, 1, 1), "the environment is stronger than both"


@pytest.mark.usefixtures("all_set")
def test_what_is_wrong_with_a_toml_file_is_said(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path / "absent.toml")
    assert fault.endswith("can't be read: No such file or directory.")
    file = tmp_path / "own.toml"
    file.write_text("[[[", encoding="utf-8")
    assert "is no TOML file" in faults_of(file)[0]
    file.write_text('colour = "red"\n[dataverse]\nuri = "x"\n', encoding="utf-8")
    assert [fault.split(" ")[0] for fault in faults_of(file)] == ["colour", "dataverse.uri"]


def test_a_misspelt_name_in_a_dotenv_file_is_an_error(all_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = "PSA_CONNECTOR_BUISNESS_TIME_ZONE", "PSA_CONNECTOR_DATAVERSE__URI"
    (tmp_path / ".env").write_text("".join(f"{name}=x\n" for name in wrong), encoding="utf-8")
    assert faults_of() == [f"{name} in .env is not a setting; correct or remove it." for name in wrong]


def test_a_file_that_cannot_be_read_is_the_only_thing_that_is_said(
    nothing_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(faults_of(tmp_path / "absent.toml")) == 1


def test_what_a_command_needs_besides_is_named_with_the_rest_wherever_it_may_stand(
    nothing_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = "PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER"

    def names_it() -> bool:
        with pytest.raises(NotConfigured) as caught:
            load(also=[name])
        assert len(caught.value.faults) >= len(COMPLETE)
        return any(fault.startswith(f"{name} is missing") for fault in caught.value.faults)

    assert names_it()
    key = "Endpoint=sb://host;SharedAccessKeyName=k;SharedAccessKey=k"
    file = tmp_path / "psa-connector.toml"
    file.write_text(f'[servicebus]\nevent_sender = "{key}"\n', encoding="utf-8")
    assert not names_it()
    file.unlink()
    (tmp_path / ".env").write_text(f"{name}={key}\n", encoding="utf-8")
    assert not names_it()


def test_every_setting_says_what_belongs_there() -> None:
    assert all(variable.meaning for variable in variables())


def test_commands_are_carried_out_for_who_asks_unless_the_settings_say_otherwise(all_set: pytest.MonkeyPatch) -> None:
    assert (load().commands.acting, load().commands.allowed) == ("user", [])
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", '["anna@contoso.com", " ben "]')
    assert load().commands.allowed == ["anna@contoso.com", "ben"]


def test_a_service_that_acts_itself_must_be_told_who_may_ask(all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ACTING", "service")
    (fault,) = faults_of()
    assert fault.startswith("PSA_CONNECTOR_COMMANDS__ALLOWED is missing. Expected: ")
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", '["anna@contoso.com"]')
    assert load().commands.acting == "service"


@pytest.mark.parametrize("wrong", ["anna@contoso.com", '["anna@contoso.com", ""]', '{"anna": 1}', "[1]"])
def test_people_are_a_list_of_names(wrong: str, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv("PSA_CONNECTOR_COMMANDS__ALLOWED", wrong)
    (fault,) = faults_of()
    assert "PSA_CONNECTOR_COMMANDS__ALLOWED is no list of names" in fault
