"""The Dockerfile as instructions by stage, and what of the project reaches whoever builds it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra" / "Dockerfile"
IGNORE = ROOT / ".dockerignore"


@dataclass(frozen=True)
class Instruction:
    """One instruction; ``said`` is what follows its name."""

    name: str
    said: str

    @property
    def words(self) -> list[str]:
        """Its exec form, the flags before it left out. Raises ``ValueError`` where it is for a shell."""
        rest = re.sub(r"^(?:--\S+\s+)*(?:CMD\s+)?", "", self.said)
        if not rest.startswith("["):
            raise ValueError(f"{self.name} {rest}: only a shell understands this")
        words: list[str] = json.loads(rest)
        return words

    @property
    def pairs(self) -> dict[str, str]:
        """What it sets, by name."""
        return dict(pair.split("=", 1) for pair in shlex.split(self.said))


Stage = tuple[Instruction, ...]


def stages(text: str) -> list[Stage]:
    """The instructions of each stage, each of which begins with its FROM; an ARG before the first is of no stage."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        name, _, said = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        if name and found:
            found[-1].append(Instruction(name, said.strip()))
    return [tuple(stage) for stage in found]


def only(stage: Stage, name: str) -> list[Instruction]:
    """The instructions of this name."""
    return [one for one in stage if one.name == name]


def environment(stage: Stage) -> Mapping[str, str]:
    """The variables a stage sets."""
    return {name: value for one in only(stage, "ENV") for name, value in one.pairs.items()}


def is_sent(path: str, ignore: str) -> bool:
    """Whether a file of the project reaches the build: the last line of .dockerignore that fits decides.

    Only the patterns that file uses are understood: whole names at the top, and `**/` in front of a name at any depth.
    """
    sent = True
    for line in (line.strip() for line in ignore.splitlines()):
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            fits = any(fnmatch(part, pattern[3:]) for part in path.split("/"))
        else:
            fits = fnmatch(path.split("/")[0], pattern)
        sent = line.startswith("!") if fits else sent
    return sent
