"""The site of the documents: strict, complete, and nothing on its pages is fetched from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.topology import ACTORS, APPS, CHANNELS, DURABLES, EVENTS, REQUESTS
from infra.deploy import docs_site

ROOT = Path(__file__).parents[3]


def build(site: Path, config: Path = ROOT / "mkdocs.yml") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_it_is_built_strictly_with_every_page(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file(), page


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="?(?:https?:)?//', text), page
        assert not re.findall(r'<link[^>]+href="?(?:https?:)?//', text), page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"@import|url\(['\"]?(?:https?:)?//", sheet.read_text()), sheet


@pytest.mark.slow
def test_files_of_the_repository_that_pages_link_to_come_along(site: Path) -> None:
    assert (site / "repository" / "asyncapi.yaml").read_bytes() == (ROOT / "asyncapi.yaml").read_bytes()
    assert 'href="repository/asyncapi.yaml"' in (site / "subjects.html").read_text()


@pytest.mark.slow
def test_a_broken_link_is_found(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("[nothing](nowhere.md)\n")
    config = tmp_path / "mkdocs.yml"
    config.write_text("site_name: x\nvalidation: {links: {not_found: warn}}\n")
    done = build(tmp_path / "site", config)
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_every_subject_is_in_the_table() -> None:
    table = docs_site.all_subjects()
    for row in EVENTS:
        assert f"| `voice.{{session}}.{row.tail}` | {row.event.__name__} |" in table
    for each in (*REQUESTS, *CHANNELS):
        assert f"| `{each.address.text}` |" in table


@pytest.mark.parametrize("process", ACTORS)
def test_the_page_of_an_actor_says_what_it_takes(process: str) -> None:
    page = (ROOT / "docs" / "actors" / f"{process}.md").read_text()
    assert f"<!-- subjects of {process} -->" in page
    taken = [event.__name__ for durable in DURABLES if durable.actor == process for event in durable.events]
    line = next(line for line in docs_site.subjects_of(process).splitlines() if "takes" in line)
    assert all(name in line for name in taken) or "every fact" in line


def test_every_process_is_on_the_page_of_actors_and_every_decision_on_that_of_decisions() -> None:
    index = (ROOT / "docs" / "actors" / "index.md").read_text()
    assert all(f"[{actor}]" in index for actor in ACTORS)
    assert {app.partition("-")[0] for app in APPS} - set(ACTORS) == {"bridge", "http", "projection"}
    decisions = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert re.findall(r"\((0\d+-[a-z-]+\.md)\)", (ROOT / "docs" / "adr" / "index.md").read_text()) == decisions
    for name in decisions:
        text = (ROOT / "docs" / "adr" / name).read_text()
        assert text.startswith(f"# {name[:4]}. ")
        assert all(part in text for part in ("**Problem.**", "**Decision.**", "**Instead of**", "**It costs**"))
