"""What the containers are told, held against the settings: nothing they don't know, nothing they need left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest

from connector.sign_in.clouds import CLOUDS
from service.not_configured import NotConfigured
from service.settings import PREFIX, Settings, WorkerSettings
from service.settings_sources import load, variables
from tests.infra.paper import MAIN, SECRET, app, deployed, jobs
from tests.infra.paper import variables as told
from tests.infra.templates import altered, from_disk

ADDRESS = {
    "public": "https://contoso.crm4.dynamics.com",
    "us-government": "https://contoso.crm.microsoftdynamics.us",
    "china": "https://contoso.crm.dynamics.cn",
}
TELEMETRY = "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://in.example.org/"
Loaded = Callable[[Mapping[str, str]], Settings]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Loaded:
    """The settings of a process that is told just this."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)

    def of(said: Mapping[str, str]) -> Settings:
        with monkeypatch.context() as alone:
            for name, value in said.items():
                assert isinstance(value, str), name
                alone.setenv(name, TELEMETRY if value.startswith(SECRET) else str(value))
            return load()

    return of


def test_every_container_starts_with_what_it_is_told(given: dict[str, Any], loaded: Loaded) -> None:
    made = deployed(given)
    for runs in (app(made), *jobs(made).values()):
        settings = loaded(told(runs))
        assert settings.dataverse.sign_in == "managed-identity"
        assert settings.dataverse.client_id == "service.properties.clientId"
        assert settings.telemetry.exporter == "azure-monitor"
        assert settings.telemetry.connection_string is not None
        assert settings.logs.format == "json"


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    "other",
    [
        {"separateNamespaces": False},
        {"creator": "product", "startFrom": "", "organizationId": ""},
        {"repliesQueue": "", "replyQueues": [], "eventsTopic": ""},
        {"moreSettings": {"PSA_CONNECTOR_WRITE_CEILING__ROWS": 100, "PSA_CONNECTOR_WORKERS__BATCH": "50"}},
    ],
    ids=["one namespace", "product", "no answers", "more settings"],
)
def test_they_do_so_in_every_cloud_and_with_other_parameters(
    cloud: str, other: dict[str, Any], production: dict[str, Any], loaded: Loaded
) -> None:
    made = deployed(production | {"cloud": cloud, "dataverseUrl": ADDRESS[cloud]} | other)
    settings = loaded(told(app(made)))
    assert settings.dataverse.cloud == cloud
    assert settings.actuals.creator == other.get("creator", "service")
    assert settings.servicebus.replies_queue == (None if "repliesQueue" in other else "replies")
    assert settings.servicebus.reply_queues == ([] if "replyQueues" in other else ["flow-replies"])
    assert settings.servicebus.events == (None if "eventsTopic" in other else "invoices")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  PSA_CONNECTOR_BUSINESS_TIME_ZONE: businessTimeZone\n", "", "BUSINESS_TIME_ZONE is missing"),
        ("PSA_CONNECTOR_DATAVERSE__URL:", "PSA_CONNECTOR_DATAVERSE__ADDRESS:", "ADDRESS in the environment is not a"),
        ("'managed-identity'", "'managed_identity'", "SIGN_IN is not valid"),
        ("PSA_CONNECTOR_LOGS__FORMAT: 'json'", "PSA_CONNECTOR_LOGS__FORMAT: 'text'", "LOGS__FORMAT is not valid"),
        ("public: '.servicebus.windows.net'", "public: '.servicebus.net'", "NAMESPACE is no full"),
    ],
)
def test_a_setting_that_is_missing_wrong_or_unknown_is_noticed(
    old: str, new: str, said: str, production: dict[str, Any], loaded: Loaded
) -> None:
    file = "main.bicep" if old in from_disk(MAIN).text else "modules/run.bicep"
    made = deployed(production, altered(file, old, new))
    with pytest.raises(NotConfigured, match=said):
        loaded(told(app(made)))


def test_nothing_secret_is_told_but_by_the_vault(given: dict[str, Any]) -> None:
    secret = {one.name for one in variables() if one.is_secret}
    made = deployed(given)
    for runs in (app(made), *jobs(made).values()):
        said = told(runs)
        assert {name for name in said if name in secret} == {f"{PREFIX}TELEMETRY__CONNECTION_STRING"}
        assert said[f"{PREFIX}TELEMETRY__CONNECTION_STRING"] == SECRET + "telemetry.properties.secretUri"


def test_the_budget_is_shared_by_as_many_processes_as_can_be_at_work(given: dict[str, Any]) -> None:
    for replicas in (given["maxReplicas"], 9):
        made = deployed(given | {"maxReplicas": replicas})
        running = app(made)["template"]["scale"]["maxReplicas"] * [app(made)] + list(jobs(made).values())
        names = [told(one)[f"{PREFIX}WORKERS__REPLICAS"] for one in running]
        shares = [Fraction(1, WorkerSettings(replicas=int(name)).replicas) for name in names]
        assert sum(shares) == 1
        assert shares[0] == Fraction(1, replicas + 1), "all jobs together take no more than one replica"
