"""Sessions on a real log, full of one word that nobody else says."""

from pathlib import Path
from typing import Any

from faststream.nats import NatsBroker

from contracts import events as e
from contracts.topology import DEAD, JOURNAL, VOICE, journal_subject
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import SUBJECT_HEADER
from infra.log.event_log import append, now_ns

SECRET = "zanzibar"
PROFILE = e.AgentProfile(prompt=f"You know {SECRET}.", llm="openai:gpt-5, local", stt="local", tts="local")


def session(session_id: str, user_id: str, closed: bool = True, exchanges: int = 2) -> list[e.Event]:
    """The facts of a short conversation, words in every field that may hold them."""
    time_ns = now_ns() - 60_000_000_000
    common: dict[str, Any] = {"session_id": session_id, "time_ns": time_ns}
    said: list[e.Event] = [
        e.SessionOpened(**common, event_id=f"{session_id}-o", door="websocket", user_id=user_id, profile=PROFILE),
        e.ParticipantJoined(**common, event_id=f"{session_id}-j", participant_id="caller", name=SECRET),
        e.ParticipantJoined(**common, event_id=f"{session_id}-a", participant_id="agent", kind="agent"),
        e.TrackPublished(**common, event_id=f"{session_id}-t", track_id="t-1", participant_id="caller"),
    ]
    for n in range(exchanges):
        said += exchange(common, f"{session_id}-{n}", user_id)
    said.append(e.SummaryWritten(**common, event_id=f"{session_id}-s", summary=SECRET, topics=(SECRET,)))
    said.append(
        e.RecordingStored(
            **common,
            event_id=f"{session_id}-r",
            recording_id="r",
            codec="opus",
            sample_rate_hz=48_000,
            duration_ms=1,
            size_bytes=1,
        )
    )
    if closed:
        said.append(e.SessionClosed(**common, event_id=f"{session_id}-c", reason="hangup"))
    return said


def exchange(common: dict[str, Any], name: str, user_id: str) -> list[e.Event]:
    """One question and its answer."""
    ours = {**common, "turn_id": f"turn-{name}"}
    reply = {**ours, "reply_id": f"reply-{name}"}
    speech = {"utterance_id": f"u-{name}", "participant_id": "caller"}
    return [
        e.SpeechStarted(**ours, event_id=f"{name}-1", track_id="t-1", start_sample=1, **speech),
        e.TranscriptRevised(**ours, event_id=f"{name}-2", revision=0, text=SECRET, **speech),
        e.UtteranceTranscribed(**ours, event_id=f"{name}-3", text=SECRET, start_sample=1, end_sample=2, **speech),
        e.TurnEnded(**ours, event_id=f"{name}-4", participant_id="caller", text=f"I live in {SECRET}."),
        e.ReplyStarted(
            **reply, event_id=f"{name}-5", text=SECRET, context=(e.ContextMessage(role="user", text=SECRET),)
        ),
        e.ToolCalled(**reply, event_id=f"{name}-6", call_id="c", tool="map", arguments=f'{{"of": "{SECRET}"}}'),
        e.ToolReturned(**reply, event_id=f"{name}-7", call_id="c", tool="map", result=SECRET, error=SECRET),
        e.ReplyClauseWritten(**reply, event_id=f"{name}-8", index=0, text=SECRET),
        e.ReplyCompleted(**reply, event_id=f"{name}-9", text=SECRET, clauses=1),
        e.PlaybackFinished(**reply, event_id=f"{name}-10", heard_text=SECRET, played_samples=1),
        e.TurnRecorded(
            **reply, event_id=f"{name}-11", user_text=SECRET, written_text="", heard_text=SECRET, user_id=user_id
        ),
        e.EngineFailed(**ours, event_id=f"{name}-12", actor="x", engine="y", error=SECRET, action="z"),
    ]


async def store(broker: NatsBroker, facts: list[e.Event]) -> None:
    """Say facts, and leave all else that a session leaves behind."""
    for fact in facts:
        await append(broker, fact)
    session_id, js = facts[0].session_id, jetstream(broker)
    # Facts that this version cannot read.
    await js.publish(f"voice.{session_id}.mood.sensed", SECRET.encode(), stream=VOICE)
    await js.publish(f"voice.{session_id}.clause.synthesized", SECRET.encode(), stream=VOICE)
    subject = f"voice.{session_id}.turn.ended"
    await js.publish("dead.reasoning", SECRET.encode(), stream=DEAD, headers={SUBJECT_HEADER: subject})
    for _ in range(3):
        await js.publish(f"recording.{session_id}", b"opus of " + SECRET.encode())
    for actor in ("reasoning", "summaries"):
        await js.publish(journal_subject(session_id, actor), b"tape of " + SECRET.encode(), stream=JOURNAL)
    await connection(broker).publish(f"audio.{session_id}.in.caller", SECRET.encode())
    await connection(broker).publish(f"audio.{session_id}.out.agent", SECRET.encode())


def times_on_disk(directory: Path, words: str) -> int:
    """How often words are in the files below a directory."""
    return sum(path.read_bytes().count(words.encode()) for path in directory.rglob("*") if path.is_file())
