"""Topics: what is sent to one goes to every subscription whose rules take it. Pure; told the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.servicebus.broker.duplicates import DuplicateHistory
from sandbox.servicebus.broker.errors import BrokerError, MessageNotFound, RuleExists, RuleNotFound
from sandbox.servicebus.broker.message import Draft, Message, MessageState
from sandbox.servicebus.broker.properties import FilterError, Properties, Reader
from sandbox.servicebus.broker.queue import ReceivingEntity, drafted, moved, renumbered, shortest
from sandbox.servicebus.broker.rules import DEFAULT_RULE, KeptRules, Rule, TrueFilter, copies
from sandbox.servicebus.broker.settings import SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import Storage


@dataclass(frozen=True, slots=True)
class Offer:
    """What the rules of a subscription make of a message: copies, or why they cannot be applied."""

    copies: tuple[Message, ...] = ()
    problem: str | None = None


class Subscription(ReceivingEntity):
    """One subscription: a line of its own for what its rules take from the topic."""

    def __init__(self, path: str, settings: SubscriptionSettings, storage: Storage, reader: Reader) -> None:
        super().__init__(path, settings, storage)
        self.settings = settings
        self._reader = reader
        self._given = (Rule(DEFAULT_RULE, TrueFilter()),) if settings.rules is None else settings.rules
        kept = storage.rules(self._kept_as)
        # Who changed the rules last wins: clients, or whoever gave the subscription other rules to begin with.
        rules = self._given if kept is None or kept.given != self._given else kept.current
        self._rules = {rule.name.lower(): rule for rule in rules}

    @property
    def rules(self) -> list[Rule]:
        """The rules there are now."""
        return list(self._rules.values())

    def add_rule(self, rule: Rule) -> None:
        """Take from now on what this rule lets through as well."""
        if rule.name.lower() in self._rules:
            raise RuleExists(rule.name)
        self._rules[rule.name.lower()] = rule
        self._keep_rules()

    def remove_rule(self, name: str) -> None:
        """Take from now on nothing because of this rule."""
        if self._rules.pop(name.lower(), None) is None:
            raise RuleNotFound(name)
        self._keep_rules()

    def weigh(self, message: Message, properties: Properties) -> Offer:
        """What the rules make of a message; changes nothing, and no message whatever makes it fail."""
        try:
            return Offer(
                tuple(self._copy(message, properties, each) for each in copies(self._rules.values(), properties))
            )
        except (FilterError, ArithmeticError, ValueError) as problem:
            return Offer(problem=str(problem))

    def take_in(self, message: Message, offer: Offer, now: datetime) -> None:
        """Take the copies there are of a message; where a rule could not be applied, it is put aside."""
        self.advance(now)
        if offer.problem is not None:
            self.put_aside(self._numbered(message), "FilterEvaluationException", offer.problem)
        for each in offer.copies:
            copy = self._numbered(each)
            if self.sessions is not None and copy.session_id is None:
                self.put_aside(copy, "SessionIdMissing", "The subscription takes only messages with a session id.")
            else:
                self._return(self._dated(copy))

    def _copy(self, message: Message, properties: Properties, changed: Properties) -> Message:
        return replace(
            message,
            message_id=changed.system.get("messageid", message.message_id),
            content=message.content if changed is properties else self._reader.write(message.content, changed),
            session_id=changed.system.get("sessionid"),
        )

    def _keep_rules(self) -> None:
        self._storage.save_rules(self._kept_as, KeptRules(tuple(self._rules.values()), self._given))

    def _numbered(self, message: Message) -> Message:
        return renumbered(message, self._storage.next_sequence_number(self._kept_as))


class Topic:
    """A topic: keeps what is scheduled, and gives out the rest at once."""

    def __init__(self, settings: TopicSettings, storage: Storage, reader: Reader) -> None:
        self.path = settings.name
        self._kept_as = settings.name.lower()
        self.settings = settings
        self._storage = storage
        self._reader = reader
        self.subscriptions = [
            Subscription(settings.path_of(each), each, storage, reader) for each in settings.subscriptions
        ]
        window = settings.duplicate_detection_window
        self._duplicates = None if window is None else DuplicateHistory(self._kept_as, window, storage)
        self._messages: dict[int, Message] = {}
        self._scheduled: Timers[int] = Timers()
        for message in storage.messages(self._kept_as):
            self._keep(message)

    def check(self, draft: Draft) -> None:
        """Raise where rules could not look at the message later."""
        self._reader.read(draft.content)

    def enqueue(self, draft: Draft, now: datetime) -> int:
        """Take a message in and give it a sequence number; a duplicate gets one too and is dropped without a word."""
        self.advance(now)
        number = self._storage.next_sequence_number(self._kept_as)
        if self._duplicates is not None and self._duplicates.seen(draft.message_id, now):
            return number
        message = drafted(draft, number, now)
        message = replace(message, time_to_live=shortest(message.time_to_live, self.settings.default_ttl))
        if message.state is MessageState.SCHEDULED:
            self._storage.save(self._kept_as, message)
            self._keep(message)
        else:
            self._give_out(message, now)
        return number

    def take_over(self, message: Message, now: datetime) -> None:
        """Take a message that an entity hands on, as if it were sent here now."""
        self._reader.read(message.content)
        self.advance(now)
        number = self._storage.next_sequence_number(self._kept_as)
        if self._duplicates is None or not self._duplicates.seen(message.message_id, now):
            life = shortest(message.time_to_live, self.settings.default_ttl)
            self._give_out(replace(moved(message, number, now), time_to_live=life), now)

    def cancel_scheduled(self, numbers: Sequence[int], now: datetime) -> None:
        """Drop messages that are still scheduled; all of them or none."""
        self.advance(now)
        for number in numbers:
            if number not in self._scheduled:
                raise MessageNotFound(number)
        for number in dict.fromkeys(numbers):
            self._scheduled.cancel(number)
            self._forget(number)

    def peek(self, first: int, limit: int, now: datetime) -> list[Message]:
        """The scheduled messages from sequence number ``first`` on."""
        self.advance(now)
        return [self._messages[number] for number in sorted(self._messages) if number >= first][: max(limit, 0)]

    def advance(self, now: datetime) -> None:
        """Give out scheduled messages whose moment has come."""
        for number, due in self._scheduled.take_due(now):
            message = self._forget(number)
            fresh = self._storage.next_sequence_number(self._kept_as)
            self._give_out(replace(message, sequence_number=fresh, state=MessageState.ACTIVE, enqueued_at=due), now)

    @property
    def idle(self) -> bool:
        """Whether nothing is waited for, so that time changes nothing."""
        return not self._scheduled

    def next_moment(self) -> datetime | None:
        """When ``advance`` next has something to do; None if nothing is waited for."""
        return self._scheduled.next()

    def _give_out(self, message: Message, now: datetime) -> None:
        properties = self._reader.read(message.content)
        if message.dead_lettering is not None:
            properties = replace(properties, user={**properties.user, **message.dead_lettering.properties})
        offers = [subscription.weigh(message, properties) for subscription in self.subscriptions]
        for subscription, offer in zip(self.subscriptions, offers, strict=True):
            subscription.take_in(message, offer, now)

    def _keep(self, message: Message) -> None:
        if message.scheduled_for is None:
            raise BrokerError(f"The topic {self.path} was left with a message that has no moment to be sent at.")
        self._messages[message.sequence_number] = message
        self._scheduled.set(message.sequence_number, message.scheduled_for)

    def _forget(self, number: int) -> Message:
        self._storage.delete(self._kept_as, number)
        return self._messages.pop(number)
