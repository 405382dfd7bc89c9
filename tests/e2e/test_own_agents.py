"""Agents of one's own in a whole system: chosen on the command line, and loaded again when their file changes."""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import pytest

from contracts import events as e
from infra.agents.loading import load_agents
from infra.agents.reloading import loaded_here
from infra.cli.run import reload_agents
from infra.process.tasks import ended
from infra.system.supervisor import Supervisor
from tests.e2e.conftest import AGENTS, DATA
from tests.e2e.the_log import facts_of
from tests.waiting import until, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def daredevil(*arguments: str, nats_url: str = "") -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *arguments),
        env={**os.environ, "DAREDEVIL_NATS_URL": nats_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def test_a_recording_is_said_to_the_agent_that_is_named(system: Supervisor) -> None:
    say = ("say", str(DATA / "hello.wav"), "--url", system.page_url, "--json")
    code, output, errors = await daredevil(*say, "--agent", "shop", "--variable", "city=Oslo")
    assert code == 0, errors
    told = json.loads(output)
    assert "hello" in told["turns"][0]["text"].lower()
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, told["session_id"])]
    (opened,) = [fact for fact in facts if isinstance(fact, e.SessionOpened)]
    assert opened.profile is not None
    assert (opened.profile.agent, opened.profile.variables) == ("shop", {"city": "Oslo"})
    heard = [fact.heard_text for fact in facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)]
    assert heard[0] == "Welcome to the shop in Oslo."
    code, _, errors = await daredevil(*say, "--agent", "shpo")
    assert (code, "there is no agent 'shpo'; there are: default, shop" in errors) == (2, True), errors


async def test_what_is_told_to_somebody_who_writes_is_stored_and_said_to_be_seen_by_nobody(system: Supervisor) -> None:
    async with httpx.AsyncClient(base_url=system.page_url, timeout=60) as http:
        session_id = (await http.post("/chat", json={"text": "Hello!", "agent": "shop"})).json()["session_id"]
    code, _, errors = await daredevil("tell", session_id, "A colleague joins.", nats_url=system.addresses.nats_url)
    assert (code, "nobody is shown it" in errors) == (0, True), errors
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
    assert [fact.text for fact in facts if isinstance(fact, e.RemarkRequested)] == ["A colleague joins."]


async def test_a_change_is_loaded_while_the_system_runs_and_a_fault_changes_nothing(
    system: Supervisor, agents_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = str(agents_file)
    told: list[str] = []

    def says(text: str) -> bool:
        told.append("".join(capsys.readouterr()))
        return text in "".join(told)

    async def prompt_of(http: httpx.AsyncClient, agent: str) -> str:
        answer = await http.post("/chat", json={"text": "Hello!", "agent": agent})
        if answer.status_code != httpx.codes.OK:
            return str(answer.json()["detail"])
        session_id = answer.json()["session_id"]
        opened = (await facts_of(system.addresses.nats_url, session_id))[0].event
        assert isinstance(opened, e.SessionOpened)
        assert opened.profile is not None
        return opened.profile.prompt

    first = loaded_here(places, load_agents(places))
    reloading = asyncio.create_task(reload_agents(system, places, first))
    try:
        async with httpx.AsyncClient(base_url=system.page_url, timeout=120) as http:
            write(agents_file, f"{AGENTS}\nbank = Agent(name='bank', instructions='You count.'\n")
            await until(lambda: says("the agents stay as they were"), 90)
            assert says("SyntaxError")
            assert await prompt_of(http, "shop") == "You work in a shop in Rome."

            write(agents_file, AGENTS.replace("work in", "own"))

            async def is_changed() -> bool:
                return await prompt_of(http, "shop") == "You own a shop in Rome."

            await until_async(is_changed, 90)
            assert says("loading the agents again: default, shop")
            assert "there is no agent 'bank'" in await prompt_of(http, "bank")

            write(agents_file, AGENTS)  # as other tests expect it

            async def is_as_before() -> bool:
                return await prompt_of(http, "shop") == "You work in a shop in Rome."

            await until_async(is_as_before, 90)
    finally:
        await ended(reloading)
