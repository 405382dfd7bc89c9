"""Two copies with settings of their own hear one session alike: as it was opened."""

import asyncio

import pytest
from faststream.nats import NatsBroker

from actors.transcript.echo.agent_sound import AgentSound
from actors.transcript.endpointing import Tuning
from actors.transcript.engines import SpeechEngines
from actors.transcript.live_sound import LiveSound
from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_listener import TrackListener
from contracts import events as e
from infra.log.event_log import Fact
from infra.log.taped_log import LiveLog
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.transcript.scripted import ScriptedEngines
from tests.actors.transcript.track_of import PARTICIPANT, TRACK

DOOR = Settings(
    min_endpointing_delay_ms=300, max_endpointing_delay_ms=1_200, barge_in_min_speech_ms=700, vad_threshold=0.7
)


def listening(broker: NatsBroker, process: Settings, profile: e.AgentProfile) -> TrackListener:
    ears = ScriptedEngines([])
    ears.settings = process
    view = SessionState()
    opened = e.SessionOpened(event_id="o", session_id="s", time_ns=1, door="test", user_id="u", profile=profile)
    view.apply(Fact(1, opened))
    track = e.TrackPublished(event_id="t", session_id="s", time_ns=1, track_id=TRACK, participant_id=PARTICIPANT)
    woken = asyncio.Event()
    live = LiveSound(broker, "s", PARTICIPANT, TRACK, 0, woken)
    log, taped = LiveLog(broker, Untaped()), TapedSound(Untaped(), TRACK)
    return TrackListener(log, taped, ears, track, view, live, AgentSound(broker, "s").playback, woken)


@pytest.mark.parametrize("process", [Settings(), Settings(min_endpointing_delay_ms=100, vad_threshold=0.2)])
async def test_endpointing_barge_in_and_voice_activity_are_the_sessions(broker: NatsBroker, process: Settings) -> None:
    heard = listening(broker, process, profile_of(DOOR))
    for settings in (heard._policy.settings, heard._interruptions._settings):
        assert (settings.min_endpointing_delay_ms, settings.max_endpointing_delay_ms) == (300, 1_200)
        assert settings.barge_in_min_speech_ms == 700
    assert heard._tuning == Tuning.with_threshold(0.7)
    await heard.aclose()


async def test_a_session_of_an_older_build_is_heard_as_the_process_says(broker: NatsBroker) -> None:
    heard = listening(broker, DOOR, e.AgentProfile(prompt="", llm="local", stt="local", tts="local"))
    assert heard._policy.settings.min_endpointing_delay_ms == 300
    assert heard._tuning == Tuning.with_threshold(0.7)
    await heard.aclose()


def test_engines_are_those_of_the_session_and_shared_by_sessions_that_want_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named: list[str] = []

    def detector(name: str) -> object:
        named.append(name)
        return lambda: name

    monkeypatch.setattr("actors.transcript.engines.detector_named", detector)
    ears = SpeechEngines(Settings(stt="local"))
    assert ears.turn_detector(Settings()) is ears.end_of_turn
    others = [ears.turn_detector(Settings(end_of_turn="my.own:Detector")) for _ in range(2)]
    assert named == ["local", "my.own:Detector"]
    assert others[0] is others[1] is not ears.end_of_turn
    one, _ = ears.speech_to_text(Settings(stt="local"))
    two, _ = ears.speech_to_text(Settings(stt="local", stt_options={"language": "de"}))
    assert one is two, "the local engine has no options"
