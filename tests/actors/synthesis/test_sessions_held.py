"""What a copy of synthesis holds of sessions: those that are over are let go."""

from faststream.nats import NatsBroker

from actors.synthesis.actor import listen, synthesis_on
from actors.synthesis.voices import Voices
from contracts.events import SessionClosed
from contracts.topology import SYNTHESIS
from infra.engines.tts import TextToSpeech
from infra.log.event_log import append, now_ns
from infra.log.live_events import LiveEvents
from infra.settings import settings
from tests.actors.synthesis.test_actor import ScriptedVoice, clause
from tests.waiting import until


def closed(session: str) -> SessionClosed:
    return SessionClosed(event_id=f"{session}-closed", session_id=session, time_ns=now_ns(), reason="hangup")


async def test_sessions_that_are_over_are_let_go(broker: NatsBroker) -> None:
    voices = Voices(settings(), lambda settings: TextToSpeech([ScriptedVoice()]))
    await voices.open()
    synthesis = synthesis_on(broker, voices, settings())
    async with listen(LiveEvents(broker, SYNTHESIS), synthesis):
        for number in range(12):
            await synthesis.synthesize(clause(session=f"s-{number}"))
        assert synthesis.sessions_held == 12
        for number in range(11):
            await append(broker, closed(f"s-{number}"))
        await until(lambda: synthesis.sessions_held == 1)
    # A clause that comes after the end is read back with it, and is not kept either.
    await synthesis.synthesize(clause(1, session="s-0"))
    assert synthesis.sessions_held == 1
    await synthesis.close()
    await voices.close()
