"""Who speaks a language that the engine does not understand is told so, once a call, and is answered in English."""

import pytest

from actors.reasoning.decide import only_language
from contracts import events as e
from infra.caller import place_call
from infra.system.supervisor import Supervisor
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

TOLD = only_language("en")


@pytest.mark.parametrize(
    "languages",
    [
        ("de", "fr"),
        pytest.param(("de", "fr", "es"), marks=pytest.mark.nightly),
        pytest.param(("fr", "fr"), marks=pytest.mark.nightly),
        pytest.param(("es", "de"), marks=pytest.mark.nightly),
    ],
)
async def test_a_foreign_caller_hears_once_which_language_is_understood_and_is_answered_in_it(
    system: Supervisor, languages: tuple[str, ...]
) -> None:
    foreign = [DATA / "foreign" / f"{language}.wav" for language in languages]
    result = await place_call(system.page_url, [*foreign, DATA / "what_time.wav"])
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, result.session_id)]
    dismissed = [fact for fact in facts if isinstance(fact, e.UtteranceDismissed)]
    assert "language" in {fact.reason for fact in dismissed}
    assert len({fact.turn_id for fact in dismissed}) >= len(languages)
    heard = [fact.heard_text for fact in facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)]
    assert heard.count(TOLD) == 1
    assert heard[0] == TOLD
    (turn,) = [fact for fact in facts if isinstance(fact, e.TurnEnded)]
    assert "what time" in turn.text.lower()
    # Heard by the caller's own ear, not only said in the log: the sentence, then the answer.
    assert len(heard) == 2
    assert heard[1].strip()
    assert len(result.replies) == 2
    assert all(reply.started_at_s is not None and reply.played_samples > 8_000 for reply in result.replies)
