"""The spans of an answer: its graph's nodes, its models and tools, with figures and without words."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from opentelemetry.trace import StatusCode

from actors.reasoning.testing import CallTool, Fail, Say, conversation, scripted_model
from contracts import events as e
from infra.agents.agent import Agent
from infra.telemetry.turns import reply_span, span_context
from tests.spans import RecordedSpans


@tool
async def weather(place: str) -> str:
    """Return the weather."""
    return f"rain in {place}"


@tool
async def broken() -> str:
    """Fail."""
    raise ValueError("the secret of Paris")


SHOP = Agent(name="shop", instructions="Be kind.", tools=[weather, broken])


def test_an_answer_with_a_tool_is_one_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = RecordedSpans(monkeypatch)
    with conversation(SHOP, [CallTool("weather", place="Paris"), Say("It rains in Paris.")]) as talk:
        turn = talk.say("How is the weather in Paris?")
        reply_id = turn.of(e.ReplyStarted)[-1].reply_id
        own = span_context(
            turn.of(e.ReplyStarted)[-1].session_id, turn.of(e.TurnEnded)[0].turn_id, reply_span(reply_id)
        )
    reply = spans.named("reply")[-1]
    assert reply.context is not None
    assert (reply.context.trace_id, reply.context.span_id) == (own.trace_id, own.span_id), "others find it by its ids"
    called = spans.the("execute_tool weather")
    assert spans.path_of(called)[:3] == ["execute_tool weather", "node tools", "reply"]
    assert called.attributes is not None
    assert called.attributes["daredevil.outcome"] == "ok"
    first, second = [span for span in spans.all() if span.name.startswith("chat ")][-2:]
    assert spans.path_of(first)[1:3] == ["node generate", "reply"]
    assert second.attributes is not None
    assert second.attributes["gen_ai.usage.output_tokens"]
    assert "Paris" not in "".join(span.to_json() for span in spans.all())


def test_a_tool_or_a_model_that_fails_is_a_failed_span_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = RecordedSpans(monkeypatch)
    with conversation(SHOP, [CallTool("broken"), Fail("the secret of Paris"), Fail("the secret of Paris")]) as talk:
        talk.say("Do it in Paris.")
    assert spans.named("execute_tool broken")[-1].status.status_code is StatusCode.ERROR
    failed = [
        span for span in spans.all() if span.name.startswith("chat ") and span.status.status_code is StatusCode.ERROR
    ]
    assert failed
    assert "Paris" not in "".join(span.to_json() for span in spans.all())


def test_the_nodes_models_and_tools_of_an_own_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    @tool
    def book(table: str) -> str:
        """Book a table."""
        return f"table {table} is booked"

    model = scripted_model([CallTool("book", table="4"), Say("It is yours.")]).bind_tools([book])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def after(state: MessagesState) -> str:
        last = state["messages"][-1]
        return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("tools", ToolNode([book]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", after, ["tools", END])
    graph.add_edge("tools", "ask")
    spans = RecordedSpans(monkeypatch)
    with conversation(Agent(name="own", graph=graph.compile())) as talk:
        assert talk.say("Table four, please.").reply == "It is yours."
    assert spans.path_of(spans.named("node ask")[-1])[:2] == ["node ask", "reply"]
    assert spans.path_of(spans.named("execute_tool book")[-1])[:3] == ["execute_tool book", "node tools", "reply"]
    asked = [span for span in spans.all() if span.name.startswith("chat ")]
    assert spans.path_of(asked[-1])[1:3] == ["node ask", "reply"]
