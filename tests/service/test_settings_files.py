"""The files of settings, in the encodings that editors and shells save them in."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.settings_sources import load
from tests.service.test_settings import faults_of


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-sig"])
def test_files_are_read_however_an_editor_or_a_shell_saved_them(
    encoding: str, all_set: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_set.delenv("PSA_CONNECTOR_BUSINESS_TIME_ZONE")

    def save(name: str, text: str) -> None:
        data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-sig" else text.encode(encoding)
        (tmp_path / name).write_bytes(data)

    save(".env", "PSA_CONNECTOR_BUSINESS_TIME_ZONE=America/New_York\r\n# für später\r\n")
    save("psa-connector.toml", "[actuals]\r\nzero_price = 'write'  # für später\r\n")
    settings = load()
    assert settings.business_time_zone == ZoneInfo("America/New_York")
    assert settings.actuals.zero_price == "write"


@pytest.mark.usefixtures("all_set")
@pytest.mark.parametrize("name", [".env", "psa-connector.toml"])
@pytest.mark.parametrize(
    "data",
    ["# für später\n".encode("cp1252"), "A=1\n".encode("utf-16-le"), b"\xff\xfeA"],
    ids=["ansi", "no-mark", "cut"],
)
def test_a_file_that_is_no_text_in_utf_8_is_named_with_what_to_do(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert faults_of() == [f"{name} is not text in UTF-8; open it in an editor and save it in that encoding."]
