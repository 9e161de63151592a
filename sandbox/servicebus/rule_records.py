"""Rules as octets, for storages that keep them in a file: names, filters and actions as AMQP values, types and all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.servicebus.amqp.decode import decode
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.types import Long
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, FalseFilter, Filter, Rule, SqlFilter, TrueFilter


def write_rules(rules: Iterable[Rule]) -> bytes:
    """The octets of some rules, in their order."""
    return encode([[each.name, _written(each.filter), each.action and each.action.expression] for each in rules])


def read_rules(octets: bytes) -> tuple[Rule, ...]:
    """The rules ``write_rules`` wrote."""
    records, _ = decode(octets)
    return tuple(
        Rule(name, _read(*given), None if expression is None else Action(expression))
        for name, given, expression in records
    )


def _written(given: Filter) -> list[Any]:
    match given:
        case SqlFilter(expression=expression):
            return ["sql", expression]
        case CorrelationFilter(system=system, user=user):
            return ["correlation", dict(system), {name: _typed(value) for name, value in user.items()}]
        case TrueFilter():
            return ["true"]
        case FalseFilter():
            return ["false"]


def _read(kind: str, *given: Any) -> Filter:
    match kind:
        case "sql":
            return SqlFilter(*given)
        case "correlation":
            return CorrelationFilter(*given)
        case "true":
            return TrueFilter()
        case _:
            return FalseFilter()


def _typed(value: Any) -> Any:
    """Numbers from a Config.json have no AMQP type of their own."""
    match value:
        case list():
            return [_typed(each) for each in value]
        case dict():
            return {name: _typed(each) for name, each in value.items()}
        case _:
            return Long(value) if type(value) is int else value
