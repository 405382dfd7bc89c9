"""What the facts of a session mean in metrics: each is counted once, with what came of it."""

from collections import defaultdict
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import events as e
from contracts.profile import AgentProfile
from contracts.topology import EVENT_CLASSES, PERSISTENCE, REASONING, SUMMARIES, SYNTHESIS, TRANSCRIPT
from infra.metrics import table as t
from infra.metrics.metric import AnyMetric
from infra.metrics.sessions import MOST_HELD, OLD_NS, MeasuredSession, MeasuredSessions
from tests.infra.metrics.measured import read_metrics

EventT = TypeVar("EventT", bound=e.Event)

MS = 1_000_000
NOW_NS = 1_764_000_000_000_000_000
PROFILE = AgentProfile(prompt="", llm="local", stt="local", tts="local")


class Session:
    """Makes a session's facts: `at_ms` since it was opened, of turn `turn`."""

    def __init__(self) -> None:
        self._number = count()
        self.session = MeasuredSession()

    def fact(self, event: type[EventT], at_ms: float = 0, turn: str | None = "t1", **fields: Any) -> EventT:
        return event(
            event_id=f"e{next(self._number)}",
            session_id="s-1",
            time_ns=NOW_NS + int(at_ms * MS),
            turn_id=turn,
            **fields,
        )

    def take(self, event: type[EventT], at_ms: float = 0, turn: str | None = "t1", **fields: Any) -> dict[Any, Any]:
        """Return what the session's next fact adds to which series."""
        fact = self.fact(event, at_ms, turn, **fields)
        added: dict[Any, float] = defaultdict(float)
        for metric, amount, values in self.session.take(fact):
            added[metric, *values] += amount
        return added

    def opened(self, door: str = "websocket") -> dict[Any, Any]:
        return self.take(e.SessionOpened, turn=None, door=door, user_id="", profile=PROFILE)

    def spoken(self, turn: str, began_ms: float, ended_ms: float, committed_ms: float) -> dict[Any, Any]:
        """Speak one utterance, and end the turn with it."""
        named: dict[str, Any] = {"participant_id": "p-1"}
        self.take(e.SpeechStarted, began_ms, turn, utterance_id=f"u-{turn}", track_id="mic", start_sample=0, **named)
        evidence = e.TurnEvidence(
            silence_ms=committed_ms - ended_ms,
            required_silence_ms=400,
            speech_ended_ns=NOW_NS + int(ended_ms * MS),
            text_ready_ns=NOW_NS + int(ended_ms * MS),
        )
        return self.take(
            e.TurnEnded, committed_ms, turn, text="", utterance_ids=(f"u-{turn}",), evidence=evidence, **named
        )

    def heard(self, turn: str, at_ms: float, **fields: Any) -> dict[Any, Any]:
        return self.take(e.PlaybackStarted, at_ms, turn, reply_id=f"r-{turn}", **fields)


@pytest.fixture
def session() -> Session:
    made = Session()
    made.opened()
    return made


def test_the_gap_and_its_parts_are_those_of_the_fact(session: Session) -> None:
    session.spoken("t1", 0, 1000, 1400)
    parts = e.LatencyParts(endpointing_ms=400, first_audio_ms=120, playback_ms=30)
    measured = session.heard("t1", 1550, gap_ms=550.0, parts=parts, waited_for="sound")
    assert measured[t.WAITED_FOR, "sound"] == 1
    assert measured[t.GAP, "websocket"] == 0.55
    of_parts = {key[1]: amount for key, amount in measured.items() if key[0] is t.GAP_PART}
    assert of_parts == {
        "endpointing": 0.4,
        "vad": 0,
        "stt": 0,
        "first_token": 0,
        "clause": 0,
        "first_audio": 0.12,
        "bus": 0,
        "playback": 0.03,
    }
    assert sum(of_parts.values()) == pytest.approx(0.55)


def test_a_typed_turn_has_no_gap(session: Session) -> None:
    session.take(e.TurnEnded, participant_id="p-1", text="", source="text")
    assert not any(key[0] in (t.GAP, t.GAP_PART) for key in session.heard("t1", 10))


@pytest.mark.parametrize(
    ("event", "fields", "outcome"),
    [
        (e.PlaybackFinished, {"reply_id": "r-t1", "heard_text": "", "played_samples": 1}, "answered"),
        (e.PlaybackInterrupted, {"reply_id": "r-t1", "heard_text": "", "played_samples": 1}, "interrupted"),
        (e.TurnPassed, {"participant_id": "p-1", "reason": "unnamed"}, "passed"),
        (e.SessionClosed, {"reason": "hangup"}, "unanswered"),
    ],
)
def test_a_turn_is_counted_once_with_what_came_of_it(
    session: Session, event: type[e.Event], fields: dict[str, Any], outcome: str
) -> None:
    ended = session.spoken("t1", 0, 1000, 1400)
    assert not any(key[0] is t.TURNS for key in ended)
    assert session.take(event, 2000, **fields)[t.TURNS, "websocket", outcome] == 1
    assert not any(key[0] is t.TURNS for key in session.take(event, 2100, **fields))


def test_a_turn_that_is_answered_with_an_apology_has_failed(session: Session) -> None:
    session.spoken("t1", 0, 1000, 1400)
    session.take(e.ReplyCompleted, 1500, reply_id="r-t1", text="Sorry.", clauses=1, finish="failed")
    played = session.take(e.PlaybackFinished, 2000, reply_id="r-t1", heard_text="Sorry.", played_samples=1)
    assert played[t.TURNS, "websocket", "failed"] == 1


def test_a_greeting_is_no_turn(session: Session) -> None:
    played = session.take(e.PlaybackFinished, 900, None, reply_id="r-0", heard_text="Hello.", played_samples=1)
    assert not any(key[0] is t.TURNS for key in played)


def test_who_goes_on_before_hearing_an_answer_was_cut_off(session: Session) -> None:
    session.spoken("t1", 0, 1000, 1400)
    assert session.spoken("t2", 1600, 3000, 3400)[t.CUT_OFF,] == 1


def test_who_goes_on_just_as_the_answer_begins_was_cut_off(session: Session) -> None:
    session.spoken("t1", 0, 1000, 1400)
    session.heard("t1", 1550)
    assert session.spoken("t2", 1650, 3000, 3400)[t.CUT_OFF,] == 1


@pytest.mark.parametrize(
    ("heard_ms", "began_ms"),
    [(1550, 2200), (None, 3100)],
    ids=["they interrupt what they hear", "they ask again after a long silence"],
)
def test_who_heard_the_answer_or_asks_again_was_not_cut_off(
    session: Session, heard_ms: float | None, began_ms: float
) -> None:
    session.spoken("t1", 0, 1000, 1400)
    if heard_ms is not None:
        session.heard("t1", heard_ms)
    assert (t.CUT_OFF,) not in session.spoken("t2", began_ms, began_ms + 1000, began_ms + 1400)


def test_another_person_who_speaks_is_not_the_one_who_went_on(session: Session) -> None:
    session.spoken("t1", 0, 1000, 1400)
    named: dict[str, Any] = {"participant_id": "p-2"}
    session.take(e.SpeechStarted, 1600, "t2", utterance_id="u-2", track_id="mic2", start_sample=0, **named)
    ended = session.take(e.TurnEnded, 3400, "t2", text="", utterance_ids=("u-2",), **named)
    assert (t.CUT_OFF,) not in ended


def test_drafts_and_those_in_vain(session: Session) -> None:
    begun = session.take(e.ReplyStarted, reply_id="r-1", draft=True, text="", model="local")
    assert begun[t.DRAFTS,] == 1
    assert session.take(e.ReplyDiscarded, reply_id="r-1")[t.WASTED,] == 1
    assert (t.DRAFTS,) not in session.take(e.ReplyStarted, reply_id="r-2", text="", model="local")


def test_how_long_each_engine_took(session: Session) -> None:
    span: dict[str, Any] = {"utterance_id": "u-1", "participant_id": "p-1", "start_sample": 0, "end_sample": 16_000}
    heard = session.take(e.UtteranceTranscribed, text="", engine="deepgram.STT", engine_ms=90, **span)
    assert heard[t.ENGINE_TIME, "stt", "deepgram.STT"] == 0.09
    said = session.take(
        e.ClauseSynthesized,
        reply_id="r",
        index=0,
        text="",
        samples=1,
        sample_rate_hz=24_000,
        engine="piper",
        engine_ms=60,
    )
    assert said[t.ENGINE_TIME, "tts", "piper"] == 0.06
    session.take(e.ReplyStarted, reply_id="r-1", text="", model="openai:gpt-4o-mini")
    written = session.take(e.ReplyCompleted, reply_id="r-1", text="", clauses=1, elapsed_ms=700)
    assert written[t.ENGINE_TIME, "llm", "openai:gpt-4o-mini"] == 0.7


@pytest.mark.parametrize(
    ("actor", "engine", "stage", "shown"),
    [
        (TRANSCRIPT, "deepgram.STT", "stt", "deepgram.STT"),
        (TRANSCRIPT, "silero", "vad", "silero"),
        (REASONING, "openai:gpt-4o-mini", "llm", "openai:gpt-4o-mini"),
        (SYNTHESIS, "tts:cartesia.TTS", "tts", "cartesia.TTS"),
        (PERSISTENCE, "local", "embedding", "local"),
        (SUMMARIES, "local", "summary", "local"),
    ],
)
def test_an_engine_that_failed(session: Session, actor: str, engine: str, stage: str, shown: str) -> None:
    failed = session.take(e.EngineFailed, actor=actor, engine=engine, error="TimeoutError: silent", action="used local")
    assert failed[t.ENGINE_ERRORS, stage, shown] == 1


def test_an_engine_that_rests_has_not_failed_again(session: Session) -> None:
    from infra.engines.chain import PASSED_OVER

    passed_over = session.take(e.EngineFailed, actor=REASONING, engine="local", error=PASSED_OVER, action="")
    assert not any(key[0] is t.ENGINE_ERRORS for key in passed_over)


def test_tools_by_what_came_of_them(session: Session) -> None:
    named: dict[str, Any] = {"reply_id": "r-1", "call_id": "c-1", "tool": "book"}
    timed_out = session.take(e.ToolReturned, elapsed_ms=5000, outcome="timed-out", error="late", **named)
    assert timed_out[t.TOOL_CALLS, "book", "timed-out"] == 1
    assert timed_out[t.TOOL_TIME, "book"] == 5.0
    old = session.take(e.ToolReturned, error="broken", **named)  # as a build wrote it that knew no outcomes
    assert old[t.TOOL_CALLS, "book", "failed"] == 1


def test_what_callers_suffered(session: Session) -> None:
    place: dict[str, Any] = {"track_id": "mic", "participant_id": "p-1", "start_sample": 8_000, "end_sample": 24_000}
    lost = session.take(e.SpeechLost, utterance_id="u-1", reason="overload", **place)
    assert lost[t.SPEECH_LOST, "overload"] == 1.0
    assert session.take(e.SoundLost, lost_ms=2500, reason="log-away", **place)[t.SOUND_LOST, "log-away"] == 2.5
    recording: dict[str, Any] = {"recording_id": "r", "codec": "opus", "sample_rate_hz": 48_000, "size_bytes": 1}
    stored = session.take(e.RecordingStored, duration_ms=60_000, missing_ms=1500, **recording)
    assert stored[(t.NOT_RECORDED,)] == 1.5
    stalled = session.take(e.PlaybackStalled, reply_id="r-1", played_samples=1, cause="late-sound")
    assert stalled[t.STALLS, "late-sound"] == 1
    over: dict[str, Any] = {"participant_id": "p-1", "reply_id": "r-1"}
    assert session.take(e.TurnInterrupted, **over)[t.INTERRUPTIONS, "confirmed"] == 1
    dismissed = session.take(e.InterruptionDismissed, utterance_id="u-2", reason="backchannel", **over)
    assert dismissed[t.INTERRUPTIONS, "backchannel"] == 1


def test_every_fact_is_counted_by_its_class() -> None:
    assert set(t.EVENT.values) == {event.__name__ for event in EVENT_CLASSES.values()}


def test_sessions_are_told_apart_and_forgotten_when_they_close() -> None:
    sessions, made = MeasuredSessions(), Session()
    with read_metrics() as read:
        for fact in (
            made.fact(e.SessionOpened, turn=None, door="http", user_id="", profile=PROFILE),
            made.fact(e.SessionClosed, 10, None, reason="moderation"),
            made.fact(e.SessionClosed, 20, None, reason="hangup"),  # of a session that is not known
        ):
            sessions.count(fact, fact.time_ns)
        assert read.of(t.OPENED, door="http") == 1
        assert read.of(t.CLOSED, door="http", reason="moderation") == 1
        assert read.of(t.CLOSED, reason="hangup") == 1


def test_old_facts_are_not_what_happens_now() -> None:
    sessions, made = MeasuredSessions(), Session()
    old = made.fact(e.SessionOpened, turn=None, door="http", user_id="", profile=PROFILE)
    with read_metrics() as read:
        sessions.count(old, old.time_ns + OLD_NS + 1)
        assert read.of(t.FACTS) == 0
        sessions.count(old, old.time_ns + OLD_NS)
        assert read.of(t.FACTS, event="SessionOpened") == 1


@given(st.lists(st.sampled_from(["spoken", "started", "heard", "finished", "speech"]), max_size=3 * MOST_HELD))
def test_what_is_held_of_a_session_is_bounded_and_each_turn_counts_once(steps: list[str]) -> None:
    made, counted, ended = Session(), 0, 0
    made.opened()
    for number, step in enumerate(steps):
        at_ms, turn = number * 5000.0, f"t{number}"
        match step:
            case "spoken":
                made.spoken(turn, at_ms, at_ms + 100, at_ms + 200)
                ended += 1
            case "speech":
                started: dict[str, Any] = {"utterance_id": f"u-{turn}", "track_id": "mic", "participant_id": "p-1"}
                made.take(e.SpeechStarted, at_ms, turn, start_sample=0, **started)
            case "started":
                made.take(e.ReplyStarted, at_ms, turn, reply_id=f"r-{turn}", text="")
            case "heard":
                made.heard(turn, at_ms)
            case "finished":
                before = f"t{number - 1}"
                played: dict[str, Any] = {"reply_id": f"r-{before}", "heard_text": "", "played_samples": 1}
                counted += turns_in(made.take(e.PlaybackFinished, at_ms, before, **played))
    held = made.session
    assert max(len(held._turns), len(held._utterances), len(held._replies)) <= MOST_HELD
    counted += turns_in(made.take(e.SessionClosed, 1e9, None, reason="hangup"))
    assert counted <= ended
    assert counted >= min(ended, MOST_HELD)


def turns_in(measured: dict[tuple[AnyMetric, ...], float]) -> int:
    return round(sum(amount for key, amount in measured.items() if key[0] is t.TURNS))


OPENER: dict[str, Any] = {"reply_id": "o", "text": "Well,", "played_samples": 2_400, "sample_rate_hz": 24_000}


def test_an_opener_that_is_broken_off_was_taken_back() -> None:
    session = Session()
    added = session.take(e.OpenerPlayed, gap_ms=250, retracted=True, **OPENER)
    assert added[t.OPENERS, "retracted"] == 1
    assert (t.OPENER_GAP,) not in added
    again = session.take(e.OpenerRetracted, reply_id="o", participant_id="p-1", went_on_ns=NOW_NS)
    assert (t.OPENERS, "retracted") not in again


def test_an_opener_counts_as_kept_once_its_turn_is_over() -> None:
    session = Session()
    heard = session.take(e.OpenerPlayed, gap_ms=250, **OPENER)
    assert (t.OPENERS, "kept") not in heard
    over = session.take(e.TurnEnded, participant_id="p-1", text="hi")
    assert (over[t.OPENERS, "kept"], over[(t.OPENER_GAP,)]) == (1, 0.25)


def test_an_opener_that_is_heard_out_after_its_turn_was_kept() -> None:
    session = Session()
    session.take(e.TurnEnded, participant_id="p-1", text="hi")
    assert session.take(e.OpenerPlayed, gap_ms=250, **OPENER)[t.OPENERS, "kept"] == 1


def test_an_opener_after_whose_end_the_caller_goes_on_was_a_false_start() -> None:
    session = Session()
    session.take(e.OpenerPlayed, gap_ms=250, **OPENER)
    added = session.take(e.OpenerRetracted, reply_id="o", participant_id="p-1", went_on_ns=NOW_NS)
    assert added[t.OPENERS, "retracted"] == 1
    over = session.take(e.TurnEnded, participant_id="p-1", text="hi")
    assert (t.OPENERS, "kept") not in over
