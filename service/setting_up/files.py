"""The two files that hold the settings: TOML with what may be read by anybody, ``.env`` with the secrets."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from errno import EISDIR
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from service.not_configured import NotConfigured
from service.setting_up.answers import Answers
from service.settings import PREFIX
from service.settings_sources import Variable, variables

PRIVATE, READABLE = 0o600, 0o644
OURS = re.compile(rf"^\s*(?:export\s+)?({PREFIX}\w*)\s*=", re.IGNORECASE)
BARE = re.compile(r"\d{4}-\d{2}-\d{2}")
"""Days stand in TOML without quotes."""


def toml_text(answers: Answers, reasons: Mapping[str, str], in_dotenv: Collection[str] = ()) -> str:
    """Every setting with its meaning; what was answered stands, the rest is commented out. No secret is in it.

    ``reasons`` says, by variable without the prefix, why a value stands there; variables ``in_dotenv`` stay there.
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
        reason = reasons.get(variable.name.removeprefix(PREFIX))
        lines += ["", *_entry(variable, answers, reason, is_elsewhere=variable.name in in_dotenv)]
    return "\n".join(lines) + "\n"


def env_text(answers: Answers, before: str = "") -> str:
    """The secrets, behind what stands in the file: what other programs keep there, and settings that stay the same."""
    same = staying(answers, before)
    kept = [line for line in before.splitlines() if (name := _ours(line)) is None or name in same]
    secrets = [(one.name, answers.of(one)) for one in variables() if one.is_secret and one.name not in same]
    mine = [f"{name}={_quoted(value)}" for name, value in secrets if value is not None]
    return "".join(f"{line}\n" for line in (*kept, *mine))


def staying(answers: Answers, before: str) -> frozenset[str]:
    """The variables that a ``.env`` file sets to what was answered: its lines are left as they are."""
    told = {name.upper(): value for name, value in dotenv_values(stream=StringIO(before)).items() if value}
    return frozenset(one.name for one in variables() if one.name in told and told[one.name] == answers.of(one))


def _ours(line: str) -> str | None:
    found = OURS.match(line)
    return None if found is None else found.group(1).upper()


def refuse_to_replace(paths: tuple[Path, ...]) -> None:
    """Raises ``NotConfigured`` naming the files that are there already."""
    if there := [path for path in paths if path.exists()]:
        raise NotConfigured([f"{path} is there already; --yes writes it anew, with what it says." for path in there])


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


def _entry(variable: Variable, answers: Answers, reason: str | None, *, is_elsewhere: bool) -> Iterator[str]:
    said = textwrap.wrap(f"{variable.meaning[:1].upper()}{variable.meaning[1:]}.", 98, break_on_hyphens=False)
    yield from (f"# {line}" for line in said)
    key, value = variable.path[-1], answers.of(variable)
    if variable.is_secret:
        yield f"# A secret: {variable.name}, in .env or the environment."
    elif is_elsewhere:
        yield f"# {key}: {variable.name} in .env says it."
    elif value is not None:
        yield from (f"# {line}" for line in textwrap.wrap(reason or "", 98, break_on_hyphens=False))
        yield f"{key} = {value if _is_number(variable, value) else _literal(value)}"
    else:
        default = variable.field.get_default(call_default_factory=True, validated_data={})
        plain = variable.field.is_required() or default is None
        yield f"# {key} =" if plain else f"# {key} = {_literal(default)}"


def _is_number(variable: Variable, value: str) -> bool:
    return variable.field.annotation in (int, int | None) and value.isascii() and value.isdecimal()


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
