"""Whether events are posted to the queue this service receives from: the endpoint, its steps, what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from service.checks.finding import Finding, Verdict, may_not_see
from service.event_sender import event_queue, received_from
from service.not_configured import NotConfigured
from service.registering.difference import is_off, step_differs, strangers
from service.registering.reading import Row, posting
from service.registering.wanted import ENDPOINT, WATCHED, EventQueue, address_of, endpoint_values, same
from service.settings import ServiceBusSettings, Settings

AREA = "registration"
REGISTER = "Run `psa-connector register`; it shows what differs before it changes anything."
RECONCILE = "Then `psa-connector reconcile` finds what was missed meanwhile."
HARMLESS = ("name", "rank")
"""Columns of a step that may be other than registered."""
BIND = "Run `psa-connector register --bind` to set the address and the key of this environment."


def registration(client: DataverseClient, settings: Settings) -> Iterator[Finding]:
    """Everything about the endpoint and its steps; asked for in three requests."""
    try:
        events = _expected(settings.servicebus)
    except NotConfigured as error:
        yield from (
            Finding(AREA, Verdict.WRONG, fault, "Correct it, then run `psa-connector register`.")
            for fault in error.faults
        )
        return
    try:
        endpoints, steps, images = posting(client, events.queue)
    except Misconfigured as error:
        yield may_not_see(AREA, error, "Whether events are posted, and where to,")
        return
    found = list(_faults(endpoints, steps, images, events))
    yield from found
    if not any(one.verdict in (Verdict.WRONG, Verdict.DRIFT) for one in found):
        yield Finding(AREA, Verdict.OK, f"{len(WATCHED)} steps post to {events.queue} at {_host(events.address)}.")


def _expected(settings: ServiceBusSettings) -> EventQueue:
    """Where events have to go: to where this service receives. Without a sender the key's name is not known, and empty.

    Raises ``NotConfigured`` for a sender that leads elsewhere.
    """
    if settings.event_sender is not None:
        return event_queue(settings)
    return EventQueue(received_from(settings), settings.approvals_queue, "", "")


def _faults(
    endpoints: Mapping[UUID, Row],
    steps: Mapping[UUID, Row],
    images: Sequence[Row],
    events: EventQueue,
) -> Iterator[Finding]:
    there = endpoints.get(ENDPOINT)
    if there is None:
        yield Finding(
            AREA, Verdict.WRONG, f"The service endpoint {ENDPOINT} is not there: no event is posted.", REGISTER
        )
    else:
        yield from _endpoint(there, events)
    for watched in WATCHED:
        step = steps.get(watched.id)
        if step is None:
            sentence = f"The step {watched.name} ({watched.id}) is not there: changes of it are not told."
            yield Finding(AREA, Verdict.WRONG, sentence, f"{REGISTER} {RECONCILE}")
            continue
        named = f"The step {watched.name} ({watched.id})"
        if is_off(step):
            sentence = f"{named} is switched off: its events are not posted."
            remedy = f"Run `psa-connector register --switch-on`. {RECONCILE}"
            yield Finding(AREA, Verdict.DRIFT, sentence, remedy)
        differs = [str(one) for one in step_differs(step, watched) if one.what not in HARMLESS]
        if str(step.get("_eventhandler_value") or "").lower() != str(ENDPOINT):
            differs.append(f"service endpoint: {step.get('_eventhandler_value')} -> {ENDPOINT}")
        if differs:
            yield Finding(AREA, Verdict.DRIFT, f"{named} is other than registered: {'; '.join(differs)}.", REGISTER)
    for one in strangers(endpoints, steps, images, events):
        yield Finding(
            AREA,
            Verdict.NOTE,
            f"The {one.what} {one.name} ({one.id}) is not this service's. {one.note}",
            "Delete it where nobody needs it.",
        )


def _endpoint(there: Row, events: EventQueue) -> Iterator[Finding]:
    named = f"The service endpoint {ENDPOINT}"
    elsewhere = there.get("path") != events.queue or not same(
        "namespaceaddress", there.get("namespaceaddress"), events.address
    )
    if elsewhere:
        at = f"{there.get('path')} at {_host(str(there.get('namespaceaddress')))}"
        sentence = f"{named} posts to {at}; this service receives from {events.queue} at {_host(events.address)}."
        remedy = f"After a copy or an import that is so. {BIND}"
        if same("namespaceaddress", there.get("namespaceaddress"), events.address):
            remedy = f"Is PSA_CONNECTOR_SERVICEBUS__APPROVALS_QUEUE misspelt? If {events.queue} is right: {BIND}"
        yield Finding(AREA, Verdict.DRIFT, sentence, remedy)
    if there.get("issaskeyset") is False:
        yield Finding(AREA, Verdict.WRONG, f"{named} has no key: Dataverse can't post.", BIND)
    if events.key_name and there.get("saskeyname") != events.key_name and not elsewhere:
        yield Finding(
            AREA,
            Verdict.NOTE,
            f"{named} signs as {there.get('saskeyname')}; PSA_CONNECTOR_SERVICEBUS__EVENT_SENDER names "
            f"{events.key_name}. Whether its key still works can't be seen from here.",
            "Run `psa-connector register --yes` to hand the one of the settings over.",
        )
    aside = ("name", "namespaceaddress", "path", "saskeyname", "solutionnamespace")
    differs = [
        f"{column}: {there.get(column)} -> {value}"
        for column, value in endpoint_values(events).items()
        if column not in aside and not same(column, there.get(column), value)
    ]
    if differs:
        yield Finding(AREA, Verdict.DRIFT, f"{named} is other than registered: {'; '.join(differs)}.", REGISTER)


def _host(address: str) -> str:
    host, port = address_of(address)
    return host if port is None else f"{host}:{port}"
