import subprocess
import sys
from pathlib import Path

import pytest

from infra.agents.agent import Agent
from infra.agents.errors import BadAgent
from infra.agents.loading import Agents, load_agents

BOOKING = "tests.infra.agents.booking_agents"


def written(folder: Path, name: str, *lines: str) -> str:
    path = folder / name
    path.write_text("\n".join(["from actors.reasoning import Agent", *lines]))
    return str(path)


def test_agents_come_from_modules_and_files_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "beside_shop.py").write_text("NAME = 'billing'")
    shop = written(tmp_path, "shop.py", "import beside_shop", "one = two = Agent(name=beside_shop.NAME)")
    agents = load_agents(f"{shop}, {BOOKING}")
    assert list(agents.by_name) == ["billing", "booking"]
    assert agents.errors == {}


def test_a_file_is_imported_under_a_name_of_its_own(tmp_path: Path) -> None:
    assert list(load_agents(written(tmp_path, "json.py", "a = Agent(name='a')")).by_name) == ["a"]
    assert sys.modules["json"].__name__ == "json"


def test_the_fault_of_one_leaves_the_others(tmp_path: Path) -> None:
    bad = written(tmp_path, "bad.py", "raise KeyError('SHOP_KEY')")
    ends = written(tmp_path, "ends.py", "import sys", "sys.exit('no key')")
    agents = load_agents(f"{bad},{ends},{BOOKING},no.such.module")
    assert list(agents.by_name) == ["booking"]
    assert agents.errors[bad] == f"{bad} cannot be imported: KeyError: 'SHOP_KEY' (bad.py, line 2)"
    assert "no key" in agents.errors[ends]
    assert "no.such.module" in agents.errors


def test_two_of_one_name_are_both_left_out(tmp_path: Path) -> None:
    twice = written(tmp_path, "twice.py", "a, b = Agent(name='a'), Agent(name='a')", "c = Agent(name='c')")
    agents = load_agents(twice)
    assert list(agents.by_name) == ["c"]
    assert "two agents are called 'a'" in agents.errors["a"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["x = 1"], "has no agent"),
        (["a = Agent(name='A B')"], "'A B' is no name for an agent"),
        (["a ="], "SyntaxError"),
    ],
)
def test_a_file_without_a_usable_agent_is_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(BadAgent, match=problem):
        load_agents(written(tmp_path, "shop.py", *lines))


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadAgent, match=r"nowhere.py: there is no such file"):
        load_agents("nowhere.py")


def test_the_built_in_agent_answers_what_older_builds_opened() -> None:
    ours, theirs = Agent(name="default"), Agent(name="booking")
    agents = Agents({"booking": theirs}, built_in=ours)
    assert [agents.of(name) for name in ("", "default", "booking", "gone")] == [ours, ours, theirs, None]


def test_the_api_imports_no_engine_and_no_langchain() -> None:
    script = "import sys; import actors.reasoning; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert not {"langchain_core", "langgraph", "livekit", "faststream", "nats"} & set(done.stdout.split())


def test_a_fault_is_told_with_the_line_of_the_authors_own_code(tmp_path: Path) -> None:
    written(tmp_path, "prices.py", "def read():", "    return {}['table']")
    shop = written(tmp_path, "shop.py", "import prices", "TABLE = prices.read()")
    with pytest.raises(BadAgent, match=r"KeyError: 'table' \(prices.py, line 3\)"):
        load_agents(shop)
    bank = written(tmp_path, "bank.py", "", "a = Agent(name='bank',", "          time_limit_s=-1)")
    with pytest.raises(BadAgent, match=r"times and max_tool_rounds are at least 0 \(bank.py, line 3\)"):
        load_agents(bank)


def test_a_module_is_found_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corner_shop").mkdir()
    written(tmp_path / "corner_shop", "agents.py", "a = Agent(name='a')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    assert list(load_agents("corner_shop.agents").by_name) == ["a"]
