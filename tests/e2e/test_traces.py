"""One trace a turn, at every door: every process has its spans in it, and anybody can compute its id."""

import httpx
import msgpack
import nats
import pytest

from contracts import events as e
from contracts.topology import chat_subject
from infra.caller import place_call
from infra.system.supervisor import Supervisor
from infra.telemetry.turns import trace_id_of
from tests.bridge.http.answering import streamed
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.e2e.the_traces import BY_TEXT, END_OF_TURN, MODEL, edges, roots, stages_of, times_asked, trace_of
from tests.infra.telemetry.otlp_receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

QUESTION = "What is the largest ocean?"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_spoken_turn_is_one_trace_through_every_process(system: Supervisor, collector: Receiver) -> None:
    result = await place_call(system.page_url, [DATA / "story.wav"])
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, result.session_id)]
    (turn,) = [fact for fact in facts if isinstance(fact, e.TurnEnded)]
    spans = await trace_of(collector, result.session_id, turn.turn_id, *stages_of(turn), *MODEL)
    assert sum(span.name == END_OF_TURN for span in spans) == times_asked(turn)
    (root,) = roots(spans)
    assert (root.name, root.service) == ("turn", "daredevil-bridge")
    assert root.attributes["session.id"] == result.session_id
    assert root.links == (f"{trace_id_of(result.session_id, None):032x}",)
    (model,) = [span for span in spans if span.name == "chat local" and span.attributes["gen_ai.usage.output_tokens"]]
    assert 0 < model.attributes["gen_ai.response.time_to_first_chunk"] < 60
    assert {
        ("bridge", "transcript"),
        ("transcript", "reasoning"),
        ("reasoning", "synthesis"),
        ("synthesis", "bridge"),
    } <= edges(spans)
    assert {span.kind for span in spans} >= {1, 2, 3, 4, 5}, "internal, server, client, producer, consumer"
    assert all(root.start_ns <= span.start_ns for span in spans)
    print("spans of a spoken turn:", len(spans))


async def test_what_belongs_to_no_turn_is_one_trace_of_the_session(system: Supervisor, collector: Receiver) -> None:
    result = await place_call(system.page_url, [DATA / "hello.wav"])
    ends = ("publish SessionClosed", "persistence SessionClosed", "transcript TrackPublished")
    spans = await trace_of(collector, result.session_id, None, "session opened", *ends)
    (root,) = roots(spans)
    assert root.name == "session opened"
    own = [span for span in collector.spans if span.attributes.get("session.id") == result.session_id]
    turns = {span.attributes.get("daredevil.turn_id") for span in own} - {None}
    assert len({span.trace_id for span in own}) == 1 + len(turns)


async def test_a_turn_by_http_is_one_trace_linked_to_its_clients(system: Supervisor, collector: Receiver) -> None:
    async with httpx.AsyncClient(base_url=system.page_url, timeout=60, headers={"traceparent": TRACEPARENT}) as http:
        answer = await streamed(http, text=QUESTION, user_id="sam")
    opened = answer.of("session")[0]
    spans = await trace_of(collector, opened["session_id"], opened["turn_id"], *BY_TEXT)
    (root,) = roots(spans)
    assert TRACEPARENT.split("-")[1] in root.links
    assert {("bridge", "reasoning"), ("reasoning", "bridge")} <= edges(spans)
    theirs = [span for span in collector.spans if span.trace_id == TRACEPARENT.split("-")[1]]
    assert [(span.name, span.parent_id) for span in theirs] == [("answer chat", TRACEPARENT.split("-")[2])]


async def test_a_turn_by_nats_request_is_one_trace(system: Supervisor, collector: Receiver) -> None:
    nc = await nats.connect(system.addresses.nats_url)
    try:
        asked = msgpack.packb({"text": QUESTION})
        answer = msgpack.unpackb((await nc.request(chat_subject("new"), asked, timeout=60)).data)
    finally:
        await nc.close()
    spans = await trace_of(collector, answer["session_id"], answer["turn_id"], *BY_TEXT)
    (root,) = roots(spans)
    assert root.attributes["daredevil.source"] == "text"
