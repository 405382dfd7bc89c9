"""Whatever happens around openers, each that was heard is told of once, and none keeps an answer waiting."""

from hypothesis import given
from hypothesis import strategies as st

from contracts import events as e
from tests.bridge.agent import frames_of
from tests.bridge.playback.playback_session import MS, Session

SAMPLES = 2_400
STEPS = ("cue", "sound", "end lost", "count", "end", "goes on", "speech", "turn", "reply", "away", "back", "wait")


def cue(session: Session, opener: str) -> None:
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700, "speech_ended_ns": session.now_ns}
    names = {"participant_id": "p", "turn_id": f"t{opener}", "reply_id": opener, "text": "Well,"}
    session.fact(e.OpenerCued, **names, **why)


def goes_on(session: Session, opener: str) -> None:
    names = {"participant_id": "p", "turn_id": f"t{opener}", "reply_id": opener}
    session.fact(e.OpenerRetracted, **names, went_on_ns=session.now_ns)


def act(session: Session, n: int, step: str, number: int) -> None:
    """Take the `n`th step of a call, about one of three openers."""
    opener = f"o{number % 3}"
    match step:
        case "cue":
            cue(session, opener)
        case "sound" | "end lost":
            session.sound(frames_of(opener, 0, SAMPLES)[: None if step == "sound" else -1])
        case "count" | "end":
            session.played(opener, number, started=True, ended=step == "end")
        case "goes on":
            goes_on(session, opener)
        case "speech":
            session.speech(f"t{opener}", f"u{n}")
        case "reply":
            session.reply(f"r{n}", turn_id=f"t{opener}")
        case "away":
            session.do(session.playback.disconnect(session.now_ns))
        case "back":
            session.do(session.playback.connect(session.now_ns, counts=number % 2 == 0))
        case "turn" | "wait":
            session.turn(f"t{opener}") if step == "turn" else session.wait(number)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3_000)), max_size=30))
def test_each_is_told_of_once_and_the_answer_is_heard(steps: list[tuple[str, int]]) -> None:
    session = Session(ticks_always=False)
    for n, (step, number) in enumerate(steps):
        session.now_ns += 10 * MS
        act(session, n, step, number)
    session.do(session.playback.connect(session.now_ns))
    session.turn("last")
    session.reply("last", turn_id="last")
    session.wait(40_000)
    assert "reply last" in session.told()
    heard = [fact for fact in session.said() if isinstance(fact, e.OpenerPlayed)]
    assert len({fact.event_id for fact in heard}) == len(heard)
    assert all(0 < fact.played_samples <= SAMPLES for fact in heard)
