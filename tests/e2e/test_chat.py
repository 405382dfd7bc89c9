"""A conversation by text through every process, as a program would have it."""

import httpx
import pytest

from contracts import events as e
from infra.system.supervisor import Supervisor
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
    assert len(first.of("token")) > 3
    assert again.names[-1] == "done"
    assert "".join(again.text.split()) == "".join(again.of("done")[0]["text"].split())
    assert "Pacific" in again.text
    assert closed.status_code == 403  # no admin key is set here
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
    heard = [fact.heard_text for fact in facts if isinstance(fact, e.PlaybackFinished)]
    assert heard == [first.of("done")[0]["text"], again.of("done")[0]["text"]]
    assert not any(isinstance(fact, e.ClauseSynthesized | e.EngineFailed) for fact in facts)
