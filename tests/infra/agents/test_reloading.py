import asyncio
from contextlib import aclosing
from pathlib import Path

from infra.agents.reloading import changes, folders_of, problems_of, times_of

AGENT = "from actors.reasoning import Agent\na = Agent(name='a')\n"


def test_the_files_beside_an_agent_are_watched(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(AGENT)
    (tmp_path / "menu.py").write_text("")
    assert [path.name for path in sorted(times_of(str(tmp_path / "shop.py")))] == ["menu.py", "shop.py"]
    here = Path(__file__).parent
    assert folders_of("tests.infra.agents.booking_agents,no_such_module") == [here]


async def test_a_change_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(AGENT)
    told: list[Path] = []
    began = asyncio.Event()

    async def follow() -> None:
        async with aclosing(changes(str(file))) as found:  # type: ignore[type-var]
            began.set()
            async for path in found:
                told.append(path)
                return

    following = asyncio.create_task(follow())
    await began.wait()
    await asyncio.sleep(0)
    (tmp_path / "menu.py").write_text("x = 1")
    await asyncio.wait_for(following, 20)
    assert told == [tmp_path / "menu.py"]


async def test_what_is_wrong_now_is_told_before_anything_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(AGENT)
    assert await problems_of(str(file)) == ""
    file.write_text("a =")
    assert "SyntaxError" in await problems_of(str(file))
