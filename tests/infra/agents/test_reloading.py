import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from infra.agents.reloading import AgentsChange, Loaded, changes, files_of, loaded_now

SHOP = "from actors.reasoning import Agent\nimport menu\na = Agent(name=menu.NAME)\n"


def write(path: Path, text: str) -> None:
    """Write a file with a time of its own: a test writes faster than some file systems count."""
    later = path.stat().st_mtime_ns + 10**9 if path.exists() else 0
    path.write_text(text)
    if later:
        os.utime(path, ns=(later, later))


@asynccontextmanager
async def watched(places: str) -> AsyncIterator[tuple[Loaded, AsyncIterator[AgentsChange]]]:
    first = await loaded_now(places)
    async with aclosing(changes(places, first)) as found:  # type: ignore[type-var]
        yield first, found


def test_the_files_of_agents_are_those_of_their_places(tmp_path: Path) -> None:
    here = Path(__file__).parent
    places = f"{tmp_path / 'shop.py'},tests.infra.agents.booking_agents,no_such_module,"
    assert files_of(places) == {tmp_path / "shop.py", here / "booking_agents.py"}


async def test_what_the_agents_import_is_watched_and_what_lies_beside_them_is_not(tmp_path: Path) -> None:
    shop, menu, notes = (tmp_path / name for name in ("shop.py", "menu.py", "notes.py"))
    shop.write_text(SHOP)
    menu.write_text("NAME = 'pizza'")
    notes.write_text("")
    async with watched(str(shop)) as (first, found):
        assert (first.agents, first.errors) == (("pizza",), {})
        write(notes, "x = 1")
        write(menu, "NAME = 'pasta'")
        change = await anext(found)
    assert (change.path, change.loaded.agents, change.refusal) == (menu, ("pasta",), "")


@pytest.mark.slow
async def test_a_fault_is_refused_if_it_takes_away_an_agent_though_others_are_left(tmp_path: Path) -> None:
    shop, bank, bad = (tmp_path / name for name in ("shop.py", "bank.py", "bad.py"))
    shop.write_text("from actors.reasoning import Agent\na = Agent(name='shop')\n")
    bank.write_text("from actors.reasoning import Agent\na = Agent(name='bank')\n")
    bad.write_text("raise KeyError('no key')")
    async with watched(f"{shop},{bank},{bad}") as (first, found):
        assert first.agents == ("shop", "bank")
        write(shop, "a =")
        broken = await anext(found)
        write(shop, "from actors.reasoning import Agent\na = Agent(name='shop', greeting='Hi.')\n")
        mended = await anext(found)
        write(bad, "raise KeyError('no other key')")
        still_bad = await anext(found)
    assert "SyntaxError" in broken.refusal
    assert (mended.refusal, mended.loaded.agents) == ("", ("shop", "bank"))
    assert "no other key" in still_bad.loaded.errors[str(bad)]
    assert still_bad.refusal == "", "it could not be used before either"


async def test_all_that_agents_do_when_they_are_loaded_is_reported(tmp_path: Path) -> None:
    shop = tmp_path / "shop.py"
    shop.write_text("a =")
    assert "SyntaxError" in "".join((await loaded_now(str(shop))).errors.values())
    shop.write_text("import os, sys\nprint('{}')\nsys.stderr.write('out of memory')\nos._exit(3)\n")
    assert (await loaded_now(str(shop))).errors == {str(shop): "out of memory"}
    shop.write_text("import os\nos._exit(3)\n")
    assert "exit code 3" in (await loaded_now(str(shop))).errors[str(shop)]
