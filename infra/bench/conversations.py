"""Generated conversations of any number of facts: what a real one leaves in the log, without anybody talking."""

import random
from array import array
from collections.abc import Iterator

from contracts import events as e
from contracts.ids import derive_id

TURN_NS = 6_000_000_000
TEXT = (
    "I would like to know what the weather is going to be on Sunday and if we could go for a walk by the lake with my "
    "sister and her dog who likes owls and old books about trains or maybe play chess in the garden"
)
WORDS = TEXT.split()


def conversations(
    facts: int, seed: int = 1, dimensions: int = 256, start_ns: int = 1_795_000_000 * 10**9
) -> Iterator[e.Event]:
    """Yield so many facts of conversations of 20 turns, one after the other; the same for the same arguments."""
    chance = random.Random(seed)
    number = 0
    left = facts
    while left > 0:
        for event in _conversation(chance, f"made-{seed}-{number}", start_ns, 20, dimensions):
            yield event
            left -= 1
            if not left:
                return
        number += 1
        start_ns += 60 * 10**9


def _conversation(chance: random.Random, session: str, start_ns: int, turns: int, dimensions: int) -> Iterator[e.Event]:
    user = f"user-{chance.randrange(200)}"
    profile = e.AgentProfile(prompt="You are a friendly voice assistant.", llm="local", stt="local", tts="local")
    yield e.SessionOpened(
        event_id=f"{session}:opened", session_id=session, time_ns=start_ns, door="websocket", user_id=user,
        profile=profile,
    )  # fmt: skip
    for number in range(turns):
        yield from _turn(chance, session, user, number, start_ns + number * TURN_NS, dimensions)
    end_ns = start_ns + turns * TURN_NS
    yield e.SessionClosed(event_id=f"{session}:closed", session_id=session, time_ns=end_ns, reason="hangup")
    yield e.SummaryWritten(
        event_id=f"{session}:summary", session_id=session, time_ns=end_ns, summary=_text(chance, 30),
        topics=("walks", "owls"), sentiment="positive", turns=turns, model="none", action_items=("buy bread",),
    )  # fmt: skip


def _turn(
    chance: random.Random, session: str, user: str, number: int, at_ns: int, dimensions: int
) -> Iterator[e.Event]:
    turn, reply = derive_id(f"{session}:{number}", "turn"), derive_id(f"{session}:{number}", "reply")
    asked, answered = _text(chance, 12), _text(chance, 24)
    count = 0

    def common() -> dict[str, object]:
        nonlocal count
        count += 1
        return {
            "event_id": derive_id(turn, "made", count),
            "session_id": session,
            "time_ns": at_ns + count * 90_000_000,
            "cause_id": turn,
            "turn_id": turn,
        }

    def make(event_class: type[e.Event], **fields: object) -> e.Event:
        return event_class.model_validate({**common(), **fields})

    heard = {"participant_id": "person", "utterance_id": f"{turn}-u"}
    yield make(e.SpeechStarted, **heard, track_id="mic", start_sample=number * 96_000)
    words = asked.split()
    for revision in range(3):
        yield make(e.TranscriptRevised, **heard, revision=revision, text=" ".join(words[: 4 * (revision + 1)]))
    span = {"start_sample": number * 96_000, "end_sample": number * 96_000 + 48_000}
    yield make(e.SpeechEnded, **heard, **span, track_id="mic", speech_ended_ns=at_ns)
    yield make(e.ReplyStarted, reply_id=reply, draft=True, text=asked, model="local")
    yield make(e.UtteranceTranscribed, **heard, **span, text=asked, engine="moonshine", engine_ms=81.5)
    yield make(e.TurnEnded, participant_id="person", utterance_ids=[f"{turn}-u"], text=asked)
    yield make(e.ReplyCommitted, reply_id=reply)
    for index in range(3):
        clause = " ".join(answered.split()[8 * index : 8 * index + 8])
        yield make(e.ReplyClauseWritten, reply_id=reply, index=index, text=clause)
        yield make(e.ClauseSynthesized, reply_id=reply, index=index, text=clause, samples=48_000, sample_rate_hz=24_000)
    yield make(e.ReplyCompleted, reply_id=reply, text=answered, clauses=3, first_token_ms=64.25, elapsed_ms=700)
    ms = {"endpointing_ms": 400, "stt_ms": 20, "first_token_ms": 60, "first_audio_ms": 80, "bus_ms": 8}
    parts = e.LatencyParts.model_validate({**ms, "playback_ms": 30})
    gap = {"gap_ms": 598.0, "parts": parts}
    yield make(e.PlaybackStarted, reply_id=reply, **gap)
    yield make(e.PlaybackFinished, reply_id=reply, heard_text=answered, played_samples=144_000)
    embedding = array("f", (chance.gauss(0, 1) for _ in range(dimensions))).tobytes()
    said = {"user_text": asked, "written_text": answered, "heard_text": answered, "user_id": user}
    yield make(
        e.TurnRecorded, reply_id=reply, **said, **gap, turn_ended_ns=at_ns, embedding=embedding, embedding_model="made"
    )


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(words)).capitalize() + "."
