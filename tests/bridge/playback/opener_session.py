"""A call in which the agent begins with an opener, "o", in the turn "t1"."""

from contracts import events as e
from tests.bridge.agent import frames_of
from tests.bridge.playback.playback_session import MS, Session

SPEAKER = {"participant_id": "p", "turn_id": "t1"}


def cued(session: Session) -> None:
    """Let the caller pause after some words, and the agent begin."""
    session.speech("t1", "u1")
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700}
    ended_ns = session.now_ns - 250 * MS
    session.fact(e.OpenerCued, **SPEAKER, **why, reply_id="o", text="Well,", speech_ended_ns=ended_ns)


def sounding(session: Session) -> None:
    """Let it be cued, and its first 10 ms be heard."""
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)


def told_of(session: Session) -> e.OpenerPlayed:
    """Return the one fact of what was heard of it."""
    (played,) = [fact for fact in session.said() if isinstance(fact, e.OpenerPlayed)]
    return played


def goes_on(session: Session) -> None:
    session.fact(e.OpenerRetracted, **SPEAKER, reply_id="o", went_on_ns=session.now_ns)


def committed(session: Session) -> None:
    """Let the turn end, and its answer be ready."""
    session.reply("a", draft=True)
    session.turn("t1")
    session.fact(e.ReplyCommitted, reply_id="a", turn_id="t1")
