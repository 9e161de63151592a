"""The templates, read and carried out on paper: which resources a deployment with these parameters would make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.bicep_values import INTERPOLATED, Made, Scope, parse, rounds, value

INFRA = Path(__file__).parents[2] / "infra"
_STRING = re.compile(r"'((?:[^'\\\n]|\\.)*)'")
_WORD = re.compile(r"(?<![\w.@])([A-Za-z_]\w*)\b(?![:(])")
_KEYWORDS = frozenset(
    {"param", "var", "resource", "module", "output", "if", "for", "in", "existing", "true", "false", "null"}
    | {"targetScope", "string", "int", "bool", "object", "array"}
)
_LITERAL = re.compile(r"'([A-Za-z_]\w*)'(?!\s*:)")
_LOOP_NAMES = re.compile(r"for \(?(\w+)(?:, (\w+)\))? in |(\w+) =>")


@dataclass(frozen=True)
class Template:
    """One file as pycep reads it."""

    path: Path
    text: str
    tree: Mapping[str, Any]

    def part(self, name: str) -> Mapping[str, Any]:
        """Its ``parameters``, ``variables``, ``resources``, ``modules`` or ``outputs``."""
        found: Mapping[str, Any] = self.tree.get(name, {})
        return found

    @property
    def names(self) -> set[str]:
        """All that its expressions may refer to."""
        declared = {name for part in ("parameters", "variables", "resources", "modules") for name in self.part(part)}
        return declared | {name for found in _LOOP_NAMES.findall(self.text) for name in found if name}

    @property
    def mentioned(self) -> set[str]:
        """Names its expressions refer to; pycep takes one that nothing declares for a string."""
        code = re.sub(r"^\s*//.*$|^output \w+ \w+ =|^(param|var) \w+", "", self.text, flags=re.MULTILINE)
        code = _STRING.sub(lambda found: f"({','.join(INTERPOLATED.findall(found[1]))})", code)
        code = re.sub(r"( in \w+):", r"\1 :", code)
        return set(_WORD.findall(code)) - _KEYWORDS

    def is_secure(self, parameter: str) -> bool:
        """Whether Azure keeps the parameter out of its records."""
        return any(one["type"] == "secure" for one in self.part("parameters")[parameter]["decorators"])


@dataclass(frozen=True)
class Deployed:
    """What would be made, of all modules, and what would be put out."""

    resources: tuple[Made, ...]
    outputs: Mapping[str, Any]

    def of(self, type: str) -> list[Made]:
        """Those of a type that are made here."""
        return [one for one in self.resources if one.type == type and not one.is_existing]


def read(path: Path, text: str | None = None) -> Template:
    """A template. Raises ``ValueError`` for a string that reads like a name, which pycep could not tell apart."""
    text = path.read_text(encoding="utf-8") if text is None else text
    template = Template(path, text, parse(text))
    if clash := template.names & set(_LITERAL.findall(text)):
        raise ValueError(f"{path.name}: both a name and a string: {', '.join(sorted(clash))}")
    return template


@cache
def from_disk(path: Path) -> Template:
    """A template as it is."""
    return read(path)


def templates() -> list[Template]:
    """All there are."""
    return [from_disk(path) for path in sorted(INFRA.rglob("*.bicep"))]


def altered(file: str, old: str, new: str) -> Callable[[Path], Template]:
    """The templates as they would be read with something else in one of them."""
    path = INFRA / file
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{file} does not say {old!r}")
    other = read(path, text.replace(old, new))
    return lambda asked: other if asked == path else from_disk(asked)


def parameters(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What a parameter file says, where these environment variables are set. pycep reads no such files: they are turned
    into variables first. Raises ``ValueError`` for a variable that is not set and has no default.
    """
    text = path.read_text(encoding="utf-8")
    as_variables = re.sub(r"^param (\w+) =", r"var \1 =", re.sub(r"^using .*$", "", text, flags=re.M), flags=re.M)
    tree = parse(as_variables)
    said = {}
    for name, one in tree.get("variables", {}).items():
        node = one["value"]
        if isinstance(node, dict) and node.get("function", {}).get("type") == "readEnvironmentVariable":
            variable, *default = node["function"]["parameters"].values()
            if variable not in environment and not default:
                raise ValueError(f"{path.name}: {variable} is not set")
            said[name] = environment[variable] if variable in environment else default[0]
        else:
            said[name] = value(node, {})
    return said


def deploy(template: Template, given: Mapping[str, Any], look: Callable[[Path], Template] = from_disk) -> Deployed:
    """Carry a template out; ``look`` reads its modules.

    Raises ``ValueError`` for parameters that are missing, unknown or not allowed.
    """
    declared = template.part("parameters")
    if unknown := set(given) - set(declared):
        raise ValueError(f"{template.path.name}: no such parameters: {sorted(unknown)}")
    scope: dict[str, Callable[[], Any]] = {}
    for name, one in declared.items():
        if name not in given and one["default"] is None:
            raise ValueError(f"{template.path.name}: {name} is missing")
        scope[name] = _known(given[name]) if name in given else _once(one["default"], scope)
        _allowed(template, name, scope[name](), one["decorators"])
    scope |= {name: _once(one["value"], scope) for name, one in template.part("variables").items()}
    modules = {
        name: _Module(look(template.path.parent / one["detail"]["path"]), one, scope, look)
        for name, one in template.part("modules").items()
    }
    scope |= {name: _known(module) for name, module in modules.items()}
    made = {name: _lazily(name, one, scope) for name, one in template.part("resources").items()}
    scope |= made
    resources = [one for make in made.values() for one in _flat(make()) if not one.is_left_out]
    for module in modules.values():
        if module.deployed is not None:
            resources += module.deployed.resources
    outputs = {name: value(one["value"], scope) for name, one in template.part("outputs").items()}
    return Deployed(tuple(resources), outputs)


class _Module:
    """A module; ``outputs`` of one that is not deployed are refused."""

    def __init__(
        self, template: Template, node: Mapping[str, Any], scope: Scope, look: Callable[[Path], Template]
    ) -> None:
        self._template, self._node, self._scope, self._look = template, node, scope, look
        self._carried_out: Deployed | None = None

    @property
    def deployed(self) -> Deployed | None:
        """What it makes, unless its condition leaves it out."""
        config = self._node["config"]
        if "condition" in config and not value(config["condition"], self._scope):
            return None
        if self._carried_out is None:
            given = config["config"]["params"] if "condition" in config else config["params"]
            evaluated = {name: value(one, self._scope) for name, one in given.items()}
            self._carried_out = deploy(self._template, evaluated, self._look)
        return self._carried_out

    def __getitem__(self, name: str) -> Any:
        if name != "outputs" or self.deployed is None:
            raise LookupError(f"{name} of {self._template.path.name}, which is not deployed")
        return self.deployed.outputs


def _known(one: Any) -> Callable[[], Any]:
    return lambda: one


def _once(node: Any, scope: Scope) -> Callable[[], Any]:
    return cache(lambda: value(node, scope))


def _lazily(symbol: str, node: Mapping[str, Any], scope: Scope) -> Callable[[], Made | list[Made]]:
    def make() -> Made | list[Made]:
        config = node["config"]
        if "loop_type" in config:
            return [_made(symbol, node, config["config"], inner, True) for inner in rounds(config, scope)]
        is_made = "condition" not in config or bool(value(config["condition"], scope))
        return _made(symbol, node, config["config"] if "condition" in config else config, scope, is_made)

    return cache(make)


def _made(symbol: str, node: Mapping[str, Any], config: Mapping[str, Any], scope: Scope, is_made: bool) -> Made:
    known = config if is_made else {"name": config["name"]}
    evaluated = {name: value(one, scope) for name, one in known.items()}
    return Made(symbol, node["type"], node["api_version"], bool(node["existing"]), not is_made, evaluated)


def _flat(made: Made | list[Made]) -> Iterator[Made]:
    yield from made if isinstance(made, list) else [made]


LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "allowed": lambda said, limit: said in limit,
    "min_value": lambda said, limit: said >= limit,
    "max_value": lambda said, limit: said <= limit,
    "min_length": lambda said, limit: len(said) >= limit,
    "max_length": lambda said, limit: len(said) <= limit,
}


def _allowed(template: Template, name: str, said: Any, decorators: list[Mapping[str, Any]]) -> None:
    for one in decorators:
        if one["type"] in LIMITS and not LIMITS[one["type"]](said, one["argument"]):
            raise ValueError(f"{template.path.name}: {name} is {said!r}, which is not allowed")
