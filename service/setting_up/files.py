"""The two files that hold the settings: TOML with what may be read by anybody, ``.env`` with the secrets."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from errno import EISDIR
from pathlib import Path

from service.not_configured import NotConfigured
from service.setting_up.answers import Answers
from service.settings import PREFIX
from service.settings_sources import Variable, variables

PRIVATE, READABLE = 0o600, 0o644
OURS = re.compile(rf"^\s*(?:export\s+)?{PREFIX}\w*\s*=", re.IGNORECASE)
BARE = re.compile(r"\d{4}-\d{2}-\d{2}")
"""Days stand in TOML without quotes."""


def toml_text(answers: Answers, reasons: Mapping[str, str]) -> str:
    """Every setting with its meaning; what was answered stands, the rest is commented out. No secret is in it.

    ``reasons`` says, by variable without the prefix, why a value stands there.
    """
    lines = [
        "# Settings of PSA Connector, written by `psa-connector init`.",
        "# Environment variables and .env come before this file. Secrets belong there, never here.",
    ]
    section: tuple[str, ...] = ()
    # Outside of a table comes before all tables.
    for variable in sorted(variables(), key=lambda one: len(one.path) > 1):
        if variable.path[:-1] != section:
            section = variable.path[:-1]
            lines += ["", f"[{'.'.join(section)}]"]
        lines += ["", *_entry(variable, answers, reasons.get(variable.name.removeprefix(PREFIX)))]
    return "\n".join(lines) + "\n"


def env_text(answers: Answers, before: str = "") -> str:
    """The secrets, behind whatever other programs keep in the file."""
    kept = [line for line in before.splitlines() if not OURS.match(line)]
    secrets = [(variable.name, answers.of(variable)) for variable in variables() if variable.is_secret]
    mine = [f"{name}={_quoted(value)}" for name, value in secrets if value is not None]
    return "".join(f"{line}\n" for line in (*kept, *mine))


def refuse_to_replace(paths: tuple[Path, ...]) -> None:
    """Raises ``NotConfigured`` naming the files that are there already."""
    if there := [path for path in paths if path.exists()]:
        raise NotConfigured([f"{path} is there already; --yes replaces it." for path in there])


def write(files: Sequence[tuple[Path, str, int]]) -> None:
    """Write files (path, text, rights) whole, all or none; nobody else may read one on the way.

    Raises ``NotConfigured``; what was there before is there then.
    """
    parts = [path.with_name(f"{path.name}.part") for path, _, _ in files]
    try:
        for (path, text, mode), part in zip(files, parts, strict=True):
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
            part.unlink(missing_ok=True)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                file.write(text)
        for (path, _, _), part in zip(files, parts, strict=True):
            part.replace(path)
    except OSError as error:
        named = str(error.filename).removesuffix(".part")
        raise NotConfigured([f"{named} can't be written: {error.strerror}."]) from error
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink()


def _entry(variable: Variable, answers: Answers, reason: str | None) -> Iterator[str]:
    said = textwrap.wrap(f"{variable.meaning[:1].upper()}{variable.meaning[1:]}.", 98, break_on_hyphens=False)
    yield from (f"# {line}" for line in said)
    key, value = variable.path[-1], answers.of(variable)
    if variable.is_secret:
        yield f"# A secret: {variable.name}, in .env or the environment."
    elif value is not None:
        yield from (f"# {line}" for line in textwrap.wrap(reason or "", 98, break_on_hyphens=False))
        yield f"{key} = {_literal(value)}"
    else:
        default = variable.field.get_default(call_default_factory=True, validated_data={})
        plain = variable.field.is_required() or default is None
        yield f"# {key} =" if plain else f"# {key} = {_literal(default)}"


def _literal(value: object) -> str:
    """A value as TOML; JSON's strings, numbers and lists are written the same there."""
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, str) and not BARE.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if isinstance(value, list) else str(value)


def _quoted(value: str) -> str:
    if "${" in value:
        raise NotConfigured(["A secret holds '${', which a .env file can't: use another, or set its variable itself."])
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
