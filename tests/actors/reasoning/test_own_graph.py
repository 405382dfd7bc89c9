"""A graph of the agent's own answers: its words are clauses, its calls of tools facts, the log is its memory."""

import sys
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import tool
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from actors.reasoning.endings import APOLOGY
from actors.reasoning.testing import CallTool, Fail, Hang, Say, conversation, scripted_model
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.errors import BadAgent
from tests.actors.reasoning.testing.taped import assert_comes_out_the_same


class World:
    """What the tools of a graph have done."""

    def __init__(self) -> None:
        self.booked: list[str] = []

    def graph(self, *script: Any, in_subgraph: bool = False) -> Any:
        """Return a graph whose model plays a script, with a tool that books and one that fails."""

        @tool
        def book(table: str) -> str:
            """Book a table."""
            self.booked.append(table)
            return f"table {table} is booked"

        @tool
        async def fail() -> str:
            """Fail."""
            raise ValueError("the book is lost")

        model = scripted_model(list(script)).bind_tools([book, fail])

        async def ask(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await model.ainvoke(state["messages"])]}

        def after(state: MessagesState) -> str:
            last = state["messages"][-1]
            return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

        graph = StateGraph(MessagesState)
        graph.add_node("ask", ask)
        graph.add_node("tools", ToolNode([book, fail], handle_tool_errors=True))
        graph.add_edge(START, "ask")
        graph.add_conditional_edges("ask", after, ["tools", END])
        graph.add_edge("tools", "ask")
        compiled = graph.compile()
        if not in_subgraph:
            return compiled
        outer = StateGraph(MessagesState)
        outer.add_node("inner", compiled)
        outer.add_node("goodbye", lambda state: {"messages": [AIMessage("Goodbye.")]})
        outer.add_edge(START, "inner")
        outer.add_edge("inner", "goodbye")
        return outer.compile()


BOOK = [Say("One moment, please."), CallTool("book", table="4")]


def test_a_graph_answers_and_is_told_the_conversation_as_it_was_heard() -> None:
    seen: list[list[str]] = []

    def script(messages: Any) -> Say:
        seen.append([message.text for message in messages])
        return Say("A long answer that nobody hears to its end.") if len(seen) == 1 else Say("Fine.")

    model = scripted_model(script)

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
    with conversation(Agent(name="own", graph=graph)) as talk:
        first = talk.say("Tell me.", until_words=3)
        second = talk.say("Stop.")
        assert (first.heard, second.reply) == ("A long answer", "Fine.")
        assert seen == [["Tell me."], ["Tell me.", "A long answer", "Stop."]]
        assert first.of(e.ReplyStarted)[0].model == "graph:own"


@pytest.mark.parametrize("in_subgraph", [False, True])
def test_its_calls_of_tools_are_facts_before_they_run(in_subgraph: bool) -> None:
    world = World()
    graph = world.graph(BOOK, Say("It is yours."), in_subgraph=in_subgraph)
    with conversation(Agent(name="own", graph=graph, instructions="Be kind.")) as talk:
        turn = talk.say("Table four, please.")
        said = "One moment, please. It is yours."
        assert turn.reply == (f"{said} Goodbye." if in_subgraph else said)
        assert repr(turn.tools) == "[book(table='4') -> 'table 4 is booked']"
        assert (turn.tools[0].called.kind, turn.tools[0].called.idempotency_key) == ("action", turn.tools[0].key)
        assert world.booked == ["4"]
        assert turn.context[0].text == "Be kind."


def test_its_tools_never_run_for_a_draft() -> None:
    world = World()
    with conversation(Agent(name="own", graph=world.graph(BOOK, Say("As you like.")))) as talk:
        assert talk.say("Table four, no, nothing.", draft="Table four").reply == "As you like."
        assert world.booked == []
        assert talk.turns[0].tools == []


def test_a_tool_that_fails_is_told_to_the_graph_and_to_the_log() -> None:
    graph = World().graph(CallTool("fail"), Say("I am sorry, the book is lost."))
    with conversation(Agent(name="own", graph=graph)) as talk:
        turn = talk.say("Table four, please.")
        assert turn.reply == "I am sorry, the book is lost."
        assert (turn.tools[0].error, turn.tools[0].returned.outcome) == ("ValueError: the book is lost", "failed")  # type: ignore[union-attr]


@pytest.mark.parametrize(("fault", "error"), [(Fail("no credit"), "RuntimeError: no credit"), (Hang(), "silent for")])
def test_a_graph_that_raises_or_hangs_is_apologised_for(fault: Any, error: str) -> None:
    graph = World().graph(fault)
    with conversation(Agent(name="own", graph=graph), settings={"speculate": False}) as talk:
        turn = talk.say("Hello?")
        assert turn.reply == APOLOGY
        failed = talk.of(e.EngineFailed)[0]
        assert (failed.engine, error in failed.error) == ("graph:own", True)


@tool
async def leave() -> str:
    """Leave."""
    sys.exit("no licence")


async def _leaves(state: MessagesState) -> dict[str, Any]:
    sys.exit("no licence")


def _leaves_in_a_thread(state: MessagesState) -> dict[str, Any]:
    raise KeyboardInterrupt("no licence")


@pytest.mark.parametrize("node", [_leaves, _leaves_in_a_thread, ToolNode([leave])])
def test_a_graph_that_wants_to_end_the_process_fails_in_its_turn_only(node: Any) -> None:
    def ask(state: MessagesState) -> dict[str, Any]:
        if "Leave" not in state["messages"][-1].text:
            return {"messages": [AIMessage("I am here.")]}
        call = ToolCall(name="leave", args={}, id="1", type="tool_call")
        return {"messages": [AIMessage("", tool_calls=[call])]}

    def after(state: MessagesState) -> str:
        return "node" if getattr(state["messages"][-1], "tool_calls", None) else END

    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("node", node).add_edge(START, "ask")
    graph.add_conditional_edges("ask", after, ["node", END])
    with conversation(Agent(name="own", graph=graph.compile()), settings={"speculate": False}) as talk:
        assert talk.say("Leave!").reply == APOLOGY
        assert "no licence" in talk.of(e.EngineFailed)[0].error
        assert talk.say("Are you there?").reply == "I am here."


def test_a_graph_that_calls_the_same_tool_for_ever_is_stopped() -> None:
    world = World()
    endless = world.graph(*[CallTool("book", table="4")] * 100)
    with conversation(Agent(name="own", graph=endless)) as talk:
        turn = talk.say("Table four, please.")
        assert turn.reply == APOLOGY
        assert "recursion" in talk.of(e.EngineFailed)[0].error.lower()
        assert len(world.booked) < 50


def test_a_caller_interrupts_while_a_tool_of_it_runs_and_nobody_knows_what_came_of_it() -> None:
    @tool
    async def slow() -> str:
        """Be slow."""
        await Hang().happen()
        return "done"

    model = scripted_model([[Say("One moment, please."), CallTool("slow")], Say("I do not know.")])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def after(state: MessagesState) -> str:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("tools", ToolNode([slow]))
    graph.add_edge(START, "ask").add_conditional_edges("ask", after, ["tools", END]).add_edge("tools", "ask")
    with conversation(Agent(name="own", graph=graph.compile())) as talk:
        asked = talk.say("Do it.", until_words=2)
        assert talk.say("What about it?").reply == "I do not know."
        assert [call.returned and call.returned.outcome for call in asked.tools] == ["unknown"]


def test_a_process_dies_and_the_graph_is_told_what_had_been_called() -> None:
    world = World()
    graph = world.graph(BOOK, Say("It is yours, I think, and the garden is open until nine."), Say("It is yours."))
    with conversation(Agent(name="own", graph=graph)) as talk:
        turn = talk.say("Table four, please.", until_words=4)
        talk.crash()
        talk.finish()
        assert world.booked == ["4"]
        assert len(turn.tools) == 1
        assert "yours" in turn.reply


def test_graphs_that_cannot_be_used_are_told_at_once() -> None:
    class State(TypedDict):
        question: str

    def nothing(state: State) -> dict[str, Any]:
        return {}

    def build(state: Any) -> Any:
        return StateGraph(state).add_node("nothing", nothing).add_edge(START, "nothing")

    with pytest.raises(BadAgent, match=r"no `messages` in its state.*question"):
        Agent(name="own", graph=build(State).compile())
    with pytest.raises(BadAgent, match=r"call `\.compile\(\)` on it"):
        Agent(name="own", graph=build(MessagesState))
    with pytest.raises(BadAgent, match="not 'chat'"):
        Agent(name="own", graph="chat")
    with pytest.raises(BadAgent, match="checkpointer"):
        Agent(name="own", graph=build(MessagesState).compile(checkpointer=MemorySaver()))
    with pytest.raises(BadAgent, match="leave out `tools`"):
        Agent(name="own", graph=World().graph(), tools=[_weather])


def _weather(city: str) -> str:
    """Tell the weather."""
    return city


def test_a_graph_comes_out_the_same_in_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = World().graph(BOOK, Say("It is yours."), CallTool("fail"), Say("It is lost."), Fail("gone"), Fail("gone"))
    says = ["Table four, please.", "And another.", "Hello?"]
    talk = assert_comes_out_the_same(monkeypatch, Agent(name="own", graph=graph), says, {"graph"})
    assert len(talk.of(e.ToolReturned)) == 2
    assert len(talk.of(e.EngineFailed)) >= 1
