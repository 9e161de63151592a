"""From the words of a filter or action to something that can be evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from sandbox.servicebus.broker.properties import Evaluate, FilterError, Properties, system_name
from sandbox.servicebus.broker.sql.operators import among, both, calculate, compare, either, like, negate, opposite
from sandbox.servicebus.broker.sql.tokens import Kind, SqlError, Token, tokens_of

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Property:
    """A property a rule names, of the system or of the sender."""

    of_system: bool
    name: str

    def __call__(self, message: Properties) -> Any:
        return message.system.get(self.name) if self.of_system else message.of_user(self.name)

    def exists(self, message: Properties) -> bool:
        """Whether the message has it, be it null."""
        return self.name in message.system if self.of_system else message.spelled(self.name) is not None


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of a filter: a condition, which is true, false or unknown, or else a value."""

    evaluate: Evaluate
    condition: bool = False


class Parser:
    """Reads one text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens_of(text)
        self._next = 0
        self._depth = 0

    def filter(self) -> Evaluate:
        """The whole text as a condition."""
        condition = self._as_condition(self._disjunction())
        self.end()
        return condition

    def value(self) -> Evaluate:
        """A value, as far as it goes."""
        return self._as_value(self._sum())

    def named(self) -> Property:
        """A property by name, with or without its scope; without one it is the sender's."""
        token = self._take(Kind.NAME, Kind.QUOTED)
        if self.skip("."):
            if token.kind is not Kind.NAME or token.value.lower() not in ("sys", "user"):
                raise SqlError(f"{token.value} is no scope; there are sys and user.")
            return self._scoped(token.value.lower() == "sys", self._take(Kind.NAME, Kind.QUOTED).value)
        return Property(False, token.value)

    def skip(self, *values: str) -> str | None:
        """Pass one of these keywords or symbols, if it is what comes next."""
        token = self._tokens[self._next]
        if not token.is_(*values):
            return None
        self._next += 1
        return str(token.value)

    def expect(self, value: str) -> None:
        """Pass this keyword or symbol, which has to come next."""
        if self.skip(value) is None:
            raise self._unexpected(value)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._tokens[self._next].kind is Kind.END

    def end(self) -> None:
        """Nothing may be left."""
        if not self.at_end:
            raise self._unexpected("the end")

    # --- conditions ---------------------------------------------------------------------------------------------

    def _disjunction(self) -> Term:
        term = self._conjunction()
        while self.skip("OR"):
            term = self._joined(either, term, self._conjunction())
        return term

    def _conjunction(self) -> Term:
        term = self._negation()
        while self.skip("AND"):
            term = self._joined(both, term, self._negation())
        return term

    def _joined(self, join: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
        one, other = self._as_condition(left), self._as_condition(right)
        return Term(lambda message: join(one(message), lambda: other(message)), condition=True)

    def _negation(self) -> Term:
        if not self.skip("NOT"):
            return self._predicate()
        condition = self._as_condition(self._nested(self._negation))
        return Term(lambda message: opposite(condition(message)), condition=True)

    def _predicate(self) -> Term:
        if self.skip("EXISTS"):
            self.expect("(")
            asked = self.named()
            self.expect(")")
            return Term(asked.exists, condition=True)
        left = self._sum()
        sign = self.skip(*_COMPARISONS)
        if sign is not None:
            one, other = self._as_value(left), self._as_value(self._sum())
            return Term(lambda message: compare(sign, one(message), other(message)), condition=True)
        if self.skip("IS"):
            return self._null_test(left)
        turned = self.skip("NOT") is not None
        if self.skip("IN"):
            return _turned(self._among(self._as_value(left)), turned)
        if self.skip("LIKE"):
            return _turned(self._like(self._as_value(left)), turned)
        if turned:
            raise self._unexpected("IN or LIKE")
        return left

    def _null_test(self, left: Term) -> Term:
        if not isinstance(left.evaluate, Property):
            raise SqlError("Only a property can be asked whether it IS NULL.")
        turned = self.skip("NOT") is not None
        self.expect("NULL")
        evaluate = left.evaluate
        return Term(lambda message: (evaluate(message) is None) is not turned, condition=True)

    def _among(self, value: Evaluate) -> Evaluate:
        self.expect("(")
        choices = [self.value()]
        while self.skip(","):
            choices.append(self.value())
        self.expect(")")
        return lambda message: among(value(message), (choice(message) for choice in choices))

    def _like(self, value: Evaluate) -> Evaluate:
        pattern = self.value()
        escape = self.value() if self.skip("ESCAPE") else _constant(None)
        return lambda message: like(value(message), pattern(message), escape(message))

    # --- values -------------------------------------------------------------------------------------------------

    def _sum(self) -> Term:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Term:
        return self._chain(self._signed, "*", "/", "%")

    def _chain(self, operand: Callable[[], Term], *signs: str) -> Term:
        term = operand()
        while (sign := self.skip(*signs)) is not None:
            one, other = self._as_value(term), self._as_value(operand())
            term = Term(partial(_calculated, sign, one, other))
        return term

    def _signed(self) -> Term:
        sign = self.skip("+", "-")
        if sign is None:
            return self._primary()
        value = self._as_value(self._nested(self._signed))
        return Term((lambda message: negate(value(message))) if sign == "-" else value)

    def _primary(self) -> Term:
        if self.skip("("):
            term = self._nested(self._disjunction)
            self.expect(")")
            # What stands in brackets is a value or condition, but no longer a property by itself.
            return Term(partial(_evaluated, term.evaluate), term.condition)
        token = self._tokens[self._next]
        if token.is_("TRUE", "FALSE", "NULL"):
            self._next += 1
            return Term(_constant({"TRUE": True, "FALSE": False, "NULL": None}[token.value]))
        if token.kind in (Kind.NUMBER, Kind.TEXT):
            self._next += 1
            return Term(_constant(token.value))
        if token.kind is Kind.NAME and self._tokens[self._next + 1].is_("("):
            return self._function()
        if token.kind in (Kind.NAME, Kind.QUOTED):
            return Term(self.named())
        raise self._unexpected("a value")

    def _function(self) -> Term:
        name = self._take(Kind.NAME).value.lower()
        self.expect("(")
        if name == "newid":
            self.expect(")")
            return Term(lambda message: uuid4())
        if name not in ("p", "property"):
            raise SqlError(f"There is no function {name}; there are newid, property and p.")
        argument = self.value()
        self.expect(")")
        return Term(lambda message: _named(argument(message), message))

    # --- inside -------------------------------------------------------------------------------------------------

    def _nested(self, read: Callable[[], Term]) -> Term:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SqlError(f"An expression is nested deeper than {_DEEPEST}.")
        term = read()
        self._depth -= 1
        return term

    def _scoped(self, of_system: bool, name: str) -> Property:
        if not of_system:
            return Property(False, name)
        known = system_name(name)
        if known is None:
            raise SqlError(f"The sandbox's filters have no system property sys.{name}.")
        return Property(True, known)

    def _take(self, *kinds: Kind) -> Token:
        token = self._tokens[self._next]
        if token.kind not in kinds:
            raise self._unexpected("a name")
        self._next += 1
        return token

    def _as_condition(self, term: Term) -> Evaluate:
        if not term.condition:
            raise self._unexpected("a comparison")
        return term.evaluate

    def _as_value(self, term: Term) -> Evaluate:
        if term.condition:
            raise self._unexpected("a value, not a condition,")
        return term.evaluate

    def _unexpected(self, wanted: str) -> SqlError:
        token = self._tokens[self._next]
        return SqlError(f"{wanted} was expected before {token.value!r} at position {token.position + 1}.")


def _calculated(sign: str, left: Evaluate, right: Evaluate, message: Properties) -> Any:
    return calculate(sign, left(message), right(message))


def _evaluated(inner: Evaluate, message: Properties) -> Any:
    return inner(message)


def _turned(condition: Evaluate, turned: bool) -> Term:
    return Term((lambda message: opposite(condition(message))) if turned else condition, condition=True)


def _constant(value: Any) -> Evaluate:
    return lambda message: value


def _named(name: Any, message: Properties) -> Any:
    if name is None:
        return None
    if not isinstance(name, str):
        raise FilterError("The name given to property() is not a text.")
    return message.of_user(name)
