"""An opener that was played as its door died is told of by the next door, and not continued."""

from bridge.playback.reply import Playing
from bridge.playback.reports import HeldReply
from tests.bridge.agent import frames_of
from tests.bridge.playback.opener_session import cued, sounding, told_of
from tests.bridge.playback.playback_session import MS, Session


def test_a_door_that_takes_the_call_over_lets_it_be() -> None:
    session = Session()
    cued(session)
    other = Session()
    other.do(other.playback.replay(session.log, session.now_ns))
    other.sound(frames_of("o", 0, 2_400))
    assert (other.asked(), other.told()) == (0, [])


def after_death(first: Session) -> Session:
    """Return a door that takes the call over from one that has died."""
    second = Session()
    second.now_ns = first.now_ns + 900 * MS
    second.do(second.playback.disconnect(second.now_ns))
    second.do(second.playback.replay(first.log, second.now_ns))
    return second


def test_what_was_heard_of_it_as_the_door_died_is_told_by_its_client() -> None:
    first = Session()
    sounding(first)
    second = after_death(first)
    held = [HeldReply(reply_id="o", received=2_400, samples=1_200, started_ago_ms=800)]
    second.do(second.playback.connect(second.now_ns, held))
    assert second.told() == ["stop o"]
    played = told_of(second)
    assert (played.played_samples, played.retracted, played.gap_ms) == (1_200, True, 350)
    assert played.started_ns == second.now_ns - 800 * MS
    second.do(second.playback.connect(second.now_ns, held))
    assert told_of(second), "once"


def test_what_was_heard_of_it_as_a_rooms_door_died_is_told_as_far_as_that_had_noted() -> None:
    first = Session()
    sounding(first)
    left = first.playback.playing(first.now_ns)
    assert left == Playing("o", 240)
    second = Session()
    second.do(second.playback.replay(first.log, second.now_ns, left))
    played = told_of(second)
    assert (played.played_samples, played.retracted, played.started_ns) == (240, True, None)
    second.do(second.playback.connect(second.now_ns))
    second.turn("t1")
    second.reply("a")
    assert second.told() == ["reply a", "reply_end a"]


def test_one_that_its_door_has_told_of_is_told_once() -> None:
    first = Session()
    sounding(first)
    first.played("o", 2_400, ended=True)
    second = after_death(first)
    held = [HeldReply(reply_id="o", received=2_400, samples=2_400, ended=True)]
    second.do(second.playback.connect(second.now_ns, held))
    assert (second.told(), second.said()) == ([], [])
