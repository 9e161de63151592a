"""What the templates set, value by value: a wrong one deploys as well as a right one, and never rings or never runs.

`values.json` is the table. Whoever changes a value changes it there too, and has said so twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep_values import Made
from tests.infra.paper import Look, app, container, deployed, jobs, properties
from tests.infra.templates import altered, from_disk

WANTED: Mapping[str, Any] = json.loads((Path(__file__).parent / "values.json").read_text(encoding="utf-8"))
OF_RULES = ("enabled", "severity", "evaluationFrequency", "windowSize", "autoMitigate", "scopes")
OF_CRITERIA = ("query", "metricNamespace", "metricName", "timeAggregation", "operator", "threshold", "dimensions")
SINGLE = {
    "environments": "Microsoft.App/managedEnvironments",
    "diagnostics": "Microsoft.Insights/diagnosticSettings",
    "namespaces": "Microsoft.ServiceBus/namespaces",
    "filters": "Microsoft.ServiceBus/namespaces/networkRuleSets",
    "secrets": "Microsoft.KeyVault/vaults/secrets",
    "gateways": "Microsoft.Network/natGateways",
    "networks": "Microsoft.Network/virtualNetworks",
    "groups": "Microsoft.Insights/actionGroups",
}
"""Resources of which every property counts."""


def facts(given: Mapping[str, Any], look: Look = from_disk) -> dict[str, Any]:
    """What `values.json` tells, of a deployment with these parameters."""
    made = deployed(given, look)
    runs = app(made)
    found: dict[str, Any] = {
        "app": {
            "revisions": runs["configuration"]["activeRevisionsMode"],
            "grace": runs["template"]["terminationGracePeriodSeconds"],
            "probes": container(runs)["probes"],
            "scale": runs["template"]["scale"],
            "mounts": container(runs)["volumeMounts"],
            "volumes": runs["template"]["volumes"],
        },
        "jobs": {
            name: {one: job["configuration"][one] for one in ("triggerType", "scheduleTriggerConfig", "replicaTimeout")}
            | {"retries": job["configuration"]["replicaRetryLimit"], "args": container(job)["args"]}
            | {"mounts": container(job)["volumeMounts"], "volumes": job["template"]["volumes"]}
            for name, job in jobs(made).items()
        },
        "alerts": {
            one.name: _alert(one)
            for kind in ("scheduledQueryRules", "metricAlerts")
            for one in made.of(f"Microsoft.Insights/{kind}")
        },
    }
    for heading, kind in SINGLE.items():
        found[heading] = {one.name: properties(one) for one in made.of(kind)}
    return json.loads(json.dumps(found, default=_named))  # type: ignore[no-any-return]


def _alert(one: Made) -> dict[str, Any]:
    told = properties(one)
    (criterion,) = told["criteria"]["allOf"]
    periods = {"periods": list(criterion["failingPeriods"].values())} if "failingPeriods" in criterion else {}
    return (
        {name: told[name] for name in OF_RULES}
        | {name: criterion[name] for name in OF_CRITERIA if name in criterion}
        | periods
    )


def _named(one: object) -> str:
    return one.id if isinstance(one, Made) else str(one)


def test_every_value_is_the_one_that_is_meant(production: dict[str, Any]) -> None:
    found = facts(production)
    assert set(found) == set(WANTED)
    for heading, values in WANTED.items():
        assert found[heading] == values, heading


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("jobs", "parallelism: 1", "parallelism: 2"),
        ("jobs", "replicaCompletionCount: 1", "replicaCompletionCount: 3"),
        ("jobs", "triggerType: 'Schedule'", "triggerType: 'Manual'"),
        ("run", "timeout: 10800", "timeout: 30"),
        ("run", "schedule: dueSchedule", "schedule: statusSchedule"),
        ("log-alerts", "AppMetrics", "AppMetricz"),
        ("log-alerts", "name: 'in-doubt'\n    page: 'in-doubt'\n    split: ['Doubt']\n    enabled: true", None),
        ("log-alerts", "operator: 'GreaterThan'", "operator: 'LessThan'"),
        ("log-alerts", "window: 'PT30M'\n    frequency: 'PT5M'", "window: 'PT5M'\n    frequency: 'PT1H'"),
        ("log-alerts", "      workspaceId\n    ]", "      actionGroupId\n    ]"),
        ("log-alerts", "split: ['Part']", "split: []"),
        ("log-alerts", "threshold: 23", "threshold: 0"),
        ("log-alerts", "severity: 1", "severity: 4"),
        ("metric-alerts", "enabled: true", "enabled: false"),
        ("metric-alerts", "'Failed'", "'Broken'"),
        ("metric-alerts", "threshold: 0", "threshold: 100000"),
        (
            "metric-alerts",
            "resourceId('Microsoft.App/jobs', job)",
            "resourceId('Microsoft.App/containerApps', job)",
        ),
        ("metric-alerts", "values: namespace.queues", "values: ['*']"),
        ("ingress", "publicNetworkAccess: 'Enabled'", "publicNetworkAccess: 'Disabled'"),
        ("ingress", "'Allow' : 'Deny'", "'Allow' : 'Allow'"),
        ("app", "minReplicas: minReplicas", "minReplicas: 0"),
        ("app", "messageCount: string(messagesPerReplica)", "messageCount: '1000000'"),
        ("app", "failureThreshold: 30", "failureThreshold: 1"),
        ("app", "timeoutSeconds: 5", "timeoutSeconds: 1"),
        ("app", "path: '/live'", "path: '/started'"),
        ("app", "activeRevisionsMode: 'Single'", "activeRevisionsMode: 'Multiple'"),
        ("app", "path: 'profile.toml'", "path: 'other.toml'"),
        ("environment", "destination: 'azure-monitor'", "destination: 'none'"),
        ("environment", "'ContainerAppConsoleLogs'", "'ContainerConsole'"),
        (
            "network",
            "          natGateway: fixedAddress ? {\n            id: gateway.id\n          } : null\n",
            "",
        ),
        ("vault", "primaryConnectionString", "primaryKey"),
        ("people", "enabled: true", "enabled: false"),
    ],
)
def test_a_value_that_would_deploy_and_do_harm_is_noticed(
    file: str, old: str, new: str | None, production: dict[str, Any]
) -> None:
    other = old.replace("enabled: true", "enabled: false") if new is None else new
    assert facts(production, altered(f"modules/{file}.bicep", old, other)) != WANTED


def test_the_profile_is_where_the_service_is_told_it_is(production: dict[str, Any]) -> None:
    made = deployed(production)
    for runs in (app(made), *jobs(made).values()):
        told = {one["name"]: one.get("value") for one in container(runs)["env"]}
        (mount,) = (one for one in container(runs)["volumeMounts"] if one["volumeName"] == "profile")
        (volume,) = (one for one in runs["template"]["volumes"] if one["name"] == "profile")
        (file,) = volume["secrets"]
        assert told["PSA_CONNECTOR_PROFILE"] == f"{mount['mountPath']}/{file['path']}"
        held = {one["name"]: one.get("value") for one in runs["configuration"]["secrets"]}
        assert held[file["secretRef"]] == production["profileText"]
    plain = deployed(production | {"profileText": ""})
    assert "profile" not in json.dumps([container(app(plain)), app(plain)["template"]["volumes"]])


def test_an_environment_stays_what_it_was_when_a_filter_or_an_address_comes_later(given: dict[str, Any]) -> None:
    plain, later = (
        deployed(given | {"staticEgress": False} | more) for more in ({}, {"allowedAddresses": ["20.0.0.0/8"]})
    )
    (before,), (after,) = (made.of("Microsoft.App/managedEnvironments") for made in (plain, later))
    assert (before.name, properties(before)) == (after.name, properties(after))
    assert (plain.outputs["egressAddress"], later.outputs["egressAddress"]) == ("", "address.properties.ipAddress")
    assert plain.of("Microsoft.Network/natGateways") == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"replyReaders": []}, "replyReaders"),
        ({"eventReaders": []}, "eventReaders"),
        ({"startFrom": ""}, "startFrom"),
        ({"name": "PSAPROD"}, "lower-case"),
        ({"moreSettings": {"PSA_CONNECTOR_DUE__AT": "06:00"}}, "DUE__AT"),
        ({"alertEmails": []}, "not allowed"),
        ({"image": ""}, "not allowed"),
        ({"teamsWebhook": ""}, "not allowed"),
    ],
)
def test_what_would_deploy_and_not_work_is_refused(
    wrong: dict[str, Any], said: str, production: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=said):
        deployed(production | wrong)
