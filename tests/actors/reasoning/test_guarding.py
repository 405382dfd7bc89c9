"""Guards judge what people say and what the agent is about to say; what they change is a fact."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from actors.reasoning.endings import APOLOGY, NOT_THAT
from actors.reasoning.guarding import guard_clause
from actors.reasoning.session_log import SessionLog
from actors.reasoning.testing import Say, conversation
from actors.reasoning.wire import SilentWire
from contracts import events as e
from contracts.answers import Cause
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import BadAgent
from infra.agents.guard import Answer, Drop, Replace, Verdict
from infra.log.event_log import Fact
from infra.log.memory_log import MemoryStore
from infra.log.taped_log import TapedLog
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, opened
from tests.actors.reasoning.testing.taped import assert_comes_out_the_same


def guard(text: str) -> Verdict:
    """Judge a text by the words in it."""
    if "silly" in text:
        return Drop()
    if "1234" in text:
        return Replace(text.replace("1234", "****"))
    return Answer("Let us talk about the weather.") if "politics" in text else None


def held(*says: str, script: list[Any], **agent: Any) -> Any:
    with conversation(Agent(name="guarded", **agent), model=script) as talk:
        for text in says:
            talk.say(text)
    return talk


def test_a_turn_that_passes_is_answered_and_no_fact_tells_of_the_guard() -> None:
    talk = held("How are you?", script=[Say("Fine.")], input_guard=guard)
    assert talk.turns[0].reply == "Fine."
    assert talk.of(e.TurnGuarded) == []


def test_a_turn_that_is_dropped_is_not_answered_and_no_model_reads_it() -> None:
    talk = held("You silly thing.", "How are you?", script=[Say("Fine.")], input_guard=guard)
    dropped, asked = talk.turns
    assert (dropped.reply, [event.reason for event in dropped.of(e.TurnPassed)]) == ("", ["guarded"])
    assert [event.decision for event in dropped.of(e.TurnGuarded)] == ["dropped"]
    assert "silly" not in str(talk.asked)
    assert asked.reply == "Fine."


def test_somebody_who_writes_is_told_that_their_words_are_dropped() -> None:
    with conversation(Agent(name="guarded", input_guard=guard), by_text=True) as talk:
        assert talk.say("You silly thing.").reply == NOT_THAT


def test_the_model_reads_what_replaces_words_now_and_later() -> None:
    talk = held("My PIN is 1234.", "What is it?", script=[Say("Keep it."), Say("No idea.")], input_guard=guard)
    assert [message[-1].text for message in talk.asked] == ["My PIN is ****.", "What is it?"]
    assert "1234" not in str(talk.asked)
    assert talk.turns[0].of(e.TurnGuarded)[0].replacement == "My PIN is ****."


def test_a_turn_is_answered_by_the_guard_and_stays_away_from_the_model() -> None:
    talk = held("About politics.", "How are you?", script=[Say("Fine.")], input_guard=guard)
    assert talk.turns[0].reply == "Let us talk about the weather."
    assert "politics" not in str(talk.asked)


def test_words_of_a_draft_are_judged_once_and_those_of_the_whole_turn_again() -> None:
    asked: list[str] = []

    async def noting(text: str) -> None:
        asked.append(text)

    with conversation(Agent(name="guarded", input_guard=noting), model=[Say("a"), Say("b"), Say("c")]) as talk:
        talk.say("The same words.")
        talk.say("More words than before.", draft="More words")
    assert asked == ["The same words.", "More words", "More words than before."]


def test_clauses_are_dropped_replaced_or_end_the_answer() -> None:
    script = [Say("You are silly. Your number is 1234. About politics I think a lot. And more.")]
    talk = held("Tell me.", script=script, output_guard=guard)
    assert talk.turns[0].reply == "Your number is ****. Let us talk about the weather."
    assert [(each.decision, each.text) for each in talk.of(e.ClauseGuarded)] == [
        ("dropped", "You are silly."),
        ("replaced", "Your number is 1234."),
        ("answered", "About politics I think a lot."),
    ]
    assert talk.of(e.ReplyCompleted)[0].finish == "enough"


def test_an_answer_of_which_nothing_is_left_still_ends_with_a_sentence() -> None:
    assert held("Tell me.", script=[Say("You are silly.")], output_guard=guard).turns[0].reply


def test_the_agents_own_sentences_are_not_judged() -> None:
    talk = held(script=[], greeting="About politics.", output_guard=guard)
    assert talk.greeting == "About politics."


def _broken(text: str) -> Verdict:
    raise ConnectionError("moderation is away")


async def _hanging(text: str) -> Verdict:
    await asyncio.Event().wait()
    return None


def _ends(text: str) -> Verdict:
    raise SystemExit("no licence")


def _confused(text: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (_broken, "ConnectionError: moderation is away"),
        (_hanging, "it took longer than 2 s"),
        (_ends, "SystemExit: no licence"),
        (_confused, "it returned True: return None, Drop(), Replace(text) or Answer(text)"),
    ],
)
def test_what_a_guard_could_not_check_is_withheld_and_a_fact_says_why(failing: Any, error: str) -> None:
    turn = held("Hello?", script=[], input_guard=failing).turns[0]
    assert (turn.reply, turn.of(e.TurnGuarded)[0].error) == (APOLOGY, error)
    talk = held("Hello?", script=[Say("Good day. How are you?")], output_guard=failing)
    assert (talk.turns[0].reply, talk.of(e.ClauseGuarded)[0].error) == (APOLOGY, error)


def test_an_agent_may_let_pass_what_its_guard_could_not_check() -> None:
    both = {"input_guard": _broken, "output_guard": _broken, "guard_failure": "pass"}
    talk = held("Hello?", script=[Say("Good day.")], **both)
    assert talk.turns[0].reply == "Good day."
    assert [each.decision for each in (*talk.of(e.TurnGuarded), *talk.of(e.ClauseGuarded))] == ["passed", "passed"]


def test_a_guard_is_told_of_the_call_if_it_asks_for_it() -> None:
    calls: list[Call] = []

    def asking(text: str, call: Call) -> None:
        calls.append(call)

    def careless(text: str, threshold: float = 0.5) -> None:
        assert threshold == 0.5

    with conversation(
        Agent(name="guarded", input_guard=asking, output_guard=careless), model=[Say("Yes.")], user_id="kim"
    ) as talk:
        turn = talk.say("Hello?")
    assert [(call.user_id, call.turn_id) for call in calls] == [("kim", turn.turn_id)]
    assert talk.of(e.ClauseGuarded) == []


def test_a_guard_that_cannot_be_called_is_no_guard() -> None:
    with pytest.raises(BadAgent, match="has to take a text"):
        Agent(name="guarded", output_guard=lambda: None)
    with pytest.raises(BadAgent, match="input_guard has to be a function"):
        Agent(name="guarded", input_guard="no")  # type: ignore[arg-type]


async def test_a_clause_that_another_copy_had_judged_is_said_as_the_log_has_it() -> None:
    store, about = MemoryStore(), Cause(SESSION, "end-t1", "t1")
    verdicts: Iterator[Verdict] = iter([Replace("It is ****."), Answer("Let us talk about the weather.")])

    def moody(text: str) -> Verdict:
        return next(verdicts)

    async def judged_by(copy: str) -> tuple[str, str, str | None]:
        tapes = Untaped(copy)
        log = SessionLog(TapedLog(store, tapes), tapes.of(SESSION), SilentWire(), SESSION, copy)
        log.hold([Fact(1, opened())])
        found = await guard_clause(log, Agent(name="guarded"), moody, about, "r1", 0, "It is 1234.")
        return found.decision, found.replacement, found.error

    said = await judged_by("a")
    assert said == ("replaced", "It is ****.", None)
    assert await judged_by("b") == said
    assert len(store.facts) == 1


def test_what_guards_decide_comes_out_the_same_in_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    def judges(text: str) -> Verdict:
        if "fail" in text:
            raise ValueError("no verdict")
        return guard(text)

    agent = Agent(name="guarded", input_guard=judges, output_guard=judges)
    says = ["You silly thing.", "My PIN is 1234.", "About politics.", "Please fail.", "Go on."]
    script = [Say("You said silly 1234. It is 1234."), Say("I fail. Really.")]
    talk = assert_comes_out_the_same(monkeypatch, agent, says, {"guard"}, model=script)
    assert len(talk.of(e.TurnGuarded)) == 4
    assert len(talk.of(e.ClauseGuarded)) == 3
