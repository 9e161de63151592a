"""Who may do what, and where secrets are: each identity has just what it needs, and nothing secret leaves the vault."""

from __future__ import annotations

from typing import Any

import pytest

from connector.bus_connection import ROLES as ASKED_FOR
from tests.infra.bicep_values import Made
from tests.infra.paper import SET_TO_NONE, Look, app, deployed, jobs, laters, properties
from tests.infra.templates import INFRA, altered, from_disk, parameters, read, templates

ROLES = {
    "Azure Service Bus Data Owner": "090c5cfd-751d-490a-894a-3ce6f1109419",
    "Azure Service Bus Data Receiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "Azure Service Bus Data Sender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
}
"""Built-in roles by the ids Azure documents ("Azure built-in roles")."""
SERVICE, PLATFORM = "service.properties.principalId", "platform.properties.principalId"
OF_A_SECRET = ("listKeys", "ConnectionString", "listCallbackURL", "secret-address", "sharedKey", "listCredentials")
KEPT = {
    ("telemetry", ".properties.value"),
    ("eventSender", ".properties.value"),
    ("people", ".properties.logicAppReceivers.callbackUrl"),
    ("teams", ".properties.parameters.webhook.value"),
}
"""Where a secret may stand: in the vault, and with whom alerts are sent to."""


def rights(given: dict[str, Any], look: Look = from_disk) -> dict[str, set[tuple[str, str]]]:
    """By principal: roles with the last name of what they are given on."""
    names = {id: name for name, id in ROLES.items()}
    held: dict[str, set[tuple[str, str]]] = {}
    for one in deployed(given, look).of("Microsoft.Authorization/roleAssignments"):
        scope, told = one.config["scope"], properties(one)
        assert isinstance(scope, Made)
        role = names[told["roleDefinitionId"].rpartition("/")[2]]
        held.setdefault(told["principalId"], set()).add((role, scope.name.rpartition("/")[2]))
    return held


def leaks(given: dict[str, Any], look: Look = from_disk) -> set[tuple[str, str]]:
    """Secrets where they don't belong, outputs included."""
    made = deployed(given, look)
    found = {("outputs", path) for path, text in laters(dict(made.outputs)) if _is_secret(text)}
    for one in made.resources:
        written = {name: value for name, value in one.config.items() if not isinstance(value, Made)}
        found |= {(one.symbol, path) for path, text in laters(written) if _is_secret(text)}
    return found - KEPT


def _is_secret(text: str) -> bool:
    return any(word in text for word in OF_A_SECRET)


def wanted(given: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """The rights each needs, and no other."""
    receiver, sender, owner = (f"Azure Service Bus Data {word}" for word in ("Receiver", "Sender", "Owner"))
    return {
        SERVICE: {
            *((role, queue) for role in (receiver, sender) for queue in ("approvals", "commands")),
            *((sender, answers) for answers in ("replies", "flow-replies", "invoices")),
        },
        PLATFORM: {
            (owner, "approvals"),
            (owner, "commands"),
            ("Key Vault Secrets User", "telemetry-connection-string"),
            ("AcrPull", _registry(given)),
        },
        "giver": {(sender, "commands")},
        "reader": {(receiver, "replies"), (receiver, "flow-replies")},
        "other": {(receiver, "replies"), (receiver, "flow-replies")},
        "listener": {(receiver, "finance")},
        "operator": {(role, queue) for role in (receiver, sender) for queue in ("approvals", "commands")},
        "registrar": {("Key Vault Secrets User", "event-sender")},
    }


def test_each_identity_has_the_rights_it_needs_and_no_other(production: dict[str, Any]) -> None:
    assert rights(production) == wanted(production)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("modules/ingress.bicep", "scope: approvals\n", "scope: ingressNamespace\n"),
        ("modules/internal.bicep", "principalId: platformPrincipalId", "principalId: servicePrincipalId"),
        ("modules/internal.bicep", "roleDefinitionId: roles.sender", "roleDefinitionId: roles.owner"),
        ("modules/vault.bicep", "scope: telemetry\n", "scope: vault\n"),
        ("modules/vault.bicep", "scope: eventSender\n", "scope: telemetry\n"),
    ],
)
def test_a_right_too_many_or_too_far_is_noticed(file: str, old: str, new: str, production: dict[str, Any]) -> None:
    assert rights(production, altered(file, old, new)) != wanted(production)


def test_the_roles_are_those_the_service_asks_for_when_it_is_refused() -> None:
    assert "Azure Service Bus Data Receiver" in ASKED_FOR
    assert "Azure Service Bus Data Sender" in ASKED_FOR


def test_what_runs_in_a_container_works_as_the_service_and_never_as_the_platform(given: dict[str, Any]) -> None:
    made = deployed(given)
    for runs in (app(made), *jobs(made).values()):
        configuration = runs["configuration"]
        lifecycles = {one["identity"].rpartition("-")[2]: one["lifecycle"] for one in configuration["identitySettings"]}
        assert lifecycles == {"service": "Main", "platform": "None"}
        used = [*configuration["registries"], *configuration["secrets"]]
        assert {one["identity"].rpartition("-")[2] for one in used} == {"platform"}


def keys(given: dict[str, Any], look: Look = from_disk) -> tuple[set[str], dict[str, bool], set[str]]:
    """Each rule with a key and its rights, which namespaces take keys, and what is in the one Dataverse reaches."""
    made = deployed(given, look)
    rules = {
        f"{one.type.split('/', 1)[1]} {one.name.split('/', 1)[1]}: {', '.join(properties(one)['rights'])}"
        for one in made.resources
        if "authorizationrules" in one.type.lower() and not one.is_existing
    }
    takes = {_role(one): not properties(one)["disableLocalAuth"] for one in made.of("Microsoft.ServiceBus/namespaces")}
    entities = [*made.of("Microsoft.ServiceBus/namespaces/queues"), *made.of("Microsoft.ServiceBus/namespaces/topics")]
    return rules, takes, {one.name.rpartition("/")[2] for one in entities if "-ingress-" in one.name}


def _role(namespace: Made) -> str:
    return namespace.name.split("-")[1]


def test_one_rule_may_only_send_to_the_one_queue_and_the_other_namespace_takes_no_keys(
    production: dict[str, Any],
) -> None:
    only = {"namespaces/queues/authorizationRules approvals/dataverse: Send"}
    assert keys(production) == (only, {"ingress": True, "internal": False}, {"approvals"})
    everything = {"approvals", "commands", "replies", "flow-replies", "invoices"}
    assert keys(production | {"separateNamespaces": False}) == (only, {"ingress": True}, everything)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("modules/ingress.bicep", "      'Send'\n", "      'Send'\n      'Listen'\n"),
        ("modules/ingress.bicep", "queues/authorizationRules@", "AuthorizationRules@"),
        ("modules/internal.bicep", "disableLocalAuth: true", "disableLocalAuth: false"),
        (
            "main.bicep",
            "namespaceName: separateNamespaces ? commandsNamespace",
            "namespaceName: hasImage ? approvalsNamespace",
        ),
    ],
)
def test_a_door_too_many_is_noticed(file: str, old: str, new: str, production: dict[str, Any]) -> None:
    assert keys(production, altered(file, old, new)) != keys(production)


def test_a_filter_lets_in_those_named_and_the_service_by_an_address_of_its_own(
    given: dict[str, Any], production: dict[str, Any]
) -> None:
    (open_to_all,) = deployed(given).of("Microsoft.ServiceBus/namespaces/networkRuleSets")
    assert (properties(open_to_all)["defaultAction"], properties(open_to_all)["ipRules"]) == ("Allow", [])
    made = deployed(production | {"staticEgress": False, "minReplicas": 0})
    (filtered,) = made.of("Microsoft.ServiceBus/namespaces/networkRuleSets")
    assert properties(filtered)["defaultAction"] == "Deny"
    let_in = [rule["ipMask"] for rule in properties(filtered)["ipRules"]]
    assert let_in == ["20.1.2.0/24", "address.properties.ipAddress/32"]
    (environment,) = made.of("Microsoft.App/managedEnvironments")
    assert properties(environment)["vnetConfiguration"]["infrastructureSubnetId"].endswith("/subnets/containers")
    assert app(made)["template"]["scale"]["minReplicas"] == 1, "the scaler may not reach a filtered namespace"


def test_no_secret_is_put_out_or_written_anywhere_but_into_the_vault(
    given: dict[str, Any], production: dict[str, Any]
) -> None:
    assert leaks(given) == set()
    assert leaks(production) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("modules/vault.bicep", "string = telemetry.properties.secretUri", "string = sendOnly.listKeys().primaryKey"),
        ("modules/app.bicep", "value: '0.0.0.0'", "value: listCallbackURL('x', 'y').value"),
        ("main.bicep", "output vaultName string = vault.outputs.vaultName", "output vaultName string = teamsWebhook"),
        ("modules/run.bicep", "tags: tags\n    emails", "tags: {\n      hook: teamsWebhook\n    }\n    emails"),
    ],
)
def test_a_secret_that_leaks_is_noticed(file: str, old: str, new: str, production: dict[str, Any]) -> None:
    assert leaks(production, altered(file, old, new))


def test_secret_parameters_are_secure_and_have_no_value_in_the_templates_or_the_files() -> None:
    suspicious = ("webhook", "secret", "password", "key", "token", "connection")
    for template in templates():
        for name, one in template.part("parameters").items():
            sounds_secret = any(word in name.lower() for word in suspicious) and not name.endswith("RoleId")
            assert template.is_secure(name) == sounds_secret, f"{template.path.name}: {name}"
            assert not sounds_secret or one["default"] in (None, "", "none")
    for file in (INFRA / "parameters").iterdir():
        assert parameters(file, SET_TO_NONE).get("teamsWebhook", "none") == "none"


def test_the_teams_address_is_secure_wherever_it_is_handed_on() -> None:
    holders = [one for one in templates() if "teamsWebhook" in one.part("parameters")]
    assert {one.path.name for one in holders} == {"main.bicep", "run.bicep", "people.bicep"}
    assert all(one.is_secure("teamsWebhook") for one in holders)
    careless = read(INFRA / "main.bicep", from_disk(INFRA / "main.bicep").text.replace("@secure()\n", ""))
    assert not careless.is_secure("teamsWebhook")


def _registry(given: dict[str, Any]) -> str:
    (registry,) = deployed(given).of("Microsoft.ContainerRegistry/registries")
    return registry.name
