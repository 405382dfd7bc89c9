"""`replay --verify` of the log's sessions: where they are verified, and what is said of them."""

import asyncio
import multiprocessing

import pytest
from faststream.nats import NatsBroker
from typer.testing import CliRunner

from contracts.events import SessionOpened
from contracts.profile import AgentProfile
from infra.cli.app import app
from infra.log.event_log import append

pytestmark = pytest.mark.slow


async def test_a_few_sessions_are_verified_in_this_process(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = AgentProfile(prompt="p", llm="local", stt="local", tts="local")
    for number in (1, 2, 3):
        session_id = f"s-{number}"
        opened = SessionOpened(
            event_id=f"e{number}",
            session_id=session_id,
            time_ns=10**9,
            door="websocket",
            user_id="ada",
            profile=profile,
        )
        await append(broker, opened)

    def no_process(method: str) -> None:
        raise AssertionError(f"a process is started by {method}")

    monkeypatch.setattr(multiprocessing, "get_context", no_process)
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", "--user", "ada", "--verify"])
    assert result.exit_code == 2
    assert "3 sessions: 3 not verified" in result.stdout or "3 sessions: 3 still open" in result.stdout, result.output
