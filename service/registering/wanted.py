"""What registering is to leave behind: ids chosen beforehand, and the values of the endpoint and its steps.

Names and values: the tables' public reference, and "Azure integration" on the endpoint's contract and format. No image
is taken of a row: whoever hears of a change reads the rows anew, and an image would carry prices through the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from mappings import tables

NAMESPACE = UUID("c2b1f6de-3f62-5a2b-9d53-0f9b54f5f0c4")
"""The name space of the ids below; changing it would register everything a second time."""

QUEUE_PERSISTENT = 6
JSON = 2
SAS_KEY = 2
NAMESPACE_ADDRESS = 2
NORMAL = 1
USER_ID = 2
POST_OPERATION = 40
ASYNCHRONOUS = 1
SERVER = 0
DISABLED = 1

SOLUTION = "PSAConnector"
"""The solution that holds what is registered, unless another is named."""
VERSION = "1.0.0.0"
PUBLISHER = "psaconnector"
PREFIX = "psac"
OPTION_VALUES = 27180
"""Begins the numbers of the publisher's choices, of which there are none; Dataverse wants one from 10000 to 99999."""

TABLE_COMPONENT = 1
ROLE_COMPONENT = 20
STEP_COMPONENT = 92
ENDPOINT_COMPONENT = 95
"""The types by which a solution knows its components."""


@dataclass(frozen=True, slots=True)
class EventQueue:
    """Where Dataverse posts, and the key it signs with; the key's policy should allow sending to this queue only."""

    address: str
    """For example ``sb://fabrikam.servicebus.windows.net/``."""
    queue: str
    key_name: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watched:
    """A table whose updates are posted, and the columns of which one must be among the changed."""

    table: str
    columns: tuple[str, ...]

    @property
    def id(self) -> UUID:
        """The id of the step that posts them."""
        return chosen(f"step/{self.table}")

    @property
    def name(self) -> str:
        """What the step is called."""
        return f"PSA Connector: Update of {self.table}"


WATCHED = (
    Watched(tables.TIME_ENTRY, ("msdyn_entrystatus",)),
    Watched(tables.EXPENSE, ("msdyn_expensestatus",)),
    Watched(tables.APPROVAL, ("msdyn_recordstage", "msdyn_salesquantity", "msdyn_billingtype")),
)


def chosen(name: str) -> UUID:
    """The id of what is known by this name, in every environment the same."""
    return uuid5(NAMESPACE, name)


ENDPOINT = chosen("serviceendpoint")


FORM: Mapping[str, object] = {
    "contract": QUEUE_PERSISTENT,
    "connectionmode": NORMAL,
    "authtype": SAS_KEY,
    "messageformat": JSON,
    "userclaim": USER_ID,
}
"""Of the endpoint's columns, those that say in which form it posts, the same in every environment."""


def endpoint_values(events: EventQueue) -> Mapping[str, object]:
    """The columns of the service endpoint, its key left out: that can be written and never read."""
    return {
        "name": "PSA Connector",
        **FORM,
        **bound_values(events),
    }


def bound_values(events: EventQueue) -> Mapping[str, object]:
    """Of the endpoint's columns, those that are its environment's own: where it posts, and by which key."""
    return {
        "saskeyname": events.key_name,
        "namespaceformat": NAMESPACE_ADDRESS,
        "namespaceaddress": events.address,
        "solutionnamespace": (urlsplit(events.address).hostname or "").partition(".")[0],
        "path": events.queue,
    }


def step_values(watched: Watched) -> Mapping[str, object]:
    """The columns of a step, without what ties it to the endpoint and the message."""
    return {
        "name": watched.name,
        "stage": POST_OPERATION,
        "mode": ASYNCHRONOUS,
        "rank": 1,
        "supporteddeployment": SERVER,
        "asyncautodelete": True,
        "filteringattributes": ",".join(watched.columns),
    }


def hears(watched: Watched, there: Mapping[str, object]) -> bool:
    """Whether a step posts every update that has to be heard of, after it is written; it may post more."""
    listened, wanted = _names(there.get("filteringattributes")), _names(",".join(watched.columns))
    is_in_time = there.get("stage") == POST_OPERATION and there.get("mode") == ASYNCHRONOUS
    return is_in_time and (not listened or wanted <= listened)


def same(column: str, there: object, wanted: object) -> bool:
    """Whether a column holds what it is to hold; an address and a list of columns may be written in several ways."""
    if column == "namespaceaddress":
        return address_of(there) == address_of(wanted)
    if column == "filteringattributes":
        return _names(there) == _names(wanted)
    return there == wanted


def address_of(text: object) -> tuple[str, int | None]:
    """Host and port of an address, as far as it is one."""
    try:
        parts = urlsplit(str(text).strip())
        return (parts.hostname or str(text), parts.port)
    except ValueError:
        return (str(text), None)


def _names(text: object) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in str(text or "").split(",") if part.strip())
