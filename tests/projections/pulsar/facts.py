"""Made-up conversations, and putting them into the log quickly."""

import asyncio
from collections.abc import Iterable

from faststream.nats import NatsBroker

from contracts import events as e
from contracts.codec import encode
from contracts.topology import VOICE, subject_of
from infra.log.connection import jetstream

PROFILE = e.AgentProfile(prompt="Be brief.", llm="local", stt="local", tts="local")
BEGAN_NS = 1_800_000_000_000_000_000
SIDE_BY_SIDE = 200


def conversation(session: str, turns: int = 1, text: str = "hello there") -> list[e.Event]:
    """A call: 4 facts, and 9 for each turn."""
    facts: list[e.Event] = []

    def add(event_class: type[e.Event], **fields: object) -> None:
        n = len(facts)
        common = {"event_id": f"{session}-{n}", "session_id": session, "time_ns": BEGAN_NS + n * 1_000_000}
        facts.append(event_class.model_validate(common | fields))

    add(e.SessionOpened, door="websocket", user_id="sam", profile=PROFILE)
    add(e.ParticipantJoined, participant_id="p1", name="Sam")
    add(e.TrackPublished, track_id="t1", participant_id="p1")
    for turn in range(turns):
        whose = {"turn_id": f"{session}-turn-{turn}"}
        reply = whose | {"reply_id": f"{session}-reply-{turn}"}
        add(e.TranscriptRevised, **whose, utterance_id="u", participant_id="p1", revision=0, text=text)
        add(e.TurnEnded, **whose, participant_id="p1", text=text)
        add(e.ReplyStarted, **reply, text=text, model="local")
        add(e.ReplyClauseWritten, **reply, index=0, text=text)
        add(e.ClauseSynthesized, **reply, index=0, text=text, samples=24000, sample_rate_hz=24000)
        add(e.ReplyCompleted, **reply, text=text, clauses=1)
        add(e.PlaybackStarted, **reply, gap_ms=512.5, parts=e.LatencyParts(endpointing_ms=400))
        add(e.PlaybackFinished, **reply, heard_text=text, played_samples=24000)
        add(e.TurnRecorded, **reply, user_text=text, written_text=text, heard_text=text, gap_ms=512.5)
    add(e.SessionClosed, reason="hangup")
    return facts


async def say_all(broker: NatsBroker, facts: Iterable[e.Event]) -> None:
    """Put facts into the log, many at a time; one session's may change places."""
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def say_one(fact: e.Event) -> None:
        async with room:
            headers = {"Nats-Msg-Id": fact.event_id}
            await jetstream(broker).publish(subject_of(fact), encode(fact), 20, stream=VOICE, headers=headers)

    await asyncio.gather(*(say_one(fact) for fact in facts))
