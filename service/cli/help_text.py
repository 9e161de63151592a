"""How help is laid out: what is copied stands in one line, and no type of Python's is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

CONTEXT: Any = TyperCommand.context_class
"""The library's own, which makes the formatter of every help text; where its module lies depends on the version."""
HYPHEN, BLANK, BREAK = "\ue000", "\ue001", "\b"
"""Stand for a hyphen and a blank at which no line may end, until all is laid out; and the library's sign for a
paragraph that is left as it is."""
TYPE = re.compile(r"^([^\s-].*?) <[^>]*>$")
"""An argument's name, and the type that the library writes behind it."""
CODE = re.compile(r"`[^`\n]+`|\[[^][\n]{1,40}]")
"""What is typed as it stands, or is told in brackets."""
EXAMPLE = re.compile(r"^Example:\s.*\Z", re.MULTILINE | re.DOTALL)
TO_TYPE = re.compile(r"^(?= {4}\S)", re.MULTILINE)
"""Where a line begins that is set in: a command of a paragraph of its own."""


class Formatter(CONTEXT.formatter_class):  # type: ignore[misc]
    """Lays help out."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line: what has to be said stands without braces."""
        super().write_usage(prog, args.replace("{", "").replace("}", ""), prefix)

    def write_text(self, text: str) -> None:
        """Paragraphs; the example's is one line, however long, and so is a command that is set in."""
        said = EXAMPLE.sub(lambda found: f"{BREAK}\n{' '.join(found[0].split())}", _whole(text))
        super().write_text(TO_TYPE.sub(f"{BREAK}\n", said))

    def write_dl(self, rows: Sequence[tuple[str, str]], *args: Any, **named: Any) -> None:
        """Names, and what they mean."""
        super().write_dl([(TYPE.sub(r"\1", name), _whole(said)) for name, said in rows], *args, **named)

    def getvalue(self) -> str:
        """All of it."""
        return str(super().getvalue()).replace(HYPHEN, "-").replace(BLANK, " ")


def lay_out() -> None:
    """Every help text of this process is laid out like this."""
    CONTEXT.formatter_class = Formatter


def _whole(text: str) -> str:
    coded = CODE.sub(lambda found: found[0].replace(" ", BLANK), text)
    return re.sub(r"(?<=\S)-(?=\S)", HYPHEN, coded)
