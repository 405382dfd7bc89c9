"""Nothing that is said in a room is in the spans and the log of its worker and its job."""

import pytest
from livekit import rtc

from bridge.livekit.requests import TEXT_METHOD
from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.keeping import ask_until_stored
from tests.bridge.livekit.session_log import facts_with
from tests.infra.telemetry.otlp_receiver import http_receiver
from tests.waiting import until

# The other doors, and all other processes, are in tests/e2e/test_no_words.py.
ASKED, SAID = "The heron counts forty-one purple teapots", "A pelican mends eleven amber umbrellas."


async def test_no_words_of_a_room_are_in_spans_and_logs(
    start_bridge: StartBridge, invite: Invite, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    with http_receiver() as collector:
        bridge = await start_bridge(otlp_endpoint=collector.endpoint, max_text_bytes=100)
        ada = await invite()
        session_id = session_of_room(await ada.room.sid)
        await until(lambda: ada.states[-1:] == ["listening"])
        await ask_until_stored(ada, TEXT_METHOD, id="t-1", text=ASKED)
        with pytest.raises(rtc.RpcError):  # it is too long
            await ask_until_stored(ada, TEXT_METHOD, id="t-2", text=f"{ASKED}, {'and ' * 100}")
        turn = next(fact for fact in await facts_with(agent, session_id, e.TurnEnded) if isinstance(fact, e.TurnEnded))
        started = {"reply_id": "r-1", "turn_id": turn.turn_id, "text": ASKED}
        await agent.append(e.ReplyStarted, session_id, **started)
        await agent.clause(session_id, "r-1", 0, SAID, 12_000)
        await agent.append(e.ReplyCompleted, session_id, reply_id="r-1", turn_id=turn.turn_id, text=SAID, clauses=1)
        await facts_with(agent, session_id, e.PlaybackFinished)
        await until(lambda: collector.named("turn"))
        spans = b"".join(collector.raw).decode(errors="replace")
    assert session_id in spans
    for words in ("purple teapots", "amber umbrellas"):
        assert words not in spans
        assert words not in bridge.log()
