"""Settings of signing in: what each way needs, what it does not use, and which cloud an address belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from connector.auth import StaticToken
from connector.bus_access import Namespace
from connector.errors import Misconfigured
from connector.sign_in.application import Application
from connector.sign_in.tokens import Tokens
from service.answering import sender
from service.app import compose
from service.cli.main import app as command_line
from service.dataverse_settings import DataverseSettings
from service.not_configured import NotConfigured
from service.settings_sources import load
from service.signing_in import sign_in, tokens, unattended

DATAVERSE = "PSA_CONNECTOR_DATAVERSE__"
BUS = "PSA_CONNECTOR_SERVICEBUS__"
URL = "https://contoso.crm4.dynamics.com"
OF_A_REGISTRATION = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
VALUES = {
    "TENANT_ID": "contoso.example",
    "CLIENT_ID": "client-1",
    "CLIENT_SECRET": "secret-value",
    "CLIENT_SECRET_FILE": "/run/secrets/psa",
    "CERTIFICATE": "/run/secrets/psa.pfx",
    "CERTIFICATE_PASSWORD": "password-value",
    "FEDERATED_TOKEN_FILE": "/var/run/token",
    "TOKEN_CACHE": "tokens.json",
}
WAYS = [
    ("client-secret", ["TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"], [], "Secret()"),
    ("certificate", ["TENANT_ID", "CLIENT_ID", "CERTIFICATE"], ["CERTIFICATE_PASSWORD"], "Certificate("),
    ("managed-identity", [], ["CLIENT_ID"], "ManagedIdentity('system-assigned')"),
    ("workload-identity", ["TENANT_ID", "CLIENT_ID", "FEDERATED_TOKEN_FILE"], [], "FederatedToken("),
    ("interactive", ["TENANT_ID", "CLIENT_ID"], ["TOKEN_CACHE"], "Person("),
    ("device-code", ["TENANT_ID", "CLIENT_ID"], ["TOKEN_CACHE"], "Person("),
]


def faults_of() -> list[str]:
    with pytest.raises(NotConfigured) as caught:
        load()
    return caught.value.faults


@pytest.fixture
def nobody(all_set: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything is set but who signs in."""
    for name in OF_A_REGISTRATION:
        all_set.delenv(DATAVERSE + name)
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        all_set.delenv(name, raising=False)
    return all_set


@pytest.mark.parametrize(("way", "needed", "optional", "shown"), WAYS)
def test_each_way_to_sign_in_names_all_it_lacks_takes_what_it_may_use_and_refuses_the_rest(
    way: str, needed: list[str], optional: list[str], shown: str, nobody: pytest.MonkeyPatch
) -> None:
    nobody.setenv(f"{DATAVERSE}SIGN_IN", way)
    if needed:
        assert [fault.split(" is missing. Expected: ")[0] for fault in faults_of()] == [DATAVERSE + n for n in needed]
    for name in needed:
        nobody.setenv(DATAVERSE + name, VALUES[name])
    settings = load()
    assert shown in repr(tokens(settings.dataverse))
    for name in optional:
        nobody.setenv(DATAVERSE + name, VALUES[name])
    load()
    others = [name for name in VALUES if name not in (*needed, *optional, "CLIENT_SECRET_FILE")]
    for name in others:
        nobody.setenv(DATAVERSE + name, VALUES[name])
    said = faults_of()
    assert len(said) == len(others)
    assert all(f" is set, but not used where SIGN_IN is {way}" in one for one in said)
    assert not any("secret-value" in one or "password-value" in one for one in said)


def test_a_secret_may_stand_in_a_file_instead_but_not_in_both_places(nobody: pytest.MonkeyPatch) -> None:
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET_FILE"):
        nobody.setenv(DATAVERSE + name, VALUES[name])
    assert "SecretFile('/run/secrets/psa')" in repr(tokens(load().dataverse))
    nobody.setenv(f"{DATAVERSE}CLIENT_SECRET", "secret-value")
    (fault,) = faults_of()
    assert fault.startswith(f"{DATAVERSE}CLIENT_SECRET is set beside CLIENT_SECRET_FILE; keep one of the two")


def test_a_pod_with_a_workload_identity_needs_no_settings_beside_what_azure_puts_there(
    nobody: pytest.MonkeyPatch,
) -> None:
    nobody.setenv(f"{DATAVERSE}SIGN_IN", "workload-identity")
    nobody.setenv("AZURE_TENANT_ID", "t-1")
    nobody.setenv("AZURE_CLIENT_ID", "c-1")
    nobody.setenv("AZURE_FEDERATED_TOKEN_FILE", "/var/run/azure-token")
    read = load().dataverse
    assert (read.tenant_id, read.client_id) == ("t-1", "c-1")
    assert read.federated_token_file == Path("/var/run/azure-token")
    nobody.delenv(f"{DATAVERSE}SIGN_IN")
    assert len(faults_of()) == 3, "for no other way to sign in"


def test_the_service_itself_signs_in_without_a_person(nobody: pytest.MonkeyPatch) -> None:
    for name, value in (("SIGN_IN", "device-code"), ("TENANT_ID", "t"), ("CLIENT_ID", "c")):
        nobody.setenv(DATAVERSE + name, value)
    with pytest.raises(NotConfigured, match="asks a person"):
        unattended(load())
    refused = CliRunner().invoke(command_line, ["run"])
    assert isinstance(refused.exception, NotConfigured), "before anybody is asked"
    nobody.setenv(f"{DATAVERSE}SIGN_IN", "managed-identity")
    nobody.delenv(f"{DATAVERSE}TENANT_ID")
    assert unattended(load()).dataverse.client_id == "c"


@pytest.mark.parametrize(
    ("cloud", "url"),
    [
        ("public", "https://contoso.crm.dynamics.com"),
        ("public", "https://gcc.crm9.dynamics.com/"),
        ("us-government", "https://contoso.crm.microsoftdynamics.us"),
        ("us-government", "https://contoso.crm.appsplatform.us"),
        ("china", "https://contoso.crm.dynamics.cn"),
    ],
)
def test_each_cloud_takes_its_own_environments_and_names_the_cloud_of_others(
    cloud: str, url: str, all_set: pytest.MonkeyPatch
) -> None:
    all_set.setenv(f"{DATAVERSE}URL", url)
    all_set.setenv(f"{DATAVERSE}CLOUD", cloud)
    assert load().dataverse.url == url
    all_set.setenv(f"{DATAVERSE}CLOUD", "china" if cloud == "public" else "public")
    (fault,) = faults_of()
    assert f"set {DATAVERSE}CLOUD={cloud}; it reads '{url}'" in fault


@pytest.mark.parametrize(
    "url", ["https://contoso.crm4.dynamics.com.example.org", "https://127.0.0.1.example.org", "https://10.0.0.7"]
)
def test_an_address_of_nobody_s_cloud_is_refused_before_anybody_signs_in(url: str, all_set: pytest.MonkeyPatch) -> None:
    all_set.setenv(f"{DATAVERSE}URL", url)
    (fault,) = faults_of()
    assert fault.startswith(f"{DATAVERSE}URL is no address in the cloud public: environments there end in .dynamics")


@pytest.mark.parametrize(
    ("cloud", "url", "authority", "host"),
    [
        ("public", URL, "https://login.microsoftonline.com", "contoso.servicebus.windows.net"),
        (
            "us-government",
            "https://contoso.crm.appsplatform.us",
            "https://login.microsoftonline.us",
            "contoso.servicebus.usgovcloudapi.net",
        ),
        (
            "china",
            "https://contoso.crm.dynamics.cn",
            "https://login.partner.microsoftonline.cn",
            "contoso.servicebus.chinacloudapi.cn",
        ),
    ],
)
def test_one_setting_decides_where_to_sign_in_for_dataverse_and_for_service_bus(
    cloud: str, url: str, authority: str, host: str, all_set: pytest.MonkeyPatch
) -> None:
    all_set.setenv(f"{DATAVERSE}CLOUD", cloud)
    all_set.setenv(f"{DATAVERSE}URL", url)
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", host)
    dataverse, bus = sign_in(load())
    assert isinstance(bus, Namespace)
    assert bus.host == host
    assert f"Application('{authority}/contoso.onmicrosoft.com', " in repr(dataverse)
    assert f"'{url}'" in repr(dataverse)
    assert repr(bus.tokens).endswith("'https://servicebus.azure.net')")
    all_set.setenv(f"{BUS}NAMESPACE", "x.servicebus.windows.net" if cloud == "china" else host.replace(".net", ".cn"))
    assert f"{BUS}NAMESPACE is " in faults_of()[0]


def test_one_sign_in_serves_every_part_of_the_service(all_set: pytest.MonkeyPatch) -> None:
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", "Contoso.servicebus.windows.net")
    app = compose(load())
    app.close()
    assert isinstance(app.bus, Namespace)
    assert app.bus.host == "contoso.servicebus.windows.net"
    asked: list[str] = []

    def refused(self: Application, resource: str, **_: object) -> None:
        asked.append(resource)
        raise Misconfigured("sign-in-AADSTS7000222", "Expired.")

    all_set.setattr(Application, "acquire", refused)
    checks: list[Callable[[], None]] = [app.check, *app.queue_checks(), partial(sender(app.bus), "replies", [])]
    for check in checks:
        with pytest.raises(Misconfigured, match="AADSTS7000222"):
            check()
    assert asked == [URL, *["https://servicebus.azure.net"] * 3]


def test_service_bus_is_reached_by_a_connection_string_or_signed_in_and_not_both(all_set: pytest.MonkeyPatch) -> None:
    _, bus = sign_in(load())
    assert isinstance(bus, str)
    all_set.setenv(f"{BUS}NAMESPACE", "contoso.servicebus.windows.net")
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}CONNECTION_STRING is set beside a namespace; keep one of the two")
    all_set.delenv(f"{BUS}NAMESPACE")
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}CONNECTION_STRING is missing. Expected: the namespace's connection string")
    assert "or leave it out and set NAMESPACE" in fault


@pytest.mark.parametrize(
    "given", ["contoso", "sb://contoso.servicebus.windows.net", "contoso.servicebus.windows.net/", "a.example.org"]
)
def test_a_namespace_is_its_full_name_and_nothing_else(given: str, all_set: pytest.MonkeyPatch) -> None:
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", given)
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}NAMESPACE is no full name of a namespace; it reads")


def test_a_fixed_token_signs_in_to_no_namespace(all_set: pytest.MonkeyPatch) -> None:
    for name in OF_A_REGISTRATION:
        all_set.delenv(DATAVERSE + name)
    all_set.setenv(f"{DATAVERSE}URL", "http://127.0.0.1:8080")
    all_set.setenv(f"{DATAVERSE}TOKEN", "local")
    all_set.delenv(f"{BUS}CONNECTION_STRING")
    all_set.setenv(f"{BUS}NAMESPACE", "contoso.servicebus.windows.net")
    (fault,) = faults_of()
    assert fault.startswith(f"{BUS}NAMESPACE is set, but a fixed token signs in to no namespace")


def test_a_fixed_token_is_for_a_local_world() -> None:
    local = tokens(DataverseSettings(url="http://localhost:8080", token=SecretStr("secret-value")))
    assert isinstance(local, StaticToken)
    assert "secret-value" not in repr(local)
    registered = DataverseSettings(url=URL, tenant_id="t", client_id="c", client_secret=SecretStr("secret-value"))
    assert isinstance(tokens(registered), Tokens)
    assert "secret-value" not in repr(tokens(registered))
