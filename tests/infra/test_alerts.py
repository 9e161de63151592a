"""The alerts: they ask for metrics the service really tells, and reach people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.telemetry.instruments import CODE, Shape
from connector.telemetry.instruments import METRICS as AT_WORK
from handlers.unseen_invoice import IN_DOUBT
from service.status.approvals import UNSERVED
from service.status.as_data import in_one_line
from service.status.everything import Report
from service.status.instruments import APPROVED_WITHOUT_ACTUALS, ATTENTION, LOOKS, SCHEDULES_OVERDUE
from service.status.instruments import METRICS as LOOKED_AT
from service.status.recorded import DOUBT
from service.status.schedules import OVERDUE
from service.watching import BEAT
from tests.infra.bicep_values import Made
from tests.infra.kql import metric, rings
from tests.infra.paper import Look, deployed, duration, jobs, properties
from tests.infra.templates import INFRA, altered, from_disk

TOLD = {one.name: one for one in (*AT_WORK, *LOOKED_AT)}
ALARM = in_one_line(Report(datetime(2026, 1, 1, tzinfo=UTC), "", ()))
PARTS = {UNSERVED, OVERDUE, DOUBT}
"""Parts of `status` with an alert of their own."""
DAY = timedelta(days=1)
RULES = "Microsoft.Insights/scheduledQueryRules"
WATCHED = "Microsoft.Insights/metricAlerts"
OF_AZURE = {
    "Microsoft.ServiceBus/namespaces": {"DeadletteredMessages": {"EntityName"}, "ThrottledRequests": {"EntityName"}},
    "Microsoft.App/jobs": {"Executions": {"state", "jobName", "executionName"}},
}
"""Metrics that Azure keeps, with what they can be told apart by ("Supported metrics with Azure Monitor")."""


def untold(given: dict[str, Any], look: Look = from_disk) -> set[str]:
    """What the alerts ask for and nobody tells."""
    made, found = deployed(given, look), set()
    for one in made.of(RULES):
        query = properties(one)["criteria"]["allOf"][0]["query"]
        names = _metrics(one)
        speakers = re.findall(r'\bContainerName == "([^"]+)"', query)
        found |= {name for name in names if name not in TOLD} | (set() if names or speakers else {query})
        # Azure's exporter sends neither for counters and gauges, and all that is asked for is one of these.
        found |= set(re.findall(r"\b(?:Min|Max|ItemCount)\b", query))
        found |= {name for name in speakers if name not in jobs(made)}
        found |= {told for told in re.findall(r"Told\.(\w+)", query) if told not in ALARM}
        found |= {part for listed in re.findall(r"Part !in \(([^)]*)\)", query) for part in _quoted(listed)} - PARTS
        columns = set(re.findall(r"(\w+) = ", query))
        found |= {split["name"] for split in properties(one)["criteria"]["allOf"][0]["dimensions"]} - columns
        attributes = {attribute for name in names if name in TOLD for attribute in TOLD[name].attributes}
        found |= set(re.findall(r"Properties\.(\w+)", query)) - attributes
    for one in made.of(WATCHED):
        (criterion,) = properties(one)["criteria"]["allOf"]
        kept = OF_AZURE.get(criterion["metricNamespace"], {})
        if criterion["metricName"] not in kept:
            found.add(criterion["metricName"])
        else:
            found |= {told["name"] for told in criterion.get("dimensions", ())} - kept[criterion["metricName"]]
    return found


def test_every_alert_asks_for_what_is_told(given: dict[str, Any]) -> None:
    assert untold(given) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("psa_connector.heartbeat", "psa_connector.heart_beat"),
        ('ContainerName == "status"', 'ContainerName == "alarm"'),
        ("Told.no_answer", "Told.unanswered"),
        ('"schedules-overdue"', '"overdue-schedules"'),
        ("split: ['Part']", "split: ['Parts']"),
        ("psa_connector.invoices_in_doubt", "psa_connector.in_doubt"),
        ("Sum >= 2", "Max >= 2"),
        ("Properties.code", "Properties.cause"),
        ("DeadletteredMessages", "DeadLetterMessages"),
        ("name: 'state'", "name: 'statusText'"),
    ],
)
def test_an_alert_that_could_never_fire_is_noticed(old: str, new: str, given: dict[str, Any]) -> None:
    kinds = (f"modules/{kind}-alerts.bicep" for kind in ("metric", "log"))
    file = next(one for one in kinds if old in from_disk(INFRA / one).text)
    assert untold(given, altered(file, old, new))


def test_what_a_metric_says_comes_as_its_sum(given: dict[str, Any]) -> None:
    shapes = {TOLD[name].shape for one in deployed(given).of(RULES) for name in _metrics(one)}
    assert Shape.HISTOGRAM not in shapes


def test_what_has_to_be_told_to_a_person_has_an_alert(given: dict[str, Any]) -> None:
    made = deployed(given)
    names = {one.name.removeprefix(f"{given['name']}-") for one in (*made.of(RULES), *made.of(WATCHED))}
    assert names == {
        *(f"{kind}-{where}" for kind in ("dead-letters", "throttling-bus") for where in ("approvals", "commands")),
        *(f"{job}-failed" for job in ("due", "reconcile")),
        *("silence", "status-silence", "nobody-looks", "paused", "in-doubt", "without-actuals", "overdue"),
        *("throttling-dataverse", "sent-away", "behind", "put-aside", "attention"),
    }
    for one in made.of(RULES):
        assert properties(one)["actions"]["actionGroups"] == [group.id for group in _groups(made)]
    for one in made.of(WATCHED):
        assert [action["actionGroupId"] for action in properties(one)["actions"]] == [
            group.id for group in _groups(made)
        ]


def test_silence_is_an_alarm_where_somebody_should_speak(given: dict[str, Any]) -> None:
    made = deployed(given)
    rules = {one.name.removeprefix(f"{given['name']}-"): properties(one) for one in made.of(RULES)}
    assert rules["silence"]["enabled"] is (given["minReplicas"] > 0)
    # Whatever is scaled to zero, the scheduled look is there, and its metrics arrive or all who read them are blind.
    assert rules["status-silence"]["enabled"] is rules["nobody-looks"]["enabled"] is True
    for name in ("silence", "status-silence", "nobody-looks"):
        (criterion,) = rules[name]["criteria"]["allOf"]
        assert (criterion["timeAggregation"], criterion["operator"], criterion["threshold"]) == ("Count", "LessThan", 1)
    assert duration(rules["silence"]["windowSize"]).total_seconds() > 10 * BEAT


def test_an_invoice_in_doubt_is_told_whoever_asked_for_it(given: dict[str, Any]) -> None:
    (rule,) = [one for one in deployed(given).of(RULES) if one.name.endswith("-in-doubt")]
    query = properties(rule)["criteria"]["allOf"][0]["query"]
    assert f'("{IN_DOUBT}", "earlier-{IN_DOUBT}")' in query
    assert f"Properties.{CODE}" in query


def test_a_part_that_may_not_be_looked_at_rings_whatever_alert_it_has_of_its_own(production: dict[str, Any]) -> None:
    (rule,) = [properties(one) for one in deployed(production).of(RULES) if one.name.endswith("-attention")]
    stands = {"steps": 1, "rights": 0, OVERDUE: 2, UNSERVED: 1, DOUBT: 2}
    told = [
        metric(ATTENTION.name, BEGIN + n * timedelta(minutes=5), value, part=part)
        for n in range(12)
        for part, value in stands.items()
    ]
    found = rings(rule, told, BEGIN, BEGIN + timedelta(hours=1))
    assert {part for _, part in found} == {"steps", OVERDUE, DOUBT}


def test_metrics_that_do_not_arrive_ring(production: dict[str, Any]) -> None:
    (rule,) = [properties(one) for one in deployed(production).of(RULES) if one.name.endswith("-nobody-looks")]
    looks = [metric(LOOKS.name, BEGIN + n * timedelta(minutes=15), 1, outcome="complete") for n in range(12)]
    partial = [metric(LOOKS.name, BEGIN + n * timedelta(minutes=15), 1, outcome="partial") for n in range(12, 24)]
    from_, to = BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=6)
    assert [at - BEGIN for at, _ in rings(rule, [*looks, *partial], from_, to)] == [timedelta(hours=3, minutes=45)]
    assert rings(rule, looks, from_, from_ + timedelta(hours=1)) == []
    assert len(rings(rule, [], from_, to)) == 1


COUNTS = [("without-actuals", APPROVED_WITHOUT_ACTUALS.name), ("overdue", SCHEDULES_OVERDUE.name)]
BEGIN = datetime(2026, 3, 2, 0, 7, tzinfo=UTC)


def rung(production: dict[str, Any], name: str, told: list[tuple[timedelta, float]], metric_name: str) -> list[str]:
    """How often an alert rings, while a gauge is told every quarter of an hour: from each moment on another value."""
    (rule,) = [properties(one) for one in deployed(production).of(RULES) if one.name == f"{production['name']}-{name}"]
    rows = []
    for quarters in range(24 * 4 * 5 + 24):
        after = quarters * timedelta(minutes=15)
        value = [value for begin, value in told if begin <= after][-1]
        rows.append(metric(metric_name, BEGIN + after + timedelta(seconds=quarters % 40), value))
    return [change for _, change in rings(rule, rows, BEGIN + 2 * DAY, BEGIN + 5.25 * DAY)]


@pytest.mark.parametrize(("name", "of"), COUNTS)
def test_one_finding_that_stays_does_not_hide_the_next(name: str, of: str, production: dict[str, Any]) -> None:
    start = timedelta()
    assert rung(production, name, [(start, 0)], of) == []
    assert rung(production, name, [(start, 1)], of) == ["any"]
    assert rung(production, name, [(start, 1), (3 * DAY, 2)], of) == ["any", "more"]
    assert rung(production, name, [(start, 1), (3 * DAY, 501)], of) == ["any", "more"]
    assert rung(production, name, [(start, 500), (3 * DAY, 501)], of) == ["any", "more"]
    assert rung(production, name, [(start, 1), (3 * DAY, 501), (4.1 * DAY, 502)], of) == ["any", "more", "more"]
    # What gets fewer rings nobody, and what begins anew rings once.
    assert rung(production, name, [(start, 501), (3 * DAY, 1)], of) == ["any"]
    assert rung(production, name, [(start, 0), (3 * DAY, 7)], of) == ["any"]


def test_what_was_due_and_is_invoiced_within_the_day_rings_nobody(production: dict[str, Any]) -> None:
    name, of = COUNTS[1]
    told = [(timedelta(), 1.0)]
    for day in range(2, 5):
        told += [(day * DAY, 5.0), (day * DAY + timedelta(hours=20), 1.0)]
    assert rung(production, name, told, of) == ["any"]


def test_people_are_told_by_mail_and_in_teams_if_there_is_an_address(production: dict[str, Any]) -> None:
    made = deployed(production)
    (people,) = _groups(made)
    assert [one["emailAddress"] for one in properties(people)["emailReceivers"]] == production["alertEmails"]
    (workflow,) = made.of("Microsoft.Logic/workflows")
    (receiver,) = properties(people)["logicAppReceivers"]
    assert receiver["resourceId"] == workflow.id
    assert receiver["callbackUrl"] == f"listCallbackURL({workflow.id}/triggers/alert)"
    assert properties(workflow)["definition"]["triggers"]["alert"]["type"] == "Request"
    quiet = deployed(production | {"teamsWebhook": "none"})
    assert quiet.of("Microsoft.Logic/workflows") == []
    assert properties(_groups(quiet)[0])["logicAppReceivers"] == []


def _quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


def _metrics(rule: Made) -> list[str]:
    return re.findall(r'\bName == "([^"]+)"', properties(rule)["criteria"]["allOf"][0]["query"])


def _groups(made: Any) -> list[Any]:
    found: list[Any] = made.of("Microsoft.Insights/actionGroups")
    return found
