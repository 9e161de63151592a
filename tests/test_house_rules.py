"""Rules about the project's own files, and about what a green run of the tests means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("connector", "handlers", "mappings", "sandbox", "service", "tests")
LONGEST = 300
WINDOWS = 'sys.platform == "win32"'

SKIPS = "import pytest\n\n@pytest.mark.skip(reason='why not')\ndef test_skips(): pass\n"
ALLOWED = SKIPS.replace("@pytest", "@pytest.mark.samples\n@pytest", 1)
WHOLE_MODULE = "import pytest\npytest.importorskip('no_such_module')\n"
NO_CASES = "import pytest\n\n@pytest.mark.parametrize('case', [])\ndef test_nothing(case): pass\n"
FOR_POSIX = "import pytest\n\n@pytest.mark.posix\ndef test_signals(): assert False"


def test_no_python_file_is_longer_than_300_lines() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def run(folder: Path, test: str, *, on_windows: bool = False, **environment: str) -> tuple[int, str]:
    """A run of pytest over one test file, under this project's conftest."""
    conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    (folder / "conftest.py").write_text(conftest.replace(WINDOWS, str(on_windows)), encoding="utf-8")
    assert WINDOWS in conftest
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    (folder / "test_other.py").write_text("def test_runs(): pass\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    samples\n    posix\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("test", [SKIPS, WHOLE_MODULE, NO_CASES])
def test_where_ci_is_set_a_required_test_that_skips_fails_the_run(test: str, tmp_path: Path) -> None:
    assert run(tmp_path, test)[0] == 0
    code, said = run(tmp_path, test, CI="true")
    assert (code, "Skipped, but required" in said) == (1, True), said


def test_the_suite_that_needs_files_from_elsewhere_may_skip_everywhere(tmp_path: Path) -> None:
    assert run(tmp_path, ALLOWED, CI="true")[0] == 0


def test_on_windows_what_needs_posix_is_left_out_counted_and_said(tmp_path: Path) -> None:
    code, said = run(tmp_path, FOR_POSIX, on_windows=True, CI="true")
    assert code == 0, said
    assert "1 passed, 1 deselected" in said
    assert "1 tests need bash or POSIX signals and were not run here." in said
    assert run(tmp_path, FOR_POSIX)[0] == 1
