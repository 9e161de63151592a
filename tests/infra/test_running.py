"""How the containers run: probes, stopping, scaling, and jobs whose commands are real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from typer.main import get_command

from connector.pace import Pace
from connector.worker import LAST_CLOSE
from service.cli.exits import Exit
from service.cli.main import app as command_line
from service.exporting import FLUSH_WITHIN
from service.settings import WorkerSettings
from tests.infra.paper import Look, app, container, deployed, jobs, variables
from tests.infra.templates import altered, from_disk

AN_ACTION = 120
"""Seconds that Dataverse gives one synchronous operation with its plug-ins: a call for an invoice may take as long."""


def stopping(drain: float) -> float:
    """Seconds that the service takes at the longest from being asked to stop to its end."""
    return max(drain + LAST_CLOSE, Pace().max_wait + Pace().close_within) + FLUSH_WITHIN


def parsed(args: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The command these arguments are for and what it is given. Raises ``SystemExit`` with 2 where they are wrong.

    The command line is asked by the way it takes itself, up to where a command would begin its work.
    """
    command: Any = get_command(command_line)
    path: list[str] = []
    try:
        context = command.make_context("psa-connector", list(args))
        while hasattr(command, "resolve_command"):
            name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            path.append(name)
            context = command.make_context(name, rest, parent=context)
    except Exception as error:
        # The command line brings a library of its own, whose errors have no public name.
        if getattr(error, "exit_code", None) != Exit.USAGE:
            raise
        raise SystemExit(2) from error
    return " ".join(path), context.params


def commands(given: dict[str, Any], look: Look = from_disk) -> dict[str, tuple[str, dict[str, Any]]]:
    """What every container is for, by its name."""
    made = deployed(given, look)
    every = [container(runs) for runs in (app(made), *jobs(made).values())]
    assert {tuple(one["command"]) for one in every} == {("psa-connector",)}
    return {one["name"]: parsed(one["args"]) for one in every}


def test_each_container_is_given_a_command_there_is_with_options_it_has(given: dict[str, Any]) -> None:
    found = commands(given)
    assert {name: command for name, (command, _) in found.items()} == {
        "service": "run",
        "due": "invoice create",
        "reconcile": "reconcile",
        "status": "status",
    }
    assert found["due"][1]["due"] is True
    assert found["due"][1]["unless_paused"] is True
    assert found["status"][1]["alarm"] is True
    assert found["reconcile"][1]["repair"] is True


def test_no_job_says_yes_to_what_a_person_should() -> None:
    given = {
        "dataverseUrl": "x",
        "creator": "service",
        "businessTimeZone": "x",
        "alertEmails": ["x"],
        "image": "some/image",
    }
    given |= {"startFrom": "2026-01-01"}
    for name, (_, options) in commands(given).items():
        assert not options.get("yes"), name
    assert commands(given)["due"][1]["requested_by"] == "scheduled job"


def test_where_the_product_creates_actuals_nothing_is_to_be_repaired(given: dict[str, Any]) -> None:
    assert commands(given | {"creator": "product"})["reconcile"][1]["repair"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'--due'", "'--dew'"),
        ("['status', '--alarm']", "['state', '--alarm']"),
        ("['status', '--alarm']", "['status', '--alarm', 'often']"),
        ("['--repair']", "['--repair', '--gently']"),
    ],
)
def test_a_command_there_is_not_is_noticed(old: str, new: str, given: dict[str, Any]) -> None:
    with pytest.raises(SystemExit):
        commands(given, altered("modules/run.bicep", old, new))


def test_the_platform_asks_where_the_service_answers(given: dict[str, Any]) -> None:
    made = deployed(given)
    only = container(app(made))
    told = variables(app(made))
    assert told["PSA_CONNECTOR_HEALTH__ADDRESS"] == "0.0.0.0"  # noqa: S104 — what the platform reaches
    asked = {one["type"]: one["httpGet"] for one in only["probes"]}
    assert {kind: one["path"] for kind, one in asked.items()} == {
        "Startup": "/live",
        "Readiness": "/ready",
        "Liveness": "/live",
    }
    assert {str(one["port"]) for one in asked.values()} == {told["PSA_CONNECTOR_HEALTH__PORT"]}
    assert "ingress" not in app(made)["configuration"]


def test_the_service_gets_more_time_to_stop_than_it_takes(given: dict[str, Any]) -> None:
    def is_enough(look: Look = from_disk) -> bool:
        runs = app(deployed(given, look))
        grace: int = runs["template"]["terminationGracePeriodSeconds"]
        drain = WorkerSettings(drain=int(variables(runs)["PSA_CONNECTOR_WORKERS__DRAIN"])).drain
        return drain >= AN_ACTION and stopping(drain) * 1.5 < grace <= 600

    assert is_enough()
    assert not is_enough(altered("modules/run.bicep", "terminationGrace: 240", "terminationGrace: 60"))
    assert not is_enough(altered("modules/run.bicep", "DRAIN: '150'", "DRAIN: '180'"))
    assert not is_enough(altered("modules/run.bicep", "DRAIN: '150'", "DRAIN: '20'"))


def test_it_is_scaled_by_both_queues_where_they_are_with_the_right_the_platform_has(given: dict[str, Any]) -> None:
    made = deployed(given)
    rules = {one["name"]: one["custom"] for one in app(made)["template"]["scale"]["rules"]}
    ingress = {one.name for one in made.of("Microsoft.ServiceBus/namespaces") if "ingress" in one.name}
    internal = {one.name for one in made.of("Microsoft.ServiceBus/namespaces") if "internal" in one.name}
    assert {name: (one["metadata"]["queueName"], {one["metadata"]["namespace"]}) for name, one in rules.items()} == {
        "approvals": ("approvals", ingress),
        "commands": ("commands", internal),
    }
    for one in rules.values():
        assert one["type"] == "azure-servicebus"
        assert one["identity"].endswith("-platform")
        assert one["metadata"]["cloud"] == "AzurePublicCloud"


def test_a_look_that_hangs_is_over_before_the_next_one_begins(given: dict[str, Any]) -> None:
    look = jobs(deployed(given))["status"]["configuration"]
    assert look["scheduleTriggerConfig"]["cronExpression"] == "*/15 * * * *"
    assert look["replicaTimeout"] < 15 * 60


def test_no_run_is_repeated_whose_exit_code_a_second_one_would_hide(given: dict[str, Any]) -> None:
    for name, job in jobs(deployed(given)).items():
        assert job["configuration"]["replicaRetryLimit"] == 0, name
