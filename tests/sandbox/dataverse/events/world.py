"""A Dataverse with the demo company whose steps post to a local Service Bus."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver

from sandbox.clock import Clock
from sandbox.company import Company, LoadedEntry, load
from sandbox.dataverse.event_posts import SystemJob
from sandbox.dataverse.events import EventPoster
from sandbox.dataverse.product import ACTIONS
from sandbox.dataverse.seed import seed_id
from sandbox.dataverse.server import DataverseServer
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api, Loop

QUEUE = "approvals"
CLAIMS = "http://schemas.microsoft.com/xrm/2011/Claims/"
CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
TIME, STATUS = "msdyn_timeentry", "msdyn_entrystatus"


class World:
    """A Dataverse with the demo company, its poster, and a bus with one receiver on its queue."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.clock = loop, Clock()
        self.dataverse = DataverseServer(self.clock, actions=ACTIONS)
        self.company: Company = load(self.dataverse)
        self.poster = EventPoster(self.dataverse.transaction, self.clock)
        self.poster.hear(self.dataverse.organisation)
        self.bus = bus_server(self.clock)
        loop.run(self.bus.start())
        loop.run(self.dataverse.start())
        self.port = self.bus.port
        self.poster.start()
        self._keys = iter(self.company.entries)
        self._client: ServiceBusClient | None = None
        self._receiver: ServiceBusReceiver | None = None

    def entry(self) -> LoadedEntry:
        """A time entry that no test has touched yet."""
        return self.company.entries[next(self._keys)]

    def bus_goes_away(self) -> None:
        self.loop.run(self.bus.stop())

    def bus_comes_back(self) -> None:
        self.bus = bus_server(self.clock)
        self.loop.run(self.bus.start(port=self.port))

    def receive(self, count: int) -> list[ServiceBusReceivedMessage]:
        """Exactly this many messages, completed."""
        if self._client is None or self._receiver is None:
            self._client = ServiceBusClient.from_connection_string(self.bus.connection_string("root"), retry_total=0)
            self._receiver = self._client.get_queue_receiver(QUEUE)
        found: list[ServiceBusReceivedMessage] = []
        while len(found) < count:
            more = self._receiver.receive_messages(max_message_count=count - len(found), max_wait_time=10)
            assert more, f"only {len(found)} of {count} messages came"
            for message in more:
                self._receiver.complete_message(message)
            found += more
        return found

    def bodies(self, count: int) -> list[dict[str, Any]]:
        return [body(message) for message in self.receive(count)]

    def nothing_more(self) -> bool:
        """Whether the queue is empty once everything is posted."""
        return self.poster.idle(10) and self.bus.counts(QUEUE).active == 0

    def unfinished_job(self, step: UUID) -> SystemJob:
        """The first job of a step that waits or has failed, once there is one."""
        for _ in range(200):
            found = [job for job in self.poster.unfinished if job.step == step]
            if found:
                return found[0]
            threading.Event().wait(0.05)
        raise AssertionError("No job waits or has failed.")

    def forget_steps(self) -> None:
        with self.dataverse.transaction() as work:
            for table in ("sdkmessageprocessingstepimage", "sdkmessageprocessingstep", "serviceendpoint"):
                for row in work.find(table):
                    id = row[f"{table}id"]
                    assert isinstance(id, UUID)
                    work.delete(table, id)

    def close(self) -> None:
        if self._receiver is not None and self._client is not None:
            self._receiver.close()
            self._client.close()
        self.poster.stop()
        self.loop.end(self.dataverse.stop())
        self.loop.run(self.bus.stop())


def body(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    loaded = json.loads(b"".join(message.body), parse_float=Decimal)
    assert isinstance(loaded, dict)
    return loaded


def pairs(collection: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in collection}


def target(context: dict[str, Any]) -> dict[str, Any]:
    return pairs(pairs(context["InputParameters"])["Target"]["Attributes"])


def bus_server(clock: Clock) -> ServiceBusServer:
    keys = (SharedKey("root", "root-key"), SharedKey("events", "event-key", frozenset({"Send"})))
    return ServiceBusServer((QueueSettings(QUEUE),), keys, clock)


def register(
    world: World,
    admin: Api,
    table: str,
    filtering: str | None = None,
    message: str = "Update",
    mode: int = 1,
    **endpoint: object,
) -> UUID:
    """Endpoint and step as an administrator registers them; returns the step's id."""
    values: dict[str, object] = {
        "name": "psa-connector",
        "contract": 6,
        "connectionmode": 1,
        "authtype": 2,
        "saskeyname": "events",
        "saskey": "event-key",
        "namespaceformat": 2,
        "namespaceaddress": f"sb://127.0.0.1:{world.port}/",
        "solutionnamespace": "local",
        "path": QUEUE,
        "messageformat": 2,
        "userclaim": 2,
    }
    service = admin.create("serviceendpoints", values | endpoint)
    filter = f"sdkmessagefilters?$select=sdkmessagefilterid&$filter=primaryobjecttypecode eq '{table}'"
    message_id = seed_id(f"sdkmessage/{message}")
    (row,) = admin.get(f"{filter} and _sdkmessageid_value eq {message_id}")["value"]
    step: dict[str, object] = {
        "name": f"psa-connector: {message} of {table}",
        "stage": 40,
        "mode": mode,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "filteringattributes": filtering,
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({service})",
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({row['sdkmessagefilterid']})",
    }
    return admin.create("sdkmessageprocessingsteps", step)


def approve(api: Api, world: World, query: str = "") -> str:
    """Approve a fresh entry over the Web API; its id."""
    entry = world.entry()
    action = f"msdyn_projectapprovals({entry.approval})/Microsoft.Dynamics.CRM.msdyn_ApprovalStatusApprove{query}"
    answer = api("POST", action, json={})
    assert answer.status_code == 204, answer.text
    return str(entry.id)
