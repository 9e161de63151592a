"""A filter's text → its tree. ``or`` binds weakest, then ``and``, then ``not``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.dataverse.odata.functions import LISTS, MINE, NAMESPACE, known
from sandbox.dataverse.odata.periods import PLAIN
from sandbox.dataverse.odata.tokens import Literal, Token, tokenize
from sandbox.dataverse.odata.tree import (
    Comparison,
    Condition,
    Junction,
    Lambda,
    Membership,
    Not,
    Path,
    QueryFunction,
    TextMatch,
)
from sandbox.dataverse.refusals import bad_query

OPERATORS = {"eq", "ne", "gt", "ge", "lt", "le"}
TEXT_FUNCTIONS = {"contains", "startswith", "endswith"}
DEEPEST = 100
MOST = 900
"""Conditions in one filter; beyond them SQLite cannot build the expression."""


def parse_filter(text: str, aliases: Mapping[str, str] | None = None) -> Condition:
    """The tree of a ``$filter``; ``aliases`` are the query's parameters that begin with ``@``."""
    parser = _Parser(text, with_aliases(text, aliases or {}))
    condition = parser.disjunction()
    parser.end()
    return condition


def with_aliases(text: str, aliases: Mapping[str, str]) -> list[Token]:
    """The tokens of a text with every alias replaced by what it stands for; one without a value is null."""
    tokens: list[Token] = []
    for token in tokenize(text):
        if token.kind == "name" and token.text.startswith("@"):
            tokens += _behind(token, aliases.get(token.text, "null"))
        else:
            tokens.append(token)
    return tokens


def _behind(alias: Token, value: str) -> list[Token]:
    """What an alias stands for: one value, one property with its way, or one list of values."""
    tokens = tokenize(value)[:-1]
    kinds = [token.kind for token in tokens]
    single = kinds in (["literal"], ["quoted"])
    way = all(token.kind == "name" if at % 2 == 0 else token.text == "/" for at, token in enumerate(tokens))
    brackets = [token.text for token in tokens if token.text in "[]()" and token.kind == "mark"]
    listed = brackets in (["[", "]"], ["(", ")"]) and [tokens[0].text, tokens[-1].text] == brackets
    named = any(token.kind == "name" for token in tokens)
    aliases = any(token.text.startswith("@") for token in tokens if token.kind == "name")
    if not tokens or aliases or not (single or (way and len(tokens) % 2 == 1) or (listed and not named)):
        raise bad_query(f"Syntax error: the parameter alias '{alias.text}' stands for no value: '{value}'.")
    return [Token(token.kind, token.text, token.value, alias.at) for token in tokens]


class _Parser:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._conditions = 0

    def disjunction(self) -> Condition:
        return self._junction("or", self._conjunction)

    def end(self) -> None:
        if self._peek().kind != "end":
            raise self._error(f"Syntax error at position {self._peek().at} in '{self._text}'.")

    def _conjunction(self) -> Condition:
        return self._junction("and", self._negation)

    def _junction(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _negation(self) -> Condition:
        self._depth += 1
        self._conditions += 1
        if self._depth > DEEPEST or self._conditions > MOST:
            raise self._error("The node count limit of the filter expression has been exceeded.")
        answer: Condition = Not(self._negation()) if self._word("not") else self._primary()
        self._depth -= 1
        return answer

    def _primary(self) -> Condition:
        if self._mark("("):
            inner = self.disjunction()
            self._expect(")")
            return inner
        token = self._take("name")
        if self._mark("("):
            return self._function(token)
        path = self._path(token)
        if path.names[-1] in ("any", "all") and len(path.names) > 1 and self._mark("("):
            return self._lambda(path)
        return self._comparison(path)

    def _lambda(self, path: Path) -> Lambda:
        word, collection = path.names[-1], Path(path.names[:-1])
        if word == "any" and self._mark(")"):
            return Lambda(word, collection, "", None)
        variable = self._take("name").text
        self._expect(":")
        condition = self.disjunction()
        self._expect(")")
        return Lambda(word, collection, variable, condition)

    def _comparison(self, path: Path) -> Condition:
        token = self._take("name")
        if token.text == "in":
            return Membership(path, self._list("(", ")"))
        if token.text not in OPERATORS:
            raise self._error(
                f"Syntax error: '{token.text}' is no comparison, at position {token.at} in '{self._text}'."
            )
        other = self._peek()
        if other.kind == "name":
            return Comparison(path, token.text, self._path(self._take("name")))
        return Comparison(path, token.text, self._literal())

    def _function(self, token: Token) -> Condition:
        if token.text in TEXT_FUNCTIONS:
            path = self._path(self._take("name"))
            self._expect(",")
            text = self._literal()
            self._expect(")")
            if type(text) is not str:
                raise self._error(f"The function '{token.text}' takes a property and a string.")
            return TextMatch(token.text, path, text)
        name = known(token.text) if token.text.startswith(NAMESPACE) else ""
        if name:
            return self._query_function(name)
        raise self._error(
            f"An unknown function with name '{token.text}' was found. There are {', '.join(sorted(TEXT_FUNCTIONS))} "
            f"and those that begin with {NAMESPACE}."
        )

    def _query_function(self, name: str) -> Condition:
        given: dict[str, tuple[Literal, ...]] = {}
        while not self._mark(")"):
            if given:
                self._expect(",")
            argument = self._take("name").text
            self._expect("=")
            if argument in given or argument not in ("PropertyName", "PropertyValue", "PropertyValues"):
                raise self._error(f"{NAMESPACE}{name} takes no '{argument}', or takes it only once.")
            given[argument] = self._list("[", "]") if argument == "PropertyValues" else (self._literal(),)
        (column,) = given.pop("PropertyName", (None,))
        if not isinstance(column, str):
            raise self._error(f"{NAMESPACE}{name} takes a property name.")
        path = Path(tuple(column.split("/")))
        wanted = {"PropertyValues"} if name in LISTS | {"In"} else set() if name in PLAIN | MINE else {"PropertyValue"}
        if set(given) != wanted:
            raise self._error(f"{NAMESPACE}{name} takes {', '.join(['PropertyName', *wanted])}.")
        values = next(iter(given.values()), ())
        if name != "In":
            return QueryFunction(name, path, values)
        if not all(isinstance(value, str) for value in values):
            raise self._error(f"{NAMESPACE}In takes a property name and a list of strings.")
        return Membership(path, values, as_text=True)

    def _list(self, opening: str, closing: str) -> tuple[Literal, ...]:
        self._expect(opening)
        values_read: list[Literal] = []
        while not self._mark(closing):
            if values_read:
                self._expect(",")
            values_read.append(self._quoted() if opening == "[" and self._peek().kind == "quoted" else self._literal())
        return tuple(values_read)

    def _path(self, token: Token) -> Path:
        names = [token.text]
        while self._mark("/"):
            names.append(self._take("name").text)
        return Path(tuple(names))

    def _literal(self) -> Literal:
        token = self._peek()
        self._next += 1
        if token.kind != "literal":
            raise self._error(
                f"Syntax error: a literal value was expected at position {token.at} in '{self._text}'. "
                "A property is on the left of a comparison, a literal or another property on its right."
            )
        return token.value

    def _quoted(self) -> Literal:
        return self._take("quoted").value

    def _peek(self) -> Token:
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def _word(self, word: str) -> bool:
        return self._accept("name", word)

    def _mark(self, mark: str) -> bool:
        return self._accept("mark", mark)

    def _accept(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token.kind == kind and token.text == text:
            self._next += 1
            return True
        return False

    def _take(self, kind: str) -> Token:
        token = self._peek()
        if token.kind != kind:
            raise self._error(f"Syntax error at position {token.at} in '{self._text}': a {kind} was expected.")
        self._next += 1
        return token

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._error(f"Syntax error at position {self._peek().at} in '{self._text}': '{mark}' was expected.")

    @staticmethod
    def _error(sentence: str) -> Exception:
        return bad_query(sentence)
