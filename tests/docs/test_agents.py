"""`docs/agents.md`: every snippet is a file of agents that can be used as it stands."""

import re
from pathlib import Path

import pytest

from infra.agents.loading import load_agents

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
AGENTS = {"bank", "booking", "hotline", "reception", "billing", "patient", "shop"}


def loaded(tmp_path: Path, snippet: str) -> set[str]:
    place = tmp_path / "agents_of_the_page.py"
    place.write_text(snippet)
    agents = load_agents(str(place))
    assert agents.errors == {}
    return set(agents.by_name)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_runs_and_has_agents(tmp_path: Path, snippet: str) -> None:
    assert loaded(tmp_path, snippet)


def test_the_page_shows_all_that_it_tells_of(tmp_path: Path) -> None:
    assert set().union(*(loaded(tmp_path, snippet) for snippet in SNIPPETS)) == AGENTS
