"""`POST /chat`: a conversation by text over the log."""

import asyncio

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.http.chat.conversations import Conversations
from bridge.http.models import ChatRequest
from bridge.web.gate import Visitor
from bridge.web.openings import Openings
from contracts import events as e
from infra.agents.agent import Agent as OwnAgent
from infra.agents.call import Call
from infra.agents.loading import Agents
from infra.agents.tool import action
from infra.log.clock import CLOCK
from infra.log.connection import connection
from infra.log.event_log import history
from infra.settings import Settings
from tests.actors.reasoning.models import WAIT, ScriptedModel, tool_call
from tests.actors.running import facts_until
from tests.bridge.agent import Agent
from tests.bridge.http.answering import persistence, reasoning, sse, streamed
from tests.bridge.http.conftest import OpenHttp
from tests.waiting import until

ANSWER = ["Good ", "day, ", "nice to hear ", "you. How are ", "you?"]
TEXT = "Good day, nice to hear you. How are you?"
HOUR_NS = 3_600_000_000_000
FACTS = ["SessionOpened", "ParticipantJoined", "ParticipantJoined", "TurnEnded", "ReplyStarted"]


@pytest.fixture
def agent(broker: NatsBroker) -> Agent:
    return Agent(broker)


def of_session(answer: dict[str, str]) -> dict[str, str]:
    """Return what is sent to go on with the session of an answer."""
    return {name: answer[name] for name in ("session_id", "resume_token")}


async def facts_of(broker: NatsBroker, session_id: str, last: type[e.Event]) -> list[e.Event]:
    return await facts_until(broker, session_id, lambda facts: any(isinstance(fact, last) for fact in facts))


async def test_a_turn_is_answered_and_kept_like_any_other(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    async with reasoning(ScriptedModel.playing(ANSWER)), persistence():
        answer = await http.post("/chat", json={"text": " Hello\u0000 there. ", "user_id": "sam"})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        facts = await facts_of(broker, told["session_id"], e.TurnRecorded)
    assert (told["text"], told["finish"]) == (TEXT, "completed")
    assert 0 < told["first_token_ms"] <= told["total_ms"]
    names = [type(fact).__name__ for fact in facts]
    assert names[:5] == FACTS
    assert names[-3:] == ["PlaybackStarted", "PlaybackFinished", "TurnRecorded"]
    opened, record = facts[0], facts[-1]
    assert isinstance(opened, e.SessionOpened)
    assert (opened.door, opened.user_id, opened.profile.speaks) == ("http", "sam", False)
    assert isinstance(record, e.TurnRecorded)
    assert (record.user_text, record.heard_text, record.written_text) == ("Hello there.", TEXT, TEXT)
    assert (record.gap_ms, record.turn_id, record.reply_id) == (None, told["turn_id"], told["reply_id"])


async def test_an_answer_is_streamed_token_by_token(http: httpx.AsyncClient) -> None:
    async with reasoning(ScriptedModel.playing(ANSWER)):
        stream = await streamed(http, text="Hello there.")
    assert stream.names[0] == "session"
    assert stream.names[-1] == "done"
    assert [data["text"] for data in stream.of("token")] == ANSWER
    assert [data["text"] for data in stream.of("clause")] == ["Good day,", " nice to hear you.", " How are you?"]
    assert stream.of("done")[0]["text"] == stream.text == TEXT
    assert stream.of("done")[0]["turn_id"] == stream.of("session")[0]["turn_id"]


async def test_a_reader_sees_the_tools_that_an_answer_uses(open_http: OpenHttp) -> None:
    http = await open_http(llm="local")
    async with reasoning(ScriptedModel.playing([])):
        stream = await streamed(http, text="What time is it in Tokyo?")
    assert stream.names[:3] == ["session", "tool-started", "tool-ended"]
    (started,), (ended,) = stream.of("tool-started"), stream.of("tool-ended")
    assert (started["tool"], started["arguments"]) == ("current_time", '{"time_zone": "tokyo"}')
    assert (ended["call_id"], ended["tool"], ended["error"]) == (started["call_id"], "current_time", None)
    assert '"place": "tokyo"' in ended["result"]
    assert stream.text.endswith("in Tokyo.")


async def test_a_conversation_that_a_tool_ends_is_over_when_its_answer_was_read(
    open_http: OpenHttp, broker: NatsBroker
) -> None:
    @action
    async def hang_up(call: Call) -> str:
        """End the conversation."""
        await call.end("solved")
        return "It ends after your answer."

    http = await open_http(llm="scripted:model")
    model = ScriptedModel.playing([tool_call("hang_up")], ["Goodbye."])
    async with reasoning(model, agents=Agents(built_in=OwnAgent(name="default", tools=[hang_up]))):
        told = (await http.post("/chat", json={"text": "That is all.", "user_id": "sam"})).json()
        facts = await facts_of(broker, told["session_id"], e.SessionClosed)
    assert (told["text"], told["finish"]) == ("Goodbye.", "completed")
    order = [type(fact).__name__ for fact in facts]
    assert order.index("EndRequested") < order.index("PlaybackFinished") < order.index("SessionClosed")
    assert [fact.reason for fact in facts if isinstance(fact, e.SessionClosed)] == ["solved"]


async def test_a_conversation_goes_on_with_what_was_read(http: httpx.AsyncClient) -> None:
    model = ScriptedModel.playing(["Owls ", "are fine birds."], ["They are quiet."])
    async with reasoning(model):
        first = (await http.post("/chat", json={"text": "Owls are great.", "user_id": "sam"})).json()
        again = await http.post("/chat", json={"text": "Why is that?"} | of_session(first))
    assert again.json()["session_id"] == first["session_id"]
    heard = [message.content for message in model.asked[1][-3:]]
    assert heard == ["Owls are great.", "Owls are fine birds.", "Why is that?"]


async def test_the_users_time_zone_is_kept_and_checked(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    refused = await http.post("/chat", json={"text": "Hello.", "time_zone": "Tokio"})
    assert refused.status_code == 422
    assert "IANA name" in refused.text
    async with reasoning(ScriptedModel.playing(ANSWER)):
        answer = await http.post("/chat", json={"text": "Hello.", "time_zone": "Asia/Tokyo"})
        facts = await facts_of(broker, answer.json()["session_id"], e.ReplyCompleted)
    assert [fact.time_zone for fact in facts if isinstance(fact, e.ParticipantJoined)] == ["Asia/Tokyo", ""]


async def test_another_process_goes_on_with_a_conversation(http: httpx.AsyncClient, open_http: OpenHttp) -> None:
    other = await open_http()
    async with reasoning(ScriptedModel.playing(["One."], ["Two."], ["Three."])):
        session = of_session((await http.post("/chat", json={"text": "1"})).json())
        assert (await other.post("/chat", json={"text": "2"} | session)).json()["text"] == "Two."
        assert (await http.post("/chat", json={"text": "3"} | session)).json()["text"] == "Three."


async def test_a_small_model_is_read_to_its_end_where_nobody_has_to_listen(open_http: OpenHttp) -> None:
    http = await open_http(llm="local")
    long = [f"This is sentence number {n} of it. " for n in range(12)]
    async with reasoning(ScriptedModel.playing(long, ["Yes. ", "No. ", "Yes. ", "And on."]), llm="local"):
        told = (await http.post("/chat", json={"text": "Tell me all of it."})).json()
        assert (told["text"], told["finish"]) == ("".join(long), "completed")
        told = (await http.post("/chat", json={"text": "Go on."})).json()
        assert (told["text"].strip(), told["finish"]) == ("Yes. No.", "enough")


async def test_a_reader_who_goes_away_stops_the_answer(http: httpx.AsyncClient, broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day, ", "nice to ", WAIT], ["Back."])
    async with reasoning(model), persistence():
        headers = {"Accept": "text/event-stream"}
        async with http.stream("POST", "/chat", json={"text": "Hello."}, headers=headers) as answer:
            events = sse(answer)
            _, session = await anext(events)
            async for _, data in events:
                if data["text"] == "nice to ":
                    break
        facts = await facts_of(broker, session["session_id"], e.TurnRecorded)
        await asyncio.wait_for(model.cancelled.wait(), 10)
        answer = await http.post("/chat", json={"text": "Again."} | of_session(session))
        assert answer.json()["text"] == "Back."
    names = [type(fact).__name__ for fact in facts]
    assert "TurnInterrupted" in names
    cut = next(fact for fact in facts if isinstance(fact, e.PlaybackInterrupted))
    # What was sent last may or may not have reached the reader.
    assert cut.heard_text == "Good day,"
    written = "".join(fact.text for fact in facts if isinstance(fact, e.ReplyClauseWritten))
    assert written.startswith(cut.heard_text)
    assert cut.reason == "vanished"
    assert names.index("PlaybackStarted") < names.index("PlaybackInterrupted")


async def test_a_client_that_does_not_wait_for_the_whole_answer_has_read_nothing(
    http: httpx.AsyncClient, broker: NatsBroker
) -> None:
    model = ScriptedModel.playing(["Good day, ", WAIT])
    opened: list[str] = []

    async def note(message: object) -> None:
        opened.append(message.subject.split(".")[1])  # type: ignore[attr-defined]

    await connection(broker).subscribe("live.*.reply.clause", cb=note)
    async with reasoning(model):
        asking = asyncio.create_task(http.post("/chat", json={"text": "Hello."}))
        await until(lambda: opened)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        facts = await facts_of(broker, opened[0], e.PlaybackInterrupted)
        await asyncio.wait_for(model.cancelled.wait(), 10)
    assert isinstance(facts[-1], e.PlaybackInterrupted | e.ReplyCompleted)
    assert next(fact.heard_text for fact in facts if isinstance(fact, e.PlaybackInterrupted)) == ""
    assert not any(isinstance(fact, e.PlaybackStarted) for fact in facts)


async def test_a_model_that_fails_is_reported_in_words(http: httpx.AsyncClient) -> None:
    async with reasoning(ScriptedModel.playing([RuntimeError("no")])):
        stream = await streamed(http, text="Hello.")
    done = stream.of("done")[0]
    assert done["finish"] == "failed"
    assert stream.text == done["text"] != ""


async def test_nobody_who_answers_is_a_timeout_and_the_session_goes_on(open_http: OpenHttp) -> None:
    http = await open_http(llm_timeout_s=0.1)
    from bridge.http.chat import conversations

    spare, conversations.SPARE_S = conversations.SPARE_S, 0.2
    try:
        answer = await http.post("/chat", json={"text": "Hello."})
    finally:
        conversations.SPARE_S = spare
    assert answer.status_code == 504
    assert answer.json()["code"] == "timeout"
    assert "retry-after" in answer.headers


async def test_an_idle_conversation_ends_and_is_not_gone_on_with(open_http: OpenHttp, broker: NatsBroker) -> None:
    http = await open_http(session_idle_s=0.6)
    async with reasoning(ScriptedModel.playing(["Yes."])):
        session = of_session((await http.post("/chat", json={"text": "Hello."})).json())
        facts = await facts_of(broker, session["session_id"], e.SessionClosed)
        answer = await http.post("/chat", json={"text": "Still there?"} | session)
    assert facts[-1].reason == "timeout"  # type: ignore[attr-defined]
    assert [type(fact).__name__ for fact in facts[-2:]] == ["ParticipantLeft", "SessionClosed"]
    assert (answer.status_code, answer.json()["code"]) == (409, "session-closed")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_ends_no_conversation(broker: NatsBroker, hours: int) -> None:
    settings = Settings()
    conversations = Conversations(broker, settings, Openings(settings))
    visitor = Visitor(address="127.0.0.1", is_operator=True, is_local=True)
    async with reasoning(ScriptedModel.playing(["Yes."])):
        exchange = await conversations.begin(ChatRequest.model_validate({"text": "Hello."}), visitor)
        await exchange.whole()
        CLOCK.agree(CLOCK.peek_ns() + hours * HOUR_NS)
        try:
            await conversations.end_idle()
            facts = await facts_of(broker, exchange.turn.session_id, e.PlaybackFinished)
        finally:
            CLOCK.agree(CLOCK.peek_ns() - hours * HOUR_NS)
            await conversations.close()
    assert not [fact for fact in facts if isinstance(fact, e.SessionClosed)]


async def test_what_a_dead_process_left_open_is_ended_by_the_next_when_it_has_been_idle_for_as_long_as_it_says(
    open_http: OpenHttp, broker: NatsBroker, agent: Agent
) -> None:
    profile = {"prompt": "", "llm": "scripted:model", "stt": "local", "tts": "local"}
    await agent.append(e.SessionOpened, "brief", door="http", user_id="sam", profile=profile | {"session_idle_s": 0.3})
    await agent.append(e.SessionOpened, "older-build", door="http", user_id="sam", profile=profile)
    await agent.append(e.SessionOpened, "long", door="http", user_id="sam", profile=profile | {"session_idle_s": 600})
    await open_http(session_idle_s=1)
    await facts_of(broker, "brief", e.SessionClosed)
    await facts_of(broker, "older-build", e.SessionClosed)
    facts = [fact.event async for fact in history(connection(broker), "long")]
    assert not [fact for fact in facts if isinstance(fact, e.SessionClosed)]


async def test_which_sessions_can_be_gone_on_with(http: httpx.AsyncClient, agent: Agent) -> None:
    profile = {"prompt": "", "llm": "scripted:model", "stt": "local", "tts": "local"}
    await agent.append(e.SessionOpened, "a-call", door="websocket", user_id="sam", profile=profile)
    await agent.append(e.SessionOpened, "a-chat", door="http", user_id="sam", profile=profile)

    async def status(session_id: str, **more: str) -> tuple[int, str]:
        answer = await http.post("/chat", json={"text": "Hello.", "session_id": session_id} | more)
        return answer.status_code, answer.json()["code"]

    assert await status("never-was") == (404, "session-unknown")
    assert await status("a-call") == (409, "other-door")
    assert await status("a-chat", user_id="eve") == (404, "session-unknown")
    assert await status("voice.*.>") == (422, "bad-request")


async def test_who_knows_only_its_id_does_not_go_on_with_a_session(http: httpx.AsyncClient) -> None:
    model = ScriptedModel.playing(["One."], ["Two."])
    async with reasoning(model):
        first = (await http.post("/chat", json={"text": "Hello.", "user_id": "sam"})).json()
        session_id = first["session_id"]
        for given in ("", "x" * 32, session_id):
            stolen = {"text": "And?", "session_id": session_id, "user_id": "sam", "resume_token": given}
            answer = await http.post("/chat", json=stolen)
            assert (answer.status_code, answer.json()["code"]) == (403, "resume-refused")
        second = (await http.post("/chat", json={"text": "And?"} | of_session(first))).json()
    assert second["text"] == "Two."
    assert second["resume_token"] is None  # it is told once
    assert len(model.asked) == 2


async def test_an_answer_whose_door_died_is_settled_by_the_next_turn(
    http: httpx.AsyncClient, agent: Agent, broker: NatsBroker
) -> None:
    profile = {"prompt": "", "llm": "scripted:model", "stt": "local", "tts": "local", "speaks": False}
    await agent.append(e.SessionOpened, "a-chat", door="http", user_id="sam", profile=profile)
    await agent.append(e.TurnEnded, "a-chat", turn_id="t", participant_id="caller", text="Hello.", source="text")
    await agent.append(e.ReplyStarted, "a-chat", reply_id="r", turn_id="t", text="Hello.")
    await agent.append(e.PlaybackStarted, "a-chat", reply_id="r", turn_id="t")
    model = ScriptedModel.playing(["Yes."])
    async with reasoning(model):
        answer = await http.post("/chat", json={"text": "Still there?", "session_id": "a-chat"})
    assert answer.json()["text"] == "Yes."
    facts = await facts_of(broker, "a-chat", e.PlaybackFinished)
    cut = [fact for fact in facts if isinstance(fact, e.PlaybackInterrupted)]
    assert [(fact.reply_id, fact.heard_text, fact.reason) for fact in cut] == [("r", "", "superseded")]


@pytest.mark.slow
async def test_two_turns_at_once_are_not_mixed_up(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.http.chat.conversations.BUSY_PATIENCE_S", 0.1)
    async with reasoning(ScriptedModel.playing(["First."], ["Slow ", WAIT])):
        session = of_session((await http.post("/chat", json={"text": "1"})).json())
        slow = {"text": "2"} | session
        async with http.stream("POST", "/chat", json=slow, headers={"Accept": "text/event-stream"}) as answer:
            events = sse(answer)
            await anext(events)
            third = await http.post("/chat", json={"text": "3"} | session)
    assert (third.status_code, third.json()["code"]) == (409, "turn-in-progress")


async def test_many_conversations_at_once_get_their_own_answers(http: httpx.AsyncClient) -> None:
    async with reasoning(ScriptedModel.playing(ANSWER)):
        streams = await asyncio.gather(*(streamed(http, text=f"Hello {n}") for n in range(20)))
    assert {stream.text for stream in streams} == {TEXT}
    assert len({stream.of("session")[0]["session_id"] for stream in streams}) == 20
