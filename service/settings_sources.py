"""Where settings are read from, and how everything that is wrong with them is said in one message."""

from __future__ import annotations

import os
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.not_configured import NotConfigured
from service.settings import PREFIX, Settings
from service.settings_files import dotenv_of, toml_of

SEPARATOR = "__"
TOML_FILE = Path("psa-connector.toml")
DOTENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting as an environment variable."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        """The environment variable's name."""
        return PREFIX + SEPARATOR.join(self.path).upper()

    @property
    def is_secret(self) -> bool:
        """Its value may not be shown."""
        return SecretStr in (self.field.annotation, *typing.get_args(self.field.annotation))

    @property
    def meaning(self) -> str:
        """What to put there."""
        return self.field.description or ""


def variables(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[Variable]:
    """Every setting there is, in the order of the model."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, (*path, name))
        else:
            yield Variable((*path, name), field)


def load(config: Path | None = None, *, dotenv: Path = DOTENV_FILE, also: Sequence[str] = ()) -> Settings:
    """Read the settings. ``config`` is a TOML file that must exist; left out, ``psa-connector.toml`` may.

    ``also`` names variables that a command needs beside the required ones. Raises ``NotConfigured`` naming everything
    that is missing, wrong, or unknown; a file that can't be read is named alone, as nobody knows what it says.
    """
    by_name = {variable.name: variable for variable in variables()}
    in_dotenv = dotenv_of(dotenv)
    faults = [*_unknown(os.environ, "the environment", by_name), *_unknown(in_dotenv, str(dotenv), by_name)]
    given = {name.upper() for name, value in (*in_dotenv.items(), *os.environ.items()) if value}
    written = _toml(config)
    faults += [
        f"{name} in {config or TOML_FILE} is not a setting; correct or remove it."
        for name in written
        if name not in Settings.model_fields
    ]
    settings: Settings | None = None
    try:
        settings = _from_outside(written, in_dotenv)
        faults += _at_odds(settings)
    except ValidationError as error:
        faults += _faults(error, given)
    needed = (by_name[name] for name in also)
    faults += [missing(one) for one in needed if one.name not in given and not _is_in(written, one.path)]
    if faults or settings is None:
        is_blank = not written and not any(name.startswith(PREFIX) for name in given)
        raise NotConfigured(faults, is_blank=is_blank)
    return settings


def from_values(written: Mapping[str, Any]) -> Settings:
    """Settings of these values alone, as a TOML file would hold them. Raises ``NotConfigured``."""
    try:
        settings = Settings.model_validate(written)
    except ValidationError as error:
        raise NotConfigured(list(_faults(error, ()))) from error
    if faults := list(_at_odds(settings)):
        raise NotConfigured(faults)
    return settings


def _from_outside(written: dict[str, Any], in_dotenv: Mapping[str, str | None]) -> Settings:
    """The model, read from its sources; the class is made here because it is the class that is told of them."""

    class FromOutside(BaseSettings, Settings):
        # Unknown names at the top are found beforehand: a ``.env`` file is often shared with other programs.
        model_config = SettingsConfigDict(
            env_prefix=PREFIX, env_nested_delimiter=SEPARATOR, env_ignore_empty=True, extra="ignore"
        )

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_dotenv = EnvSettingsSource(settings_cls)
            from_dotenv.env_vars = {name.lower(): value for name, value in in_dotenv.items() if value}
            return (
                EnvSettingsSource(settings_cls),
                from_dotenv,
                InitSettingsSource(settings_cls, init_kwargs=written),
            )

    return FromOutside.model_validate({})


def missing(variable: Variable) -> str:
    """The sentence about a value that is not there."""
    return f"{variable.name} is missing. Expected: {variable.meaning}."


def _is_in(written: object, path: tuple[str, ...]) -> bool:
    for name in path:
        written = written.get(name) if isinstance(written, dict) else None
    return written is not None


def _toml(config: Path | None) -> dict[str, Any]:
    """What the file says. Raises ``NotConfigured`` saying what is wrong with it as a file."""
    path = config or TOML_FILE
    if config is None and not path.exists():
        return {}
    return toml_of(path)


def _unknown(given: Mapping[str, str | None], where: str, known: Collection[str]) -> Iterator[str]:
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield f"{name} in {where} is not a setting; correct or remove it."


def _faults(error: ValidationError, given: Collection[str]) -> Iterator[str]:
    """One sentence per setting, in the words of an administrator.

    Names ``given`` as variables were looked at already; a fault without a path is a whole section in one of them.
    """
    by_path = {variable.path: variable for variable in variables()}
    for detail in error.errors(include_url=False):
        path = tuple(str(part) for part in detail["loc"])
        variable = by_path.get(path)
        if variable is not None:
            yield f"{variable.name} {_what(detail, variable)}. Expected: {variable.meaning}."
        elif path and (name := PREFIX + SEPARATOR.join(path).upper()) not in given:
            yield f"{'.'.join(path)} ({name}) is not a setting; correct or remove it."


def _at_odds(settings: Settings) -> Iterator[str]:
    """What is right by itself, but not beside the rest."""
    bus, dataverse, cloud = settings.servicebus, settings.dataverse, settings.dataverse.known_cloud
    for variable, namespace in (("NAMESPACE", bus.namespace), ("APPROVALS_NAMESPACE", bus.approvals_namespace)):
        name = f"{PREFIX}SERVICEBUS{SEPARATOR}{variable}"
        if namespace is not None and dataverse.token is not None:
            yield f"{name} is set, but a fixed token signs in to no namespace; use a connection string."
        elif namespace is not None and not cloud.has_servicebus(namespace):
            ends = f"namespaces there end in {cloud.servicebus}"
            yield f"{name} is not in the cloud {cloud.name}: {ends}; it is {namespace}."
    if bus.commands_queue == bus.approvals_queue:
        name = f"{PREFIX}SERVICEBUS{SEPARATOR}COMMANDS_QUEUE"
        yield f"{name} is {bus.commands_queue}, where Dataverse posts to; use two queues."


def _what(detail: ErrorDetails, variable: Variable) -> str:
    if detail["type"] == "missing":
        return "is missing"
    said = detail["msg"] if detail["msg"].startswith("is ") else "is not valid"
    # A secret in a wrong place is a secret still.
    is_key = "sharedaccesskey" in str(detail["input"]).lower()
    says_enough = variable.is_secret or is_key or detail["type"] == "not_available"
    return said if says_enough else f"{said}; it reads {detail['input']!r}"
