"""Every event that answers another keeps the id that earlier versions gave it.

A handler that runs again, in whatever version, then makes the same event, and the log stores it once.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from actors.persistence.embedding import embedding_failed
from actors.persistence.record import record_of
from actors.persistence.session_state import SessionState as PersistenceState
from actors.reasoning.addressee import NotForUs, turn_passed
from actors.synthesis.clause_synthesis import failed, synthesized
from actors.synthesis.framing import ClauseFrames
from actors.transcript.track_events import TrackEvents
from bridge.call import session_events
from bridge.call.session_state import SessionState as CallState
from bridge.call.typed_turns import TypedTurns
from bridge.http.chat.session_events import ReadingFacts, opening_facts
from bridge.playback.course import Count, PlaybackStopped, WentOn
from bridge.playback.events import PlaybackFacts
from bridge.playback.reply import Hold, ReplyPlayback
from contracts import events as e
from contracts.ids import derive_id
from infra.engines.chain import EngineFailure
from infra.engines.embedding import EmbeddingFailed
from infra.erasure.skeleton import in_parts
from infra.settings import Settings

RECORDED = Path(__file__).parent / "data" / "event_ids.json"
"""By the maker of the event: its class, event_id, cause_id and turn_id."""

T = 1_780_000_000 * 10**9
STARTED = e.SpeechStarted(
    event_id="started-1",
    session_id="s-1",
    time_ns=T,
    cause_id="track-event-1",
    turn_id="turn-1",
    utterance_id="t-1-320",
    track_id="t-1",
    participant_id="p-1",
    start_sample=320,
)
TRACK = e.TrackPublished(event_id="track-event-1", session_id="s-1", time_ns=T, track_id="t-1", participant_id="p-1")
TURN = e.TurnEnded(
    event_id="ended-1", session_id="s-1", time_ns=T, turn_id="turn-1", participant_id="p-1", text="hello", source="text"
)
CLAUSE = e.ReplyClauseWritten(
    event_id="clause-1", session_id="s-1", time_ns=T, turn_id="turn-1", reply_id="reply-1", index=2, text="Yes."
)
REPLY = e.ReplyStarted(
    event_id="reply-event-1", session_id="s-1", time_ns=T, turn_id="turn-1", reply_id="reply-1", text="hello"
)


def test_ids_are_those_that_were_recorded() -> None:
    recorded = json.loads(RECORDED.read_text())
    made = {
        maker: [type(event).__name__, event.event_id, event.cause_id, event.turn_id] for maker, event in everything()
    }
    assert made == recorded


def everything() -> Iterator[tuple[str, e.Event]]:
    """Yield an event of every maker, with the maker's name."""
    for maker, events in (
        ("transcript", transcript()),
        ("playback", playback()),
        ("call", call()),
        ("chat", chat()),
        ("actors", actors()),
        ("erasure", in_parts("s-1", [ERASED], "asked", T, 3)),
    ):
        for n, event in enumerate(events):
            yield f"{maker} {n} {type(event).__name__}", event


ERASED = e.ErasedFact(sequence=1, event="TurnEnded", event_id="ended-1", time_ns=T)


def transcript() -> Iterator[e.Event]:
    track = TrackEvents(TRACK)
    yield track.speech_started(320, "turn-1", None)
    yield track.revised(STARTED, 3, "hello", False, None)
    yield track.speech_ended(STARTED, 640, T)
    yield track.transcribed(STARTED, 640, "hello", None)
    yield track.speech_lost(STARTED, 320, 640, "engine")
    yield track.utterance_dismissed(STARTED, 640, None)
    evidence = e.TurnEvidence(silence_ms=500, required_silence_ms=400, speech_ended_ns=T, text_ready_ns=T)
    yield track.turn_ended(STARTED, [STARTED], "hello", evidence)
    yield track.turn_interrupted(STARTED, "reply-1", 300, "stop")
    yield track.interruption_dismissed(STARTED, "reply-1", "backchannel", 300, "mhm")
    yield track.echo_heard(320, "reply-1")


def playback() -> Iterator[e.Event]:
    facts = PlaybackFacts("s-1")
    reply = ReplyPlayback("reply-1", "turn-1", cause_id="cause-1")
    yield facts.started(reply, [], Count(320, T), T, estimated=False)
    yield facts.changed(reply, PlaybackStopped(320, T, "door"), T)
    yield facts.changed(reply, WentOn(320, T + 5, T), T)
    pause = Hold("speech-1", T, "barge-in")
    yield facts.paused(reply, pause, T)
    yield facts.resumed(reply, pause, "dismissed-1", T)
    yield facts.interrupted(reply, pause, 320, T)
    yield facts.interrupted(reply, Hold("", T, "session-closed"), 320, T)
    yield facts.finished(reply, T)
    yield facts.finished(ReplyPlayback("reply-2"), T)


def call() -> Iterator[e.Event]:
    settings = Settings(_env_file=None)
    yield session_events.session_opened("s-1", "websocket", "sam", settings, T)
    yield session_events.joined("s-1", "p-1", "person", "Sam", T, 2)
    yield session_events.left("s-1", "p-1", "left", T, 2)
    yield session_events.published("s-1", "t-1", "p-1", T)
    yield session_events.published("s-1", "t-1", "p-1", T, 1)
    yield session_events.unpublished("s-1", "t-1", "p-1", 320, "left", T)
    yield session_events.sound_lost("s-1", "t-1", "p-1", (320, 640), 20, "flood", T)
    state = CallState()
    state.open_tracks["t-2"] = "p-2"
    yield from session_events.left_open("s-1", state, T)
    yield from session_events.closing_events("s-1", [("p-1", 1), ("agent", 0)], "hangup", T)
    turns = TypedTurns("s-1")
    message_id = turns.message_id("p-1", "message-1")
    interrupted = turns.take("p-1", "hello", "reply-1", T, message_id, "message-1")
    assert interrupted is not None
    yield interrupted
    yield from turns.due(stopping=False)


def chat() -> Iterator[e.Event]:
    yield from opening_facts("s-1", "sam", Settings(_env_file=None), T)
    reading = ReadingFacts(REPLY)
    yield reading.started(T)
    yield reading.finished("Yes.", T)
    yield reading.stopped(T)
    yield reading.interrupted("Yes.", 0, "left", T)


def actors() -> Iterator[e.Event]:
    yield turn_passed(TURN, NotForUs("unnamed"), T)
    yield failed(CLAUSE, 4, EngineFailure("piper", "broken", "tried the next"))
    yield synthesized(CLAUSE, ClauseFrames("reply-1", 2, "Yes.", 24_000), 5, T)
    played = e.PlaybackFinished(
        event_id="played-1",
        session_id="s-1",
        time_ns=T,
        turn_id="turn-1",
        reply_id="reply-1",
        heard_text="Yes.",
        played_samples=320,
    )
    record = record_of(PersistenceState(), played, T)
    assert record is not None
    yield record
    yield embedding_failed(record, None, EmbeddingFailed("away"), T)


def test_what_may_happen_again_to_a_track_is_numbered_by_its_time() -> None:
    track = TrackEvents(TRACK)
    for event, name in (
        (track.hearing_restarted("killed"), "HearingRestarted"),
        (track.fell_behind(2, "skipped"), "RecognitionFellBehind"),
    ):
        assert event.event_id == derive_id(TRACK.event_id, name, event.time_ns)
