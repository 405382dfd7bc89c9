"""Two copies with settings of their own answer one session alike: as it was opened."""

from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.language_models import BaseChatModel

from actors.reasoning.actor import reasoning_on
from contracts import events as e
from infra.log.event_log import append
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, ended, fact, revised
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.reasoning.test_actor import finish, handled, last, log_of

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
