"""Conversations by text through every process."""

import httpx
import pytest

from contracts import events as e
from infra.system.supervisor import Supervisor
from tests.bridge.caller import Caller
from tests.bridge.http.answering import streamed
from tests.e2e.the_log import facts_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def test_an_answer_is_streamed_recorded_and_makes_no_sound(system: Supervisor) -> None:
    async with httpx.AsyncClient(base_url=system.page_url, timeout=60) as http:
        first = await streamed(http, text="Hello! Who are you?", user_id="sam")
        opened = first.of("session")[0]
        session_id = opened["session_id"]
        again = await streamed(
            http, text="What is the largest ocean?", session_id=session_id, resume_token=opened["resume_token"]
        )
        closed = await http.get(f"/sessions/{session_id}/transcript")
    assert len(again.of("token")) > 3
    assert again.names[-1] == "done"
    assert "".join(again.text.split()) == "".join(again.of("done")[0]["text"].split())
    assert "Pacific" in again.text
    assert closed.status_code == 403  # no admin key is set here
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
    heard = [fact.heard_text for fact in facts if isinstance(fact, e.PlaybackFinished)]
    assert heard == [first.of("done")[0]["text"], again.of("done")[0]["text"]]
    assert not any(isinstance(fact, e.ClauseSynthesized | e.EngineFailed) for fact in facts)


async def test_text_of_100_kb_is_refused_and_as_much_as_is_allowed_is_answered(system: Supervisor) -> None:
    port = httpx.URL(system.page_url).port
    assert port is not None
    async with Caller.connected(port) as caller:
        await caller.hello(mic=False)
        await caller.send(type="text", text="word " * 20_000)
        assert (await caller.message("error"))["code"] == "text-too-long"
        await caller.send(type="text", text="word " * 3_000)
        assert (await caller.message("reply_end"))["samples"] > 0
        assert caller.facts("EngineFailed") == []
