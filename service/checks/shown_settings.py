"""The settings as they stand, each with where it comes from; a secret's value is never among them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from service.dataverse_settings import INJECTED
from service.settings import Settings
from service.settings_files import dotenv_of, toml_of
from service.settings_sources import DOTENV_FILE, TOML_FILE, Variable, variables

ENVIRONMENT, DEFAULT = "environment", "default"
HIDDEN = "(set, not shown)"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting: its variable, its value as text (``None``: left out), and the source that won."""

    name: str
    value: str | None
    source: str


def shown(settings: Settings, config: Path | None, dotenv: Path = DOTENV_FILE) -> list[Shown]:
    """Every setting there is, in the order of the model."""
    in_file = dotenv_of(dotenv)
    path = config or TOML_FILE
    written = toml_of(path) if path.exists() else {}
    sources = (
        (ENVIRONMENT, {name.upper() for name, value in os.environ.items() if value}),
        (str(dotenv), {name.upper() for name, value in in_file.items() if value}),
        (str(path), set(_named(written))),
    )
    return [_one(variable, settings, sources) for variable in variables()]


def _one(variable: Variable, settings: Settings, sources: tuple[tuple[str, set[str]], ...]) -> Shown:
    value = _value(settings, variable.path)
    source = next((source for source, names in sources if variable.name in names), DEFAULT)
    injected = INJECTED.get(variable.path[-1], "")
    if source == DEFAULT and value is not None and os.environ.get(injected):
        source = injected
    return Shown(variable.name, _text(value), source)


def _value(settings: BaseModel, path: tuple[str, ...]) -> object:
    found: object = settings
    for name in path:
        found = getattr(found, name)
    return found


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, dict):
        return json.dumps({str(key): str(one) for key, one in value.items()})
    return json.dumps(value) if isinstance(value, list) else str(value)


def _named(written: Mapping[str, Any]) -> Iterator[str]:
    """The variables that stand for what a file says; a table may be a section, or one setting's value."""
    for variable in variables():
        found: Any = written
        for name in variable.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is not None:
            yield variable.name
