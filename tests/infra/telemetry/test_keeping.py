"""Which traces leave a process: a share, and every turn that was slow, interrupted or failed."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanContext, TraceFlags

from contracts import events as e
from infra.telemetry.keeping import IDLE_S, LATE_S, Keeping, is_in_share
from infra.telemetry.traces import begun, ended, note_error
from infra.telemetry.turns import context_in, trace_id_of
from infra.telemetry.verdicts import Verdict, verdict_of

SESSION = "20261122-183015-9f2c1ab4"


class Sent(SpanProcessor):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.names.append(span.name)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keeping(clock: Clock, monkeypatch: pytest.MonkeyPatch, ratio: float = 0.0, most: int = 100) -> tuple[Keeping, Sent]:
    sent = Sent()
    made = Keeping(sent, ratio, most, clock)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(made)
    monkeypatch.setattr("infra.telemetry.traces._tracer", provider.get_tracer("daredevil"))
    return made, sent


def work(name: str, turn_id: str, error: Exception | None = None) -> None:
    made = begun(name, context_in(SESSION, turn_id))
    if error is not None:
        note_error(made, error)
    ended(made)


@pytest.mark.parametrize("verdict", ["slow", "interrupted", "failed"])
def test_spans_wait_until_a_fact_says_that_the_turn_is_worth_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    made, sent = keeping(clock, monkeypatch)
    work("recognition", "t1")
    work("recognition", "t2")
    assert sent.names == []
    made.decide(trace_id_of(SESSION, "t1"), verdict)
    assert sent.names == ["recognition"]
    work("playback", "t1")
    assert sent.names == ["recognition", "playback"], "what ends later is sent at once"


def test_a_turn_that_is_over_without_a_reason_is_dropped_and_so_is_what_ends_later(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sent = keeping(clock, monkeypatch)
    work("reply", "t1")
    made.decide(trace_id_of(SESSION, "t1"), "over")
    clock.now_s += LATE_S + 2
    work("persistence", "t1")
    work("persistence", "t1")
    made.decide(trace_id_of(SESSION, "t1"), "slow")
    assert sent.names == []


def test_a_reason_that_comes_shortly_after_the_end_still_counts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made, sent = keeping(clock, monkeypatch)
    work("reply", "t1")
    made.decide(trace_id_of(SESSION, "t1"), "over")
    clock.now_s += LATE_S - 2
    made.decide(trace_id_of(SESSION, "t1"), "failed")
    assert sent.names == ["reply"]


def test_a_span_with_an_error_keeps_what_this_process_has_of_its_turn(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sent = keeping(clock, monkeypatch)
    work("reply", "t1")
    work("publish", "t1", ValueError("no"))
    assert sent.names == ["reply", "publish"]


def test_a_turn_whose_end_is_never_heard_of_is_dropped_in_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made, sent = keeping(clock, monkeypatch)
    work("reply", "t1")
    clock.now_s += IDLE_S + 2
    work("reply", "t2")
    made.decide(trace_id_of(SESSION, "t1"), "slow")
    assert sent.names == []


def test_what_waits_is_bounded_and_what_had_to_go_is_said(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, sent = keeping(clock, monkeypatch, most=10)
    for n in range(12):
        work("reply", f"t{n}")
    made.decide(trace_id_of(SESSION, "t0"), "slow")
    made.decide(trace_id_of(SESSION, "t11"), "slow")
    assert sent.names == ["reply"], "of the turns begun first nothing is left"
    clock.now_s += 61
    work("reply", "t20")
    assert "2 spans were dropped before their turns ended" in caplog.text


def test_every_process_takes_the_same_share_without_asking(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    _, one = keeping(clock, monkeypatch, ratio=0.1)
    for n in range(1000):
        work(str(n), f"t{n}")
    _, other = keeping(clock, monkeypatch, ratio=0.1)
    for n in range(1000):
        work(str(n), f"t{n}")
    assert one.names == other.names
    assert 60 < len(one.names) < 140
    assert all(is_in_share(trace_id_of(SESSION, f"t{name}"), 0.5) for name in one.names), "of a larger share a part"


def test_a_span_of_a_library_that_belongs_to_nothing_is_not_sent(clock: Clock) -> None:
    sent = Sent()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Keeping(sent, 1.0, now_s=clock))
    library = provider.get_tracer("livekit-agents")
    library.start_span("job_entrypoint").end()
    library.start_span("tts_request", context_in(SESSION, "t1")).end()
    assert sent.names == ["tts_request"]


def fact(event_class: type[e.Event], **fields: object) -> e.Event:
    common = {"event_id": "e1", "session_id": SESSION, "time_ns": 1, "turn_id": "t1"}
    return event_class.model_validate(common | fields)


REPLY = {"reply_id": "r1"}
WRITTEN = REPLY | {"text": "", "clauses": 1}
HEARD = REPLY | {"heard_text": "", "played_samples": 1}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (fact(e.PlaybackStarted, **REPLY, gap_ms=1001), "slow"),
        (fact(e.PlaybackStarted, **REPLY, gap_ms=1000), None),
        (fact(e.PlaybackStarted, **REPLY), None),
        (fact(e.ReplyCompleted, **WRITTEN, first_token_ms=1500), "slow"),
        (fact(e.ReplyCompleted, **WRITTEN, first_token_ms=150), None),
        (fact(e.ReplyCompleted, **WRITTEN, finish="failed", first_token_ms=1500), "failed"),
        (fact(e.ReplyCompleted, **WRITTEN, finish="interrupted"), "interrupted"),
        (fact(e.PlaybackInterrupted, **HEARD), "interrupted"),
        (fact(e.PlaybackInterrupted, **HEARD, reason="hangup"), "over"),
        (fact(e.PlaybackFinished, **HEARD), "over"),
        (fact(e.ToolReturned, **REPLY, call_id="c", tool="t", outcome="timed-out"), "failed"),
        (fact(e.ToolReturned, **REPLY, call_id="c", tool="t", outcome="ok"), None),
        (fact(e.ToolReturned, **REPLY, call_id="c", tool="t", error="no"), "failed"),
        (fact(e.EngineFailed, actor="a", engine="tts:x", error="no", action="none"), "failed"),
        (fact(e.TurnPassed, participant_id="caller", reason="unnamed"), "over"),
        (fact(e.TurnEnded, participant_id="caller", text="hi"), None),
    ],
)
def test_what_a_fact_says_about_the_trace_of_its_turn(event: e.Event, expected: str | None) -> None:
    assert verdict_of(event, slow_ms=1000) == expected


def test_the_share_is_that_of_opentelemetrys_own_sampler() -> None:
    from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

    sampler = TraceIdRatioBased(0.3)
    for n in range(200):
        trace_id = trace_id_of(SESSION, f"t{n}")
        is_taken = sampler.should_sample(None, trace_id, "turn").decision is Decision.RECORD_AND_SAMPLE
        assert is_taken == is_in_share(trace_id, 0.3)


def test_ids_are_never_invalid() -> None:
    for n in range(100):
        context = SpanContext(trace_id_of(SESSION, f"t{n}"), 1, True, TraceFlags(1))
        assert context.is_valid
