"""What came with an imported solution: its endpoint is given the address and the key of where it is now."""

from __future__ import annotations

from connector.dataverse.client import DataverseClient
from service.not_configured import NotConfigured
from service.registering.difference import HANDED, KEY, Differs, Item, Standing, Write, is_off, step_differs
from service.registering.reading import ENDPOINT_COLUMNS, STEP_COLUMNS, by_id, rows
from service.registering.wanted import ENDPOINT, FORM, WATCHED, EventQueue, bound_values, same


def binding(client: DataverseClient, events: EventQueue, *, renew_key: bool = False) -> Item:
    """What has to be changed of the endpoint, address and key alone. Raises ``NotConfigured`` where none is there."""
    found = rows(client, "serviceendpoints", ENDPOINT_COLUMNS, f"serviceendpointid eq {ENDPOINT}")
    if not found:
        raise NotConfigured(
            [
                f"{client.url} has no service endpoint {ENDPOINT} to bind: import the solution file first, or run "
                "`psa-connector register` without --bind."
            ]
        )
    there, wanted = found[0], bound_values(events)
    differs = [
        Differs(column, "empty" if there.get(column) is None else str(there[column]), str(value))
        for column, value in wanted.items()
        if not same(column, there.get(column), value)
    ]
    if there.get("issaskeyset") is False:
        differs.append(Differs(KEY, "none is set", HANDED))
    elif differs or renew_key:
        differs.append(Differs(KEY, "it can't be read back", HANDED))
    body = dict(wanted) | {"saskey": events.key}
    writes = (Write("PATCH", f"serviceendpoints({ENDPOINT})", body, {"If-Match": "*"}),) if differs else ()
    standing = Standing.DIFFERS if differs else Standing.THERE
    return Item("service endpoint", events.queue, ENDPOINT, standing, tuple(differs), writes, "serviceendpoint")


def silent_steps(client: DataverseClient) -> list[str]:
    """What keeps what was imported from posting what it should, each in a sentence. Raises ``ConnectorError``."""
    which = " or ".join(f"sdkmessageprocessingstepid eq {watched.id}" for watched in WATCHED)
    there = by_id(rows(client, "sdkmessageprocessingsteps", STEP_COLUMNS, which), "sdkmessageprocessingstepid")
    told = []
    for endpoint in rows(client, "serviceendpoints", ENDPOINT_COLUMNS, f"serviceendpointid eq {ENDPOINT}"):
        form = [
            str(Differs(column, "empty" if endpoint.get(column) is None else str(endpoint[column]), str(value)))
            for column, value in FORM.items()
            if not same(column, endpoint.get(column), value)
        ]
        if form:
            told.append(f"The endpoint differs ({'; '.join(form)}): `psa-connector register` mends it.")
    for watched in WATCHED:
        step = there.get(watched.id)
        if step is None:
            told.append(f"The step on {watched.table} is missing: `psa-connector register` makes it.")
        elif is_off(step):
            told.append(f"The step on {watched.table} is switched off: `psa-connector register --switch-on` mends it.")
        elif str(step.get("_eventhandler_value") or "").lower() != str(ENDPOINT):
            told.append(f"The step on {watched.table} posts to another endpoint: `psa-connector register` mends it.")
        elif differs := step_differs(step, watched):
            said = "; ".join(str(one) for one in differs)
            told.append(f"The step on {watched.table} differs ({said}): `psa-connector register` mends it.")
    return told
