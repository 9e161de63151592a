"""Queues and namespaces of the templates, held against what the service and `check` ask of them."""

from __future__ import annotations

from typing import Any

import pytest

from connector.queue_settings import QueueSettings
from connector.recoverability import Policy
from connector.sign_in.clouds import CLOUDS
from service.checks.finding import Verdict
from service.checks.queues import LEAST_DELIVERIES, LEAST_LOCK, fits
from service.settings import ServiceBusSettings
from tests.infra.paper import Look, app, deployed, duration, properties, queues, variables
from tests.infra.templates import altered, from_disk

DEFAULTS = {name: field.default for name, field in ServiceBusSettings.model_fields.items()}
WORKED = (DEFAULTS["approvals_queue"], DEFAULTS["commands_queue"])


def faults(given: dict[str, Any], look: Look = from_disk) -> list[str]:
    """What `check` would find at fault with the queues the service works on, and what it can't see."""
    found, patience = [], Policy().ceiling
    made = queues(deployed(given, look))
    for name in WORKED:
        queue = made[name]
        told = QueueSettings(
            lock=duration(queue["lockDuration"]),
            deliveries=queue["maxDeliveryCount"],
            detects_duplicates=queue["requiresDuplicateDetection"],
            has_sessions=queue["requiresSession"],
            time_to_live=duration(queue["defaultMessageTimeToLive"]),
        )
        found += [one.sentence for one in fits(name, told, patience) if one.verdict is not Verdict.OK]
        if told.deliveries != LEAST_DELIVERIES or told.lock != LEAST_LOCK:
            found.append(f"{name}: other figures than `check` names")
        if duration(queue["duplicateDetectionHistoryTimeWindow"]) < patience:
            found.append(f"{name}: two copies of one attempt can lie further apart than duplicates are remembered")
        if not queue["deadLetteringOnMessageExpiration"]:
            found.append(f"{name}: what expires is lost without a word")
    return found


def test_check_would_find_no_fault_with_the_queues(given: dict[str, Any]) -> None:
    assert faults(given) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lockDuration: 'PT1M'", "lockDuration: 'PT5M'"),
        ("maxDeliveryCount: 50", "maxDeliveryCount: 10"),
        ("requiresDuplicateDetection: true", "requiresDuplicateDetection: false"),
        ("requiresSession: false", "requiresSession: true"),
        ("HistoryTimeWindow: 'P1D'", "HistoryTimeWindow: 'PT10M'"),
        ("timeToLive = 'P14D'", "timeToLive = 'PT12H'"),
        ("deadLetteringOnMessageExpiration: true", "deadLetteringOnMessageExpiration: false"),
    ],
)
def test_a_queue_that_does_not_go_with_the_retries_is_noticed(old: str, new: str, production: dict[str, Any]) -> None:
    assert faults(production, altered("main.bicep", old, new))


def test_nothing_that_expires_is_dropped_without_a_word(production: dict[str, Any]) -> None:
    made = deployed(production)
    waiting = [
        *queues(made).values(),
        *map(properties, made.of("Microsoft.ServiceBus/namespaces/topics/subscriptions")),
    ]
    assert len(waiting) == 5
    assert all(one["deadLetteringOnMessageExpiration"] for one in waiting)


def test_the_queues_are_named_as_the_settings_name_them_unless_said_otherwise(given: dict[str, Any]) -> None:
    assert set(WORKED) <= set(queues(deployed(given)))
    renamed = deployed(given | {"approvalsQueue": "from-dataverse", "commandsQueue": "orders"})
    assert {"from-dataverse", "orders"} <= set(queues(renamed))
    told = variables(app(renamed))
    assert told["PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE"] == "from-dataverse"
    assert told["PSA_CONNECTOR_SERVICEBUS__COMMANDS_QUEUE"] == "orders"


def test_every_queue_that_answers_may_go_to_is_there(production: dict[str, Any]) -> None:
    assert set(queues(deployed(production))) == {"approvals", "commands", "replies", "flow-replies"}


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("separate", [True, False])
def test_the_service_is_told_the_namespaces_that_are_made_in_the_cloud_they_are_made_in(
    cloud: str, separate: bool, production: dict[str, Any]
) -> None:
    made = deployed(production | {"cloud": cloud, "separateNamespaces": separate})
    hosts = {one.name + CLOUDS[cloud].servicebus for one in made.of("Microsoft.ServiceBus/namespaces")}
    told = variables(app(made))
    names = ["PSA_CONNECTOR_SERVICEBUS__NAMESPACE", "PSA_CONNECTOR_SERVICEBUS__APPROVALS_NAMESPACE"]
    assert {told[name] for name in names if name in told} == hosts == set(_outputs(made.outputs))
    assert len(hosts) == (2 if separate else 1)


def _outputs(outputs: Any) -> list[str]:
    return [outputs["approvalsNamespace"], outputs["commandsNamespace"]]
