"""What a session's facts say about how the call is going: a bounded fold, which yields measurements. Pure.

One process takes every fact in (persistence), so each is counted once, whichever process or program appended it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from contracts.topology import PERSISTENCE, REASONING, SUMMARIES, SYNTHESIS
from infra.metrics import table as t
from infra.metrics.metric import Counter, Histogram

MOST_HELD = 64
"""How many turns, replies and utterances of a session are held: those in progress are few."""

CUT_OFF_NS = 2_000_000_000
"""Someone who goes on this soon after their turn was taken to be over had not finished; later they may ask again."""

REACTION_NS = 200_000_000
"""Nobody reacts to what they hear sooner than that."""

NOT_ASKED = "not asked"
"""How the error of a failure begins that is another session's: the engine rests."""

VAD = "silero"
"""The engine that tells speech from silence, as EngineFailed names it."""

Measurement = tuple[Counter | Histogram, float, tuple[str, ...]]
"""A metric, what it is given, and the values of its attributes."""

T = TypeVar("T")


def record(measurement: Measurement) -> None:
    """Record a measurement in this process."""
    metric, amount, values = measurement
    if isinstance(metric, Counter):
        metric.add(amount, *values)
    else:
        metric.record(amount, *values)


def _hold(held: "OrderedDict[str, T]", key: str, value: T) -> None:
    held[key] = value
    if len(held) > MOST_HELD:
        held.popitem(last=False)


@dataclass(slots=True)
class _Turn:
    """A turn of which it is not known yet what came of it."""

    participant_id: str
    speech_ended_ns: int | None = None
    failed: bool = False


@dataclass(slots=True)
class MeasuredSession:
    """What is known of a session that is open."""

    door: str = ""
    end_of_turn: str = ""
    """Its end-of-turn model."""

    _turns: "OrderedDict[str, _Turn]" = field(default_factory=OrderedDict)
    _last: dict[str, _Turn] = field(default_factory=dict)
    """The last spoken turn of each person."""

    _heard_ns: int = 0
    """When a reply was last begun to be heard."""

    _utterances: "OrderedDict[str, tuple[int, int]]" = field(default_factory=OrderedDict)
    """When each utterance began, and when a reply had last begun to be heard by then."""

    _replies: "OrderedDict[str, str]" = field(default_factory=OrderedDict)
    """The models that write replies."""

    _openers: "OrderedDict[str, e.OpenerPlayed]" = field(default_factory=OrderedDict)
    """Openers that were heard to their end, by the turn, while it goes on."""

    def take(self, event: e.Event) -> Iterator[Measurement]:
        """Apply the session's next fact and yield what it means."""
        yield t.FACTS, 1, (type(event).__name__,)
        match event:
            case e.SessionOpened():
                self.door, self.end_of_turn = event.door, event.engines.get("end_of_turn", "").partition(" ")[0]
                yield t.OPENED, 1, (self.door,)
            case e.SessionClosed():
                yield t.CLOSED, 1, (self.door, event.reason)
                for turn_id in list(self._turns):
                    yield from self._came_of(turn_id, "unanswered")
                for turn_id in list(self._openers):
                    yield from self._kept(turn_id)
            case e.TurnEnded() | e.SpeechStarted() | e.TurnPassed() | e.PlaybackStarted() | e.PlaybackFinished():
                yield from self._about_turn(event)
            case e.PlaybackInterrupted() | e.ReplyStarted() | e.ReplyCompleted() | e.ReplyDiscarded():
                yield from self._about_reply(event)
            case e.OpenerPlayed() | e.OpenerRetracted():
                yield from self._about_opener(event)
            case e.UtteranceTranscribed() | e.ClauseSynthesized() | e.EngineFailed() | e.ToolReturned():
                yield from of_engine(event)
            case _:
                yield from of_fact(event)

    # -- turns

    def _about_turn(
        self, event: e.TurnEnded | e.SpeechStarted | e.TurnPassed | e.PlaybackStarted | e.PlaybackFinished
    ) -> Iterator[Measurement]:
        match event:
            case e.SpeechStarted():
                _hold(self._utterances, event.utterance_id, (event.time_ns, self._heard_ns))
            case e.TurnEnded():
                yield from self._ended(event)
                yield from self._kept(event.turn_id or "")
            case e.TurnPassed():
                yield from self._came_of(event.turn_id, "passed")
            case e.PlaybackFinished():
                yield from self._came_of(event.turn_id, "answered")
            case e.PlaybackStarted():
                self._heard_ns = event.heard_ns or event.time_ns
                if event.gap_ms is not None:
                    yield t.GAP, max(0.0, event.gap_ms) / 1000, (self.door,)
                for name, ms in event.parts.model_dump().items() if event.parts is not None else ():
                    yield t.GAP_PART, ms / 1000, (name.removesuffix("_ms"),)
                if event.waited_for is not None:
                    yield t.WAITED_FOR, 1, (event.waited_for,)

    def _ended(self, event: e.TurnEnded) -> Iterator[Measurement]:
        turn = _Turn(event.participant_id)
        if event.evidence is not None:
            turn.speech_ended_ns = event.evidence.speech_ended_ns
            for opinion in event.evidence.opinions:
                if opinion.elapsed_ms:
                    yield t.ENGINE_TIME, opinion.elapsed_ms / 1000, ("end_of_turn", self.end_of_turn)
        if self._was_cut_off(event):
            yield t.CUT_OFF, 1, ()
        if event.source == "speech":
            self._last[event.participant_id] = turn
        for utterance_id in event.utterance_ids:
            self._utterances.pop(utterance_id, None)
        if event.turn_id is not None:
            _hold(self._turns, event.turn_id, turn)

    def _was_cut_off(self, event: e.TurnEnded) -> bool:
        """Return whether the turn goes on with the one before it, of which nothing was answered yet."""
        before = self._last.get(event.participant_id)
        begun = next((self._utterances[u] for u in event.utterance_ids if u in self._utterances), None)
        if before is None or before.speech_ended_ns is None or begun is None:
            return False
        began_ns, heard_ns = begun
        has_heard = before.speech_ended_ns < heard_ns < began_ns - REACTION_NS
        return 0 < began_ns - before.speech_ended_ns < CUT_OFF_NS and not has_heard

    def _came_of(self, turn_id: str | None, outcome: str) -> Iterator[Measurement]:
        turn = self._turns.pop(turn_id or "", None)
        if turn is not None:
            yield t.TURNS, 1, (self.door, "failed" if turn.failed and outcome == "answered" else outcome)

    # -- openers

    def _about_opener(self, event: e.OpenerPlayed | e.OpenerRetracted) -> Iterator[Measurement]:
        """One that is heard to its end counts once its turn is over: until then the caller may go on."""
        turn_id = event.turn_id or ""
        if isinstance(event, e.OpenerRetracted):
            if self._openers.pop(turn_id, None) is not None:
                yield t.OPENERS, 1, ("retracted",)
        elif event.retracted:
            yield t.OPENERS, 1, ("retracted",)
        else:
            _hold(self._openers, turn_id, event)
            if turn_id in self._turns:
                yield from self._kept(turn_id)

    def _kept(self, turn_id: str) -> Iterator[Measurement]:
        opener = self._openers.pop(turn_id, None)
        if opener is not None:
            yield t.OPENERS, 1, ("kept",)
            if opener.gap_ms is not None:
                yield t.OPENER_GAP, max(0.0, opener.gap_ms) / 1000, ()

    # -- replies

    def _about_reply(
        self, event: e.PlaybackInterrupted | e.ReplyStarted | e.ReplyCompleted | e.ReplyDiscarded
    ) -> Iterator[Measurement]:
        match event:
            case e.ReplyStarted():
                _hold(self._replies, event.reply_id, event.model)
                if event.draft:
                    yield t.DRAFTS, 1, ()
            case e.ReplyDiscarded():
                self._replies.pop(event.reply_id, None)
                yield t.WASTED, 1, ()
            case e.PlaybackInterrupted():
                yield from self._came_of(event.turn_id, "interrupted")
            case e.ReplyCompleted():
                yield from self._written(event, self._replies.pop(event.reply_id, ""))

    def _written(self, event: e.ReplyCompleted, model: str) -> Iterator[Measurement]:
        turn = self._turns.get(event.turn_id or "")
        if turn is not None and event.finish == "failed":
            turn.failed = True
        if model:  # else no model has written it: a greeting, a remark
            yield t.ENGINE_TIME, event.elapsed_ms / 1000, ("llm", model)


def of_engine(
    event: e.UtteranceTranscribed | e.ClauseSynthesized | e.EngineFailed | e.ToolReturned,
) -> Iterator[Measurement]:
    """Yield what a fact says about an engine, or a tool."""
    match event:
        case e.UtteranceTranscribed() if event.engine:
            yield t.ENGINE_TIME, event.engine_ms / 1000, ("stt", event.engine)
        case e.ClauseSynthesized() if event.engine:
            yield t.ENGINE_TIME, event.engine_ms / 1000, ("tts", event.engine)
        case e.EngineFailed() if not event.error.startswith(NOT_ASKED):
            yield t.ENGINE_ERRORS, 1, failed_engine(event)
        case e.ToolReturned():
            outcome = event.outcome or ("failed" if event.error else "ok")
            yield t.TOOL_CALLS, 1, (event.tool, outcome)
            yield t.TOOL_TIME, event.elapsed_ms / 1000, (event.tool,)


def of_fact(event: e.Event) -> Iterator[Measurement]:
    """Yield what a fact means by itself."""
    match event:
        case e.TurnInterrupted():
            yield t.INTERRUPTIONS, 1, ("confirmed",)
        case e.InterruptionDismissed():
            yield t.INTERRUPTIONS, 1, (event.reason,)
        case e.SpeechLost():
            yield t.SPEECH_LOST, (event.end_sample - event.start_sample) / IN_SAMPLE_RATE_HZ, (event.reason,)
        case e.SoundLost():
            yield t.SOUND_LOST, event.lost_ms / 1000, (event.reason,)
        case e.PlaybackStalled():
            yield t.STALLS, 1, (event.cause,)
        case e.RecognitionFellBehind():
            yield t.FELL_BEHIND, 1, ()
        case e.RecordingStored() if event.missing_ms:
            yield t.NOT_RECORDED, event.missing_ms / 1000, ()


def failed_engine(event: e.EngineFailed) -> tuple[str, str]:
    """Return the stage and the name of an engine that failed."""
    stage = {REASONING: "llm", SYNTHESIS: "tts", PERSISTENCE: "embedding", SUMMARIES: "summary"}.get(event.actor, "stt")
    if event.engine == VAD:
        stage = "vad"
    return stage, event.engine.removeprefix("tts:")


MOST_SESSIONS = 1000
OLD_NS = 15 * 60 * 1_000_000_000
"""Facts that are older when they come are not what happens now: a consumer reads the log from its beginning."""


class MeasuredSessions:
    """Counts the facts of all sessions, in the order in which each session has them."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, MeasuredSession] = OrderedDict()

    def count(self, event: e.Event, now_ns: int) -> None:
        """Record what a fact means, unless it is old."""
        if now_ns - event.time_ns > OLD_NS:
            return
        session = self._open.setdefault(event.session_id, MeasuredSession())
        self._open.move_to_end(event.session_id)
        for measurement in session.take(event):
            record(measurement)
        if isinstance(event, e.SessionClosed):
            self._open.pop(event.session_id)
        elif len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)
