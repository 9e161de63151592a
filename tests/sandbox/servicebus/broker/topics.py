"""Topics to test with, without a wire: a message's content is the name of its properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sandbox.servicebus.broker.message import Content, Draft
from sandbox.servicebus.broker.properties import Properties
from sandbox.servicebus.broker.settings import SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.topic import Subscription, Topic
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import BODY


class Shelf:
    """Reads and writes properties by looking them up."""

    def __init__(self) -> None:
        self._properties: list[Properties] = []

    def content(self, properties: Properties) -> Content:
        self._properties.append(properties)
        return replace(BODY, bare=str(len(self._properties) - 1).encode())

    def read(self, content: Content) -> Properties:
        return self._properties[int(content.bare)]

    def write(self, content: Content, properties: Properties) -> Content:
        return self.content(properties)


class World:
    """One topic ``t`` with the subscriptions given."""

    def __init__(self, *subscriptions: SubscriptionSettings, **changes: object) -> None:
        self.shelf = Shelf()
        self.storage = MemoryStorage()
        self.settings = TopicSettings("t", subscriptions, **changes)  # type: ignore[arg-type]
        self.topic = Topic(self.settings, self.storage, self.shelf)

    def __getitem__(self, name: str) -> Subscription:
        return next(each for each in self.topic.subscriptions if each.settings.name == name)

    def restarted(self) -> None:
        self.topic = Topic(self.settings, self.storage, self.shelf)

    def send(
        self,
        now: datetime,
        message_id: str = "m",
        *,
        system: dict[str, str] | None = None,
        user: dict[str, object] | None = None,
        scheduled_for: datetime | None = None,
    ) -> int:
        properties = Properties({"messageid": message_id, **(system or {})}, user or {})
        draft = Draft(message_id, self.shelf.content(properties), scheduled_for=scheduled_for)
        self.topic.check(draft)
        return self.topic.enqueue(draft, now)

    def ids(self, name: str, now: datetime) -> list[str]:
        return [each.message_id for each in self[name].peek(0, 100, now)]
