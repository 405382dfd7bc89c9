"""Two copies with settings of their own answer one session alike: as it was opened."""

from dataclasses import replace
from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from actors.reasoning.actor import reasoning_on
from actors.reasoning.answering import Reasoning
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.model_chunks import ModelRequest
from actors.reasoning.tools import CURRENT_TIME
from contracts import events as e
from infra.log.event_log import append
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, ended, fact, revised
from tests.actors.reasoning.models import WAIT, ScriptedModel
from tests.actors.reasoning.test_actor import copy_of_actor, finish, handled, last, log_of, tell
from tests.waiting import until

DOOR: dict[str, Any] = {
    "llm": "fake:door",
    "prompt": "Be kind.",
    "speculate": False,
    "turn_history": 1,
    "reply_max_tokens": 77,
    "llm_options": {"seed": 3},
}
OTHERS: list[dict[str, Any]] = [
    {"llm": "fake:one", "prompt": "Be rude.", "speculate": True, "turn_history": 9, "reply_max_tokens": 10},
    {"llm": "fake:two", "prompt": "Be odd.", "speculate": True, "turn_history": 0, "llm_options": {"seed": 4}},
]


def opened() -> e.SessionOpened:
    profile = profile_of(Settings(**DOOR))
    event: e.SessionOpened = fact(e.SessionOpened, "open", door="test", user_id="u", profile=profile)
    return event


def earlier(n: int) -> list[e.Event]:
    about = {"turn_id": f"t-{n}", "reply_id": f"r-{n}"}
    return [
        ended(f"Question {n}.", f"t-{n}"),
        fact(e.ReplyStarted, f"start-{n}", **about, text="q"),
        fact(e.ReplyClauseWritten, f"clause-{n}", **about, index=0, text=f"Answer {n}."),
        fact(e.PlaybackFinished, f"heard-{n}", **about, heard_text=f"Answer {n}.", played_samples=1),
    ]


@pytest.mark.parametrize("process", OTHERS)
async def test_a_turn_is_answered_as_the_session_was_opened(broker: NatsBroker, process: dict[str, Any]) -> None:
    model = ScriptedModel.playing(["Good day."])
    made: list[tuple[str, dict[str, object], int]] = []

    def make(name: str, settings: Settings) -> BaseChatModel:
        made.append((name, settings.llm_options, settings.reply_max_tokens))
        return model

    actor = reasoning_on(broker, Untaped(), Settings(**process), make)
    settled = revised("And now?", turn="t-3")
    for event in [opened(), *earlier(1), *earlier(2), settled]:
        await append(broker, event)
    assert await handled(actor, settled) is None
    assert not [event for event in await log_of(broker) if isinstance(event, e.ReplyStarted) and event.draft]
    end = ended("And now?", "t-3")
    await append(broker, end)
    await finish([await handled(actor, end)])
    start = await last(broker, e.ReplyStarted)
    assert (start.model, start.draft, start.session_id) == ("fake:door", False, SESSION)
    assert [each.text for each in start.context] == ["Be kind.", "Question 2.", "Answer 2.", "And now?"]
    assert made == [("fake:door", {"seed": 3}, 77)]
    await actor.close()


async def test_the_digest_of_a_request_tells_whether_a_model_was_asked_the_same(broker: NatsBroker) -> None:
    models = ChatModels(Settings(), lambda name, settings: ScriptedModel.playing([]))
    one = ModelRequest("fake:m", [SystemMessage("Be kind."), HumanMessage("Hello.")])
    same = Settings(llm_options={"seed": 3, "api_key": "mine"}), Settings(llm_options={"api_key": "yours", "seed": 3})
    assert len({models.digest(one, settings) for settings in same}) == 1, "keys are no part of it"
    others = [
        (one, Settings(llm_options={"seed": 4})),
        (one, Settings(llm_options={"seed": 3}, reply_max_tokens=9)),
        (replace(one, name="fake:n"), same[0]),
        (replace(one, tools=[CURRENT_TIME]), same[0]),
        (replace(one, messages=[*one.messages, HumanMessage("?")]), same[0]),
    ]
    found = {models.digest(request, settings) for request, settings in [(one, same[0]), *others]}
    assert len(found) == 1 + len(others)


async def test_what_was_sent_and_what_came_back_is_recorded(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["<think>Hm.", "</think>", "Good day, ", "Sam."])
    async with copy_of_actor(broker, model) as actor:
        await finish(await tell(broker, actor, ended("Hello.")))
    start, end = await last(broker, e.ReplyStarted), await last(broker, e.ReplyCompleted)
    assert len(start.request) == 12
    assert end.text == "Good day, Sam."
    assert (end.written, end.tokens) == ("<think>Hm.</think>Good day, Sam.", 4)


async def test_of_a_discarded_draft_what_was_written_by_then_is_recorded(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["Good day, ", WAIT], ["Bye."])
    async with copy_of_actor(broker, model) as actor:
        tasks = await tell(broker, actor, revised("Hello."))
        await until_written(actor, "Good day, ")
        tasks += await tell(broker, actor, ended("Good-bye."))
        await finish(tasks)
    discarded = await last(broker, e.ReplyDiscarded)
    assert (discarded.written, discarded.tokens) == ("Good day, ", 1)
    end = await last(broker, e.ReplyCompleted)
    assert (end.text, end.written, end.tokens) == ("Bye.", "", 1), "what the text says already is not repeated"


async def until_written(actor: Reasoning, text: str) -> None:
    await until(lambda: [each for each in actor._running.values() if each.raw.text == text])
