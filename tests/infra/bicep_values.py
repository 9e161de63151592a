"""What expressions of Bicep come to: as much of the language as the templates use; anything else is an error.

pycep tells a name and a string of the same letters not apart; ``templates.Template`` refuses texts where that matters.
What only Azure knows, such as the client id of an identity that is not made yet, is a ``Later``: a string that says
where it will come from.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

import pycep

Scope = Mapping[str, Callable[[], Any]]
_PARSER = pycep.BicepParser()
INTERPOLATED = re.compile(r"\$\{([^{}']*)\}")


def parse(text: str) -> Mapping[str, Any]:
    """The tree pycep makes of a text."""
    tree: Any = _PARSER.parse(text=text)
    return cast(Mapping[str, Any], tree)


class Later(str):
    """A value that is known once it is deployed, by where it comes from."""


@dataclass(frozen=True)
class Made:
    """A resource, or one that is there already; ``config`` is what it is made with."""

    symbol: str
    type: str
    api_version: str
    is_existing: bool
    is_left_out: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name behind that of its parent."""
        parent = self.config.get("parent")
        own = str(self.config["name"])
        return f"{parent.name}/{own}" if isinstance(parent, Made) else own

    @property
    def id(self) -> str:
        """An id that is told apart from others, if not the one Azure gives."""
        return f"/{self.type}/{self.name}"


def value(node: Any, scope: Scope) -> Any:
    """What a node of pycep's tree comes to. Raises ``LookupError`` or ``ValueError`` for what is unknown."""
    if isinstance(node, str):
        return scope[node]() if node in scope else _text(node, scope)
    if isinstance(node, list):
        return [value(one, scope) for one in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"operator"}:
        return _operator(node["operator"], scope)
    if set(node) == {"function"}:
        return _call(node["function"], scope)
    if node.get("type") == "lambda_expression":
        detail = node["detail"]
        return lambda one: value(detail["expression"], {**scope, detail["var_1"]: lambda: one})
    if "loop_type" in node:
        return [value(node["config"], inner) for inner in rounds(node, scope)]
    # pycep leaves the quotes on quoted names.
    return {_text(key.strip("'"), scope): value(one, scope) for key, one in node.items()}


def rounds(node: Mapping[str, Any], scope: Scope) -> list[Scope]:
    """The scope of each round of a loop."""
    detail = node["loop_type"]["detail"]
    inner: list[Scope] = []
    for index, item in enumerate(value(detail["array_name"], scope)):
        names: dict[str, Callable[[], Any]] = {detail["item_name"]: lambda item=item: item}  # type: ignore[misc]
        if "index_name" in detail:
            names[detail["index_name"]] = lambda index=index: index  # type: ignore[misc]
        inner.append({**scope, **names})
    return inner


def _text(text: str, scope: Scope) -> str:
    said = INTERPOLATED.sub(lambda found: _said(value(_expression(found[1]), scope)), text)
    return said.replace("\\'", "'")


@cache
def _expression(text: str) -> Any:
    return parse(f"var it = {text}\n")["variables"]["it"]["value"]


def _said(one: Any) -> str:
    if isinstance(one, bool):
        return str(one).lower()
    return json.dumps(one, separators=(",", ":")) if isinstance(one, dict | list) else str(one)


def _operator(operator: Mapping[str, Any], scope: Scope) -> Any:
    given = operator["operands"]

    def two() -> tuple[Any, Any]:
        return value(given["operand_1"], scope), value(given["operand_2"], scope)

    match operator["type"]:
        case "conditional":
            return value(given["true_value" if value(given["condition"], scope) else "false_value"], scope)
        case "not":
            return not value(given["bool_value"], scope)
        case "equals":
            one, other = two()
            return one == other
        case "not_equals":
            one, other = two()
            return one != other
        case "or":
            return value(given["operand_1"], scope) or value(given["operand_2"], scope)
        case "greater_than":
            one, other = two()
            return one > other
        case "add":
            one, other = two()
            return one + other
        case "multiply":
            one, other = two()
            return one * other
        case "property_accessor" | "index_accessor" | "function_accessor":
            return _reached(value(given["operand_1"], scope), operator, scope)
        case unknown:
            raise ValueError(f"an operator {unknown}")


def _reached(base: Any, operator: Mapping[str, Any], scope: Scope) -> Any:
    """What an accessor leads to; the tree nests what follows the first dot in its second operand."""
    given, kind = operator["operands"], operator["type"]
    if kind == "function_accessor":
        return Later(f"{base.symbol}.{given['func_name']}()")
    if kind == "index_accessor":
        return base[value(given["operand_2"], scope)]
    then = given["operand_2"]
    if isinstance(then, str):
        return member(base, then)
    inner = then["operator"]
    return _reached(member(base, inner["operands"]["operand_1"]), inner, scope)


def member(base: Any, name: str) -> Any:
    """A property of a value, a resource, or of what is known later."""
    if isinstance(base, Made):
        if name == "name" and "parent" in base.config:
            raise ValueError(f"{base.symbol}.name: whether it names the parent too is nothing to rely on")
        if name in ("id", "name"):
            return getattr(base, name)
        if base.is_left_out:
            raise LookupError(f"{name} of {base.symbol}, which is not made")
        return Later(f"{base.symbol}.{name}")
    if isinstance(base, Later):
        return Later(f"{base}.{name}")
    return base[name]


def _call(function: Mapping[str, Any], scope: Scope) -> Any:
    name = function["type"].replace("_", "").lower()
    if name not in FUNCTIONS:
        raise ValueError(f"a function {function['type']}")
    return FUNCTIONS[name](*(value(one, scope) for one in function["parameters"].values() if one is not None))


def _union(*all_of_them: Any) -> Any:
    if isinstance(all_of_them[0], list):
        return list(dict.fromkeys(one for several in all_of_them for one in several))
    return {name: one for several in all_of_them for name, one in several.items()}


def _subnet(space: str, length: int, number: int) -> str:
    return str(list(ipaddress.ip_network(space).subnets(new_prefix=length))[number])


def _fail(sentence: str) -> Any:
    raise ValueError(sentence)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": lambda *several: [one for part in several for one in part],
    "union": _union,
    "contains": lambda table, name: name in table,
    "fail": _fail,
    "tolower": str.lower,
    "empty": lambda one: not one,
    "length": len,
    "take": lambda text, count: text[:count],
    "max": max,
    "replace": lambda text, old, new: text.replace(old, new),
    "range": lambda start, count: list(range(start, start + count)),
    "flatten": lambda several: [one for part in several for one in part],
    "map": lambda several, mapped: [mapped(one) for one in several],
    "items": lambda table: [{"key": key, "value": table[key]} for key in sorted(table)],
    "string": _said,
    "json": json.loads,
    "guid": lambda *parts: str(uuid5(NAMESPACE_URL, "/".join(parts))),
    "uniquestring": lambda *parts: sha256("/".join(parts).encode()).hexdigest()[:13],
    "resourcegroup": lambda: {"id": "/group", "location": "westeurope"},
    "subscription": lambda: {"tenantId": "00000000-0000-4000-8000-00000000000f"},
    "resourceid": lambda type, *names: f"/{type}/{'/'.join(names)}",
    "subscriptionresourceid": lambda type, *names: f"/{type}/{'/'.join(names)}",
    "cidrsubnet": _subnet,
    "listcallbackurl": lambda id, _: {"value": Later(f"listCallbackURL({id})")},
}
