"""A local Service Bus in pure Python."""

from sandbox.servicebus.broker.settings import QueueCounts, QueueSettings, SubscriptionSettings, TopicSettings
from sandbox.servicebus.sas import SharedKey
from sandbox.servicebus.server import ServiceBusServer

__all__ = [
    "QueueCounts",
    "QueueSettings",
    "ServiceBusServer",
    "SharedKey",
    "SubscriptionSettings",
    "TopicSettings",
]
