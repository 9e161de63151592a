"""The files of settings as text, however an editor or a shell saved them; what is no text is named with what to do."""

from __future__ import annotations

import codecs
import tomllib
from decimal import Decimal
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from service.not_configured import NotConfigured

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_of(path: Path) -> str:
    """What a file says: in UTF-8, or in UTF-16 where its first bytes say so, as a shell of Windows writes it.

    Raises ``NotConfigured`` for a file that can't be read, or not as text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotConfigured([f"{path} can't be read: {error.strerror}."]) from error
    try:
        text = TextIOWrapper(BytesIO(data), "utf-16" if data.startswith(_UTF_16) else "utf-8-sig").read()
    except UnicodeError as error:
        raise NotConfigured([_no_text(path)]) from error
    if "\0" in text:
        raise NotConfigured([_no_text(path)])
    return text


def dotenv_of(path: Path) -> dict[str, str | None]:
    """What a ``.env`` file sets; one that is not there sets nothing. Raises ``NotConfigured``."""
    if not (path.is_file() or path.is_fifo()):
        return {}
    return dotenv_values(stream=StringIO(text_of(path)))


def toml_of(path: Path) -> dict[str, Any]:
    """What a TOML file says, its numbers exact. Raises ``NotConfigured`` saying what is wrong with it as a file."""
    text = text_of(path)
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise NotConfigured([f"{path} is no TOML file: {error}."]) from error


def _no_text(path: Path) -> str:
    return f"{path} is not text in UTF-8; open it in an editor and save it in that encoding."
