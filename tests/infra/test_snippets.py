"""What the pages tell somebody to type in a shell: bash by ShellCheck, PowerShell by its grammar."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Parser

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "infra").rglob("*.md")))
INDENTED = re.compile(r"(?:^(?:    .*)?\n)+", re.MULTILINE)
COMMAND = re.compile(r"(?:psa-connector|az|for|uv|make|pip) ")
"""How an indented block begins that is to be typed."""
KNOWN = {
    "SC2034": "what one block sets, another one uses",
    "SC2155": "a page that is run fails all the same",
    "SC2164": "pages are run with -e",
}


def fenced(text: str, language: str) -> list[str]:
    """The blocks of a page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def bash(text: str) -> Iterator[str]:
    """Whatever a page wants typed in bash."""
    yield from fenced(text, "bash")
    for block in INDENTED.findall(text):
        typed = re.sub(r"^ {4}", "", block, flags=re.MULTILINE).strip("\n")
        if COMMAND.match(typed):
            yield typed + "\n"


def complaints(folder: Path) -> str:
    """What ShellCheck says of the scripts in a folder."""
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    words = [shellcheck, "--shell=bash", "--severity=warning", "--format=gcc", f"--exclude={','.join(KNOWN)}"]
    scripts = map(str, sorted(folder.iterdir()))
    return subprocess.run([*words, *scripts], capture_output=True, text=True, check=False).stdout  # noqa: S603


def is_powershell(text: str) -> bool:
    """Whether the grammar of PowerShell knows all of it."""
    tree = Parser(Language(tree_sitter_powershell.language())).parse(text.encode())
    return not tree.root_node.has_error


def test_what_is_to_be_typed_in_bash_is_bash(tmp_path: Path) -> None:
    for page in PAGES:
        for number, snippet in enumerate(bash(page.read_text(encoding="utf-8"))):
            name = "-".join(page.relative_to(ROOT).with_suffix("").parts)
            (tmp_path / f"{name}-{number}.sh").write_text(snippet, encoding="utf-8")
    assert len(list(tmp_path.iterdir())) > 100
    assert complaints(tmp_path) == ""


def test_what_is_to_be_typed_in_powershell_is_powershell() -> None:
    found = [one for page in PAGES for one in fenced(page.read_text(encoding="utf-8"), "powershell")]
    assert len(found) >= 3
    assert [one for one in found if not is_powershell(one)] == []


def test_a_mistake_in_either_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "wrong.sh").write_text('if [ -z "$A ]; then echo; fi\n', encoding="utf-8")
    assert "error" in complaints(tmp_path)
    assert not is_powershell("if ($a {\n  psa-connector demo\n}\n")
    assert not is_powershell('$env:A = "not closed\n')
