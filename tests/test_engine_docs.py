"""What docs/engines.md and .env.example tell people to write can be written: every line is read as the settings are."""

import re
from pathlib import Path

import pytest

from infra.settings import Settings
from infra.shares import shares_of
from infra.system.doctor.engines import engine_finding, how_to_install

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "engines.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
BLOCKS = re.findall(r"```dotenv\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE_LINES = [line for each in EXAMPLE.splitlines() if (line := "".join(re.findall(r"DAREDEVIL_[A-Z_]+=.*", each)))]


@pytest.fixture(autouse=True)
def no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DAREDEVIL_{name.upper()}", raising=False)


def read(text: str, folder: Path) -> Settings:
    """Return the settings that a `.env` of this text gives; each of its lines has to be one of a setting."""
    (folder / ".env").write_text(text)
    names = [line.partition("=")[0] for line in text.splitlines() if line.strip()]
    known = {f"DAREDEVIL_{name.upper()}" for name in Settings.model_fields}
    assert set(names) <= known
    read = Settings()
    for name in names:
        assert name.removeprefix("DAREDEVIL_").lower() in read.model_fields_set, f"{name} is not read"
    return read


@pytest.mark.parametrize("block", BLOCKS)
def test_lines_of_the_page_are_settings_and_the_page_names_the_packages(block: str, tmp_path: Path) -> None:
    settings = read(block, tmp_path)
    for kind in ("stt", "llm", "tts"):
        for share in shares_of(getattr(settings, kind)):
            assert share.engines[-1] == "local", "an example that can lose a call"
            for name in share.engines[:-1]:
                finding = engine_finding(kind, name, {"api_key": "k"})
                package = re.match(r"(\S+) is not installed", finding.detail)
                assert finding.state == "ok" or package is not None, finding
                if package is not None:
                    assert f"`{package[1]}`" in PAGE
                    assert finding.remedy == how_to_install(package[1])


@pytest.mark.parametrize("line", EXAMPLE_LINES)
def test_each_line_of_the_example_is_a_setting(line: str, tmp_path: Path) -> None:
    read(line, tmp_path)


def test_the_example_changes_nothing_until_somebody_removes_a_mark() -> None:
    assert all(line.startswith("#") for line in EXAMPLE.splitlines() if line.strip())
    assert len(EXAMPLE_LINES) > 15


def test_the_page_has_a_section_for_each_row_of_its_table() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(#(.+?)\)", PAGE, re.MULTILINE)
    assert len(rows) == 7
    for title, anchor in rows:
        assert f"\n## {title}\n" in PAGE
        assert anchor == title.lower().replace(" ", "-")
