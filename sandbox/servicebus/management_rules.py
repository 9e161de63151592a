"""Management requests about the rules of a subscription: adding, removing and listing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.types import Described, ULong
from sandbox.servicebus.arguments import number, text
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, FalseFilter, Filter, Rule, SqlFilter, TrueFilter
from sandbox.servicebus.broker.topic import Subscription
from sandbox.servicebus.conditions import ARGUMENT_ERROR
from sandbox.servicebus.requests import Reply

_RULE, _NO_ACTION, _ACTION = (ULong(0x13700000000 + code) for code in (4, 5, 6))
# One digit shorter than the others, in Microsoft's documentation and its clients alike.
_SQL, _TRUE, _FALSE, _CORRELATION = (ULong(0x1370000000 + code) for code in (6, 7, 8, 9))
_SYSTEM = (
    ("correlation-id", "CorrelationId"),
    ("message-id", "MessageId"),
    ("to", "To"),
    ("reply-to", "ReplyTo"),
    ("label", "Label"),
    ("session-id", "SessionId"),
    ("reply-to-session-id", "ReplyToSessionId"),
    ("content-type", "ContentType"),
)
"""A correlation filter's conditions as requests call them and as rules do, in the order of the replies."""


def rule_operations(subscription: Subscription) -> dict[str, Callable[[dict[Any, Any]], Reply]]:
    """The operations by name."""

    def add(body: dict[Any, Any]) -> Reply:
        description = body.get("rule-description")
        if not isinstance(description, dict):
            raise AmqpError(ARGUMENT_ERROR, "rule-description is not a map.")
        try:
            rule = Rule(text(body, "rule-name"), _filter(description), _action(description))
        except ValueError as problem:
            raise AmqpError(ARGUMENT_ERROR, str(problem)) from problem
        subscription.add_rule(rule)
        return Reply(200, "OK")

    def remove(body: dict[Any, Any]) -> Reply:
        subscription.remove_rule(text(body, "rule-name"))
        return Reply(200, "OK")

    def enumerate_rules(body: dict[Any, Any]) -> Reply:
        skip, top = number(body, "skip"), number(body, "top")
        if skip < 0 or top < 0:
            raise AmqpError(ARGUMENT_ERROR, "skip and top cannot be less than 0.")
        rules = subscription.rules[skip : skip + top]
        if not rules:
            return Reply(204, "No rules.")
        return Reply(200, "OK", body={"rules": [{"rule-description": _described(rule)} for rule in rules]})

    return {"add-rule": add, "remove-rule": remove, "enumerate-rules": enumerate_rules}


def _filter(description: dict[Any, Any]) -> Filter:
    sql, correlation = description.get("sql-filter"), description.get("correlation-filter")
    if isinstance(sql, dict) and correlation is None:
        return SqlFilter(text(sql, "expression"))
    if isinstance(correlation, dict) and sql is None:
        user = correlation.get("properties") or {}
        if not isinstance(user, dict):
            raise AmqpError(ARGUMENT_ERROR, "The properties of a correlation filter are not a map.")
        system = {name: text(correlation, key) for key, name in _SYSTEM if correlation.get(key) is not None}
        return CorrelationFilter(system, user)
    raise AmqpError(ARGUMENT_ERROR, "A rule needs either an sql-filter or a correlation-filter.")


def _action(description: dict[Any, Any]) -> Action | None:
    action = description.get("sql-rule-action")
    if action is None:
        return None
    if not isinstance(action, dict):
        raise AmqpError(ARGUMENT_ERROR, "sql-rule-action is not a map.")
    return Action(text(action, "expression"))


def _described(rule: Rule) -> Described:
    action = Described(_NO_ACTION, []) if rule.action is None else Described(_ACTION, [rule.action.expression])
    return Described(_RULE, [_described_filter(rule.filter), action, rule.name])


def _described_filter(given: Filter) -> Described:
    match given:
        case SqlFilter(expression=expression):
            return Described(_SQL, [expression])
        case CorrelationFilter(system=system, user=user):
            values = {name.lower(): value for name, value in system.items()}
            return Described(_CORRELATION, [*(values.get(name.lower()) for _, name in _SYSTEM), dict(user)])
        case FalseFilter():
            return Described(_FALSE, [])
        case TrueFilter():
            return Described(_TRUE, [])
