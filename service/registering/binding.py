"""An endpoint that came with an imported solution, given the address and the key of the environment it is in now."""

from __future__ import annotations

from connector.dataverse.client import DataverseClient
from service.not_configured import NotConfigured
from service.registering.difference import HANDED, KEY, Differs, Item, Standing, Write
from service.registering.reading import ENDPOINT_COLUMNS, rows
from service.registering.wanted import ENDPOINT, EventQueue, bound_values, same


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
