"""Reasoning runs again over its tape, and its facts come out as they were; a change of its behaviour is reported."""

import asyncio
import json
from typing import Any

import pytest
from faststream.nats import NatsBroker
from typer.testing import CliRunner

from actors.reasoning import clauses, prompts
from contracts import events as e
from contracts.topology import JOURNAL, REASONING, journal_subject
from infra.cli.app import app
from infra.cli.json_output import OUTPUTS
from infra.cli.system import changed_settings
from infra.log.connection import connection
from infra.log.event_log import Fact
from infra.log.stream_reader import stored_messages
from infra.replay.reasoning import missing_agents
from infra.replay.recorded_log import FactDifference
from infra.replay.registry import ACTORS
from infra.replay.report import details, summary
from infra.replay.session_tapes import read_tapes
from infra.replay.verify import Verification, actor_of, verify
from tests.actors.reasoning.facts import SESSION, ended, fact, opened, revised
from tests.actors.reasoning.models import WAIT, ScriptedModel, tool_call
from tests.infra.replay.recording import MODEL, Recording, record

ANSWER = ["Good day, ", "nice to hear ", "you. How are ", "you?"]


def closed() -> e.SessionClosed:
    ending: e.SessionClosed = fact(e.SessionClosed, "close", reason="hangup")
    return ending


@pytest.fixture
async def two_turns(broker: NatsBroker) -> Recording:
    """A draft that is committed, a turn with the clock, and the end."""
    model = ScriptedModel.playing(ANSWER, [tool_call("current_time")], ["It is ", "late."])
    return await record(
        broker,
        model,
        [opened(llm=MODEL, greeting="Hello, this is Ada. How can I help?"), (e.ReplyCompleted, 1)],
        [revised("Hello there."), (e.ReplyClauseWritten, 4), ended("hello there"), (e.ReplyCompleted, 2)],
        [ended("What time is it?", turn="t2"), (e.ReplyCompleted, 3), closed()],
    )


BOOKING = "docs/examples/booking.py"


def missing(agents: str, *names: str) -> str:
    first, *others = names
    profile = e.AgentProfile(prompt="", llm="local", stt="local", tts="local", agent=first)
    handed = {"reply_id": "r", "call_id": "c", "from_agent": first, "profile": profile}
    facts = [fact(e.SessionOpened, "o", door="test", user_id="sam", profile=profile)]
    facts += [fact(e.HandedOver, f"to-{name}", to_agent=name, **handed) for name in others]
    with changed_settings({"agents": agents}):
        return missing_agents([Fact(place, event) for place, event in enumerate(facts, 1)])


def test_agents_that_are_not_here_are_named_with_what_to_do() -> None:
    assert missing("", "") == missing("", "default") == missing(BOOKING, "booking") == ""
    one, two = missing("", "booking"), missing(BOOKING, "booking", "shop", "billing")
    assert "this build has no agent 'booking'; give the file that has it: `--agents booking.py`" in one
    assert "no agent 'billing' and 'shop'" in two
    assert "there is no such file" in missing("nowhere.py", "booking")


async def verified(recording: Recording) -> Verification:
    """Verify in a thread: the loop of a replay cannot run within this one."""
    return await asyncio.to_thread(verify, *recording, ACTORS)


def told(done: Verification, recording: Recording) -> str:
    facts = [Fact(each.sequence, each.event) for each in recording[0].facts]
    return "\n".join([summary(done), *details(done, facts)])


async def test_every_fact_comes_out_as_it_was_again_and_again(two_turns: Recording) -> None:
    own = [each for each in two_turns[0].facts if each.event.appended_by.startswith("reasoning-")]
    assert len(own) > 12
    for _ in range(3):
        done = await verified(two_turns)
        assert done.differences == [], told(done, two_turns)
        assert done.status == "identical", told(done, two_turns)
        assert done.same == len(own)


async def test_a_changed_limit_of_clauses_is_reported_at_the_first_clause_that_is_another(
    two_turns: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clauses, "FIRST_WORDS", 3)
    done = await verified(two_turns)
    assert done.status == "different"
    first = done.differences[0].what
    assert isinstance(first, FactDifference)
    assert isinstance(first.now, e.ReplyClauseWritten)
    assert [each.path for each in first.fields] == ["text"]
    assert str(first.fields[0].then).strip() == "Good day,"
    text = told(done, two_turns)
    assert "decided in" in text
    assert "actors/reasoning/generation.py:" in text
    assert max(len(line) for line in text.splitlines()[1:]) <= 100


async def test_another_prompt_is_reported_at_the_request(two_turns: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    real = prompts.context_of

    def changed(name: str, prompt: str, *rest: Any) -> Any:
        return real(name, f"{prompt} Be brief.", *rest)

    monkeypatch.setattr("actors.reasoning.graph.context_of", changed)
    done = await verified(two_turns)
    assert done.status == "different"
    first = done.differences[0].what
    assert isinstance(first, FactDifference)
    assert first.fields[0].path.startswith("context.")
    text = told(done, two_turns)
    assert "Be brief." in text
    assert "actors/reasoning/" in text


async def test_a_draft_that_is_stopped_and_done_again_comes_out_as_it_was(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day to ", "you, my dear friend. ", WAIT], ANSWER)
    taken = await record(
        broker,
        model,
        [opened(llm=MODEL), revised("Hello there."), (e.ReplyClauseWritten, 1)],
        [ended("Hello there, how are you?"), (e.ReplyDiscarded, 1), (e.ReplyCompleted, 1), closed()],
    )
    done = await verified(taken)
    assert done.status == "identical", told(done, taken)


async def test_a_model_that_fails_comes_out_as_it_was(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day. ", RuntimeError("overloaded")])
    taken = await record(
        broker, model, [opened(llm=MODEL), ended("Hello there."), (e.EngineFailed, 1), (e.ReplyCompleted, 1), closed()]
    )
    done = await verified(taken)
    assert done.status == "identical", told(done, taken)


async def test_a_lost_chunk_never_makes_a_difference_whichever_it_is(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(ANSWER)
    session, _ = await record(
        broker,
        model,
        [opened(llm=MODEL, greeting="Hello, this is Ada."), (e.ReplyCompleted, 1)],
        [revised("Hello there."), (e.ReplyClauseWritten, 3), ended("hello there"), (e.ReplyCompleted, 2)],
        [ended("And again.", turn="t2"), (e.ReplyCompleted, 3), closed()],
    )
    wanted = journal_subject(session.session_id, REASONING)
    chunks = [chunk async for chunk in stored_messages(connection(broker), JOURNAL, wanted)]
    assert len(chunks) > 2
    for lost in range(len(chunks)):
        one_less, cut_short = [*chunks[:lost], *chunks[lost + 1 :]], chunks[:lost]
        for kept in (one_less, cut_short):
            done = await verified((session, read_tapes(kept)))
            assert done.differences == [], told(done, (session, read_tapes(kept)))
            accounted = done.same + done.unwritten + sum(stretch.facts for stretch in done.lost)
            assert accounted == sum(actor_of(each.event) == REASONING for each in session.facts)


async def test_the_command_says_it_in_a_line_and_for_programs(two_turns: Recording) -> None:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", SESSION, "--verify"])
    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("identical: ")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", SESSION, "--verify", "--json"])
    [line] = result.stdout.splitlines()
    OUTPUTS["replay verify"].model().model_validate_json(line)
    assert json.loads(line)["status"] == "identical"
