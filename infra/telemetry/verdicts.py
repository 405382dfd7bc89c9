"""Which facts say that a turn is worth a trace whatever is sampled, and which that it is over. Pure."""

from typing import Literal

from contracts import events as e

Verdict = Literal["slow", "interrupted", "failed", "over"]
"""Why a turn's trace is kept, or that the turn has ended without a reason to keep it."""

TELLING: tuple[type[e.Event], ...] = (
    e.PlaybackStarted,
    e.PlaybackFinished,
    e.PlaybackInterrupted,
    e.ReplyCompleted,
    e.ToolReturned,
    e.EngineFailed,
    e.SpeechLost,
    e.TurnPassed,
    e.SessionClosed,
)
"""The facts that may lead to a verdict."""

FAILED_FINISHES = ("failed", "broken-off", "half-closed")
FAILED_TOOLS = ("failed", "timed-out", "unknown")


def verdict_of(event: e.Event, slow_ms: float) -> Verdict | None:
    """Return what a fact says about the trace of its turn (without a turn id, of its session); None if nothing.

    A turn is slow if the agent's first sound came more than `slow_ms` after the end of speech, or the model's first
    token more than that after it was asked. Who hangs up while the agent speaks interrupts nothing.
    """
    match event:
        case e.PlaybackStarted(gap_ms=float() | int() as gap_ms) if gap_ms > slow_ms:
            return "slow"
        case e.ReplyCompleted(finish=finish) if finish in FAILED_FINISHES:
            return "failed"
        case e.ReplyCompleted(finish="interrupted") | e.PlaybackInterrupted(reason="barge-in"):
            return "interrupted"
        case e.ReplyCompleted(first_token_ms=float() | int() as token_ms) if token_ms > slow_ms:
            return "slow"
        case e.ToolReturned(outcome=outcome, error=error) if outcome in FAILED_TOOLS or (error and outcome is None):
            return "failed"
        case e.EngineFailed() | e.SpeechLost():
            return "failed"
        case e.PlaybackFinished() | e.PlaybackInterrupted() | e.TurnPassed() | e.SessionClosed():
            return "over"
    return None
