"""What a caller says in a call, and the call's result. Times are seconds since the caller's microphone opened."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from contracts.events import LatencyParts
from contracts.ids import derive_id
from contracts.written import put_together
from infra.caller.loudspeaker import LoudspeakerReply
from infra.caller.wav import Samples, Sound

PARTS = tuple(LatencyParts.model_fields)


@dataclass(frozen=True, slots=True)
class ScriptedUtterance:
    """Something to say. It is said when all answers have ended, or over a reply, once that has played for a while."""

    sound: Sound
    end_of_speech_sample: int | None = None
    """Where the speech ends acoustically, in the sound's rate; found by loudness if not given."""

    after_reply_ms: float | None = None
    """Say it when the reply to the last utterance has played this long: a barge-in."""


@dataclass(frozen=True, slots=True)
class SaidUtterance:
    """When an utterance was said."""

    start_s: float
    end_of_speech_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class PlayedReply:
    """A reply as the caller's loudspeaker played it; `started_at_s` is its first sample that is not silent."""

    reply_id: str
    turn_id: str
    started_at_s: float | None
    played_samples: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class MeasuredTurn:
    """One turn as the log has it, with what the caller measured."""

    turn_id: str
    text: str
    reply_id: str = ""
    reply_text: str = ""
    heard_text: str = ""
    interrupted: bool = False
    log_gap_ms: float | None = None
    """The gap as the door recorded it."""
    parts: dict[str, float] = field(default_factory=dict)
    """The parts of the recorded gap; they add up to `log_gap_ms`."""
    waited_for: str = ""
    """What was there last, `turn` or `sound`; empty if the door did not say."""
    draft: bool = False
    """The reply was begun before the turn had ended, and committed."""
    gap_ms: float | None = None
    """From the end of the utterance's sound to the first sound of this turn's reply, by the caller's clock."""
    early: bool = False
    """The reply began to sound before the caller had finished."""


@dataclass(frozen=True, slots=True)
class UnansweredUtterance:
    """An utterance that became no turn: what the recogniser made of it was no words to the agent."""

    reason: str
    """As in `UtteranceDismissed`, such as `language`."""
    text: str
    """What the engine made of it."""
    speech_ms: float
    language: str
    """The language that the engine understands, as `en`, if known."""
    heard_text: str
    """What the caller was told of it, as far as it was heard; empty if nothing."""


@dataclass(slots=True)
class CallResult:
    """A call: whose session it was, what was said, heard and measured."""

    session_id: str
    rate_hz: int
    """Rate of the agent's sound."""
    resume_token: str = ""
    """With it another call can resume the session; WebSocket door."""
    began_ns: int = 0
    """When the microphone opened, time 0 of all other times: Unix epoch ns of the caller's machine."""
    said: list[SaidUtterance] = field(default_factory=list)
    replies: list[PlayedReply] = field(default_factory=list)
    turns: list[MeasuredTurn] = field(default_factory=list)
    unanswered: list[UnansweredUtterance] = field(default_factory=list)
    """What was said and became no turn."""
    facts: list[dict[str, Any]] = field(default_factory=list)
    """Every fact of the session that the door sent, as `{"name", "sequence", "data"}`."""
    errors: list[str] = field(default_factory=list)
    seconds: float = 0
    connect_s: float = 0
    """Time from the first attempt to connect until the microphone was open, time 0 of all other times."""
    answer: Sound = field(default_factory=lambda: Sound(np.zeros(0, np.int16), 24_000))
    """The agent's sound as it was heard, from the moment the microphone opened."""
    buffered_s: list[tuple[float, float]] = field(default_factory=list)
    """Up to a time, how long sound had waited in the caller's jitter buffer before it was heard; rooms."""


def answer_sound(replies: list[LoudspeakerReply], rate_hz: int, seconds: float) -> Sound:
    """Return what was heard, each piece at its time."""
    line: Samples = np.zeros(max(0, round(seconds * rate_hz)), np.int16)
    for reply in replies:
        samples = reply.samples()
        for piece in reply.segments:
            at = round(piece.at_s * rate_hz)
            sound = samples[piece.first : piece.first + piece.count][: max(0, len(line) - at)]
            line[at : at + len(sound)] = sound
    return Sound(line, rate_hz)


def turns_of(facts: list[dict[str, Any]], said: list[SaidUtterance], replies: list[PlayedReply]) -> list[MeasuredTurn]:
    """Assemble the session's turns from its facts and the caller's measurements."""
    turns = [_turn(fact["data"], facts) for fact in facts if fact["name"] == "TurnEnded"]
    return [_measured(turn, said, replies) for turn in turns]


def unanswered_of(facts: list[dict[str, Any]]) -> list[UnansweredUtterance]:
    """Return the utterances that became no turn, from the session's facts."""
    dismissed = [fact["data"] for fact in facts if fact["name"] == "UtteranceDismissed"]
    return [
        UnansweredUtterance(
            reason=str(data["reason"]),
            text=str(data.get("text", "")),
            speech_ms=float(data.get("speech_ms", 0)),
            language=str(data.get("language", "")),
            heard_text=_told_of(str(data.get("event_id", "")), facts),
        )
        for data in dismissed
    ]


def _told_of(event_id: str, facts: list[dict[str, Any]]) -> str:
    """Return what was heard of the reply to an utterance that was dismissed; empty if there was none."""
    turn_id = derive_id(event_id, "turn")
    ends = (fact["data"] for fact in facts if fact["name"] in ("PlaybackFinished", "PlaybackInterrupted"))
    return next((str(data["heard_text"]) for data in ends if data.get("turn_id") == turn_id), "")


def _turn(ended: dict[str, Any], facts: list[dict[str, Any]]) -> MeasuredTurn:
    turn_id = str(ended.get("turn_id") or "")
    mine = [fact for fact in facts if fact["data"].get("turn_id") == turn_id]
    discarded = {fact["data"]["reply_id"] for fact in mine if fact["name"] == "ReplyDiscarded"}
    started = [fact["data"]["reply_id"] for fact in mine if fact["name"] == "ReplyStarted"]
    kept = [reply_id for reply_id in started if reply_id not in discarded]
    if not kept:
        return MeasuredTurn(turn_id, str(ended["text"]))
    of_reply = {
        fact["name"]: fact["data"] for fact in facts if fact["data"].get("reply_id") == kept[-1]
    }  # the last of each kind
    playback = of_reply.get("PlaybackStarted", {})
    clauses = [fact["data"] for fact in mine if fact["name"] == "ReplyClauseWritten"]
    written = put_together(str(clause["text"]) for clause in clauses if clause["reply_id"] == kept[-1])
    end = of_reply.get("PlaybackInterrupted") or of_reply.get("PlaybackFinished") or {}
    return MeasuredTurn(
        turn_id=turn_id,
        text=str(ended["text"]),
        reply_id=kept[-1],
        reply_text=str(of_reply.get("ReplyCompleted", {}).get("text") or written),
        heard_text=str(end.get("heard_text", "")),
        interrupted="PlaybackInterrupted" in of_reply,
        log_gap_ms=playback.get("gap_ms"),
        parts={part: float((playback.get("parts") or {}).get(part, 0)) for part in PARTS}
        if playback.get("parts")
        else {},
        waited_for=str(playback.get("waited_for") or ""),
        draft="ReplyCommitted" in of_reply,
    )


def _measured(turn: MeasuredTurn, said: list[SaidUtterance], replies: list[PlayedReply]) -> MeasuredTurn:
    reply = next((reply for reply in replies if reply.reply_id == turn.reply_id), None)
    if reply is None or reply.started_at_s is None:
        return turn
    before = [utterance for utterance in said if utterance.start_s <= reply.started_at_s]
    if not before:
        return turn
    gap_ms = (reply.started_at_s - before[-1].end_of_speech_s) * 1000
    return replace(turn, gap_ms=round(gap_ms, 1), early=gap_ms < 0)
