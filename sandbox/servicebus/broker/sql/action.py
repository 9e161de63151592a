"""Actions: what a rule changes in the copies of messages that it lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.servicebus.broker.properties import FilterError, Properties
from sandbox.servicebus.broker.sql.operators import is_number
from sandbox.servicebus.broker.sql.parser import Parser, Property
from sandbox.servicebus.broker.sql.tokens import SqlError

Change = Callable[[Properties], Properties]


def parse_action(text: str) -> Change:
    """SET and REMOVE statements, one after another, with or without ; or , between them; raises ``SqlError``."""
    parser = Parser(text)
    changes: list[Change] = []
    while not parser.at_end:
        changes.append(_statement(parser))
        parser.skip(";", ",")
    if not changes:
        raise SqlError("An action needs a SET or REMOVE.")

    def change(message: Properties) -> Properties:
        for each in changes:
            message = each(message)
        return message

    return change


def _statement(parser: Parser) -> Change:
    if parser.skip("REMOVE"):
        removed = parser.named()
        return lambda message: _set(message, removed, None, gone=True)
    parser.expect("SET")
    named = parser.named()
    parser.expect("=")
    value = parser.value()
    return lambda message: _set(message, named, value(message))


def _set(message: Properties, named: Property, value: Any, *, gone: bool = False) -> Properties:
    if named.of_system:
        system = {name: text for name, text in message.system.items() if name != named.name}
        if not gone and value is not None:
            system[named.name] = _text(named.name, value)
        return Properties(system, message.user)
    spelled = message.spelled(named.name) or named.name
    user = {name: each for name, each in message.user.items() if not (gone and name == spelled)}
    if not gone:
        user[spelled] = value
    return Properties(message.system, user)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if is_number(value):
        return str(value)
    raise FilterError(f"sys.{name} is a text and cannot be set to that.")
