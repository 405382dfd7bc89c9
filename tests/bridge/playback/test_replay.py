"""A door that is gone, in the middle of whatever: the next one goes on, and says what that one did not live to say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.playback.commands import SendSound
from bridge.playback.reply import Playing
from contracts import events as e
from tests.bridge.agent import frames_of
from tests.bridge.livekit.session_log import names
from tests.bridge.playback.playback_session import MS, STEPS, Session

LEFT = Playing("a", 13_000)
"""Of two words, each half a second, the first was heard."""


def begun(samples: int = 2_400) -> Session:
    first = Session()
    first.reply("a")
    first.played("a", samples, started=True)
    return first


def follow(first: Session, left: Playing | None = None, lines: int | None = None) -> Session:
    """Return the next door, which has read `lines` of the log and has no client yet."""
    second = Session()
    second.now_ns = first.now_ns
    second.playback.disconnect(second.now_ns)
    second.do(second.playback.replay(first.log[:lines], second.now_ns, left))
    return second


def connect(session: Session) -> Session:
    session.do(session.playback.connect(session.now_ns))
    return session


def play_on(session: Session, first_sample: int) -> None:
    """Let synthesis say reply a again, and the line play the rest of it."""
    session.wait(5_000)
    session.sound(frames_of("a", 0, 24_000, (12_000, 24_000)))
    session.played("a", 24_000 - first_sample, ended=True)


def interrupted(session: Session) -> e.PlaybackInterrupted:
    (event,) = (event for event in session.said() if isinstance(event, e.PlaybackInterrupted))
    return event


def test_a_client_is_stopped_and_counts_what_it_has_played() -> None:
    second = connect(follow(begun()))
    assert second.told() == ["stop a"]
    second.played("a", 13_000)
    second.wait(100)
    assert (interrupted(second).heard_text, interrupted(second).reason) == ("one", "vanished")


@pytest.mark.parametrize(
    ("left", "first_sample"), [(Playing("a", 2_400), 2_400), (Playing("before-a", 9_600), 0), (Playing("", 0), 0)]
)
def test_without_a_client_that_counts_a_reply_is_played_on_or_from_its_start(left: Playing, first_sample: int) -> None:
    second = connect(follow(begun(), left))
    second.wait(600)
    assert second.asked() == 1
    second.sound(frames_of("a", 0, 24_000, (12_000, 24_000)))
    assert second.told() == ["reply a", "reply_end a"]
    assert sum(len(c.pcm) // 2 for c in second.commands if isinstance(c, SendSound)) == 24_000 - first_sample
    second.played("a", 24_000 - first_sample, ended=True)
    finished = second.said()[-1]
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == "one two"


def test_a_reply_that_was_cut_off_is_ended_by_the_next_door_with_what_was_heard() -> None:
    first = begun()
    first.cut_off("a")
    cause = first.log[-1]
    second = follow(first, LEFT)
    event = interrupted(second)
    assert (event.heard_text, event.reason, event.cause_id) == ("one", "barge-in", cause.event_id)
    assert (event.played_samples, event.turn_id) == (13_000, "t1")
    assert connect(second).told() == []


def test_the_place_of_a_pause_counts_more_than_what_was_left_before() -> None:
    first = begun()
    first.speech()
    first.played("a", 12_345)
    first.wait(100)
    first.cut_off("a")
    assert interrupted(follow(first, Playing("a", 9_000))).played_samples == 12_345


def test_a_client_counts_a_reply_that_was_cut_off_and_the_reason_is_kept() -> None:
    first = begun()
    first.cut_off("a")
    second = follow(first)
    assert second.said() == []
    connect(second)
    assert second.told() == ["stop a"]
    second.played("a", 13_000)
    second.wait(100)
    assert (interrupted(second).heard_text, interrupted(second).reason) == ("one", "barge-in")


def test_a_session_that_ends_before_its_client_is_back_keeps_the_reason_too() -> None:
    first = begun()
    first.cut_off("a")
    second = follow(first)
    second.do(second.playback.close("vanished", second.now_ns))
    assert interrupted(second).reason == "barge-in"


def test_what_was_said_before_is_not_said_again() -> None:
    first = begun()
    first.cut_off("a")
    first.wait(500)
    assert interrupted(first)
    assert follow(first, LEFT).said() == []


def test_a_reply_that_had_ended_as_it_was_cut_off_is_not_ended_again() -> None:
    first = Session()
    first.reply("a")
    first.cut_off("a")
    first.played("a", 24_000, started=True, ended=True)
    assert isinstance(first.log[-1], e.PlaybackFinished)
    assert follow(first, LEFT).said() == []


def test_a_reply_that_was_cut_off_before_it_began_is_ended() -> None:
    first = Session()
    first.speech()
    first.reply("a")
    first.cut_off("a")
    assert isinstance(first.log.pop(), e.PlaybackInterrupted)
    assert interrupted(follow(first, Playing("", 0))).played_samples == 0


@pytest.mark.parametrize("while_there_was_no_door", [True, False])
def test_a_reply_that_was_paused_goes_on_once_the_speech_is_dismissed(while_there_was_no_door: bool) -> None:
    first = begun()
    first.speech()
    first.played("a", 12_345)
    first.wait(100)
    lines = len(first.log)
    if while_there_was_no_door:
        first.dismissed()
        lines += 1
    second = connect(follow(first, LEFT, lines))
    assert second.told() == []
    if not while_there_was_no_door:
        second.dismissed()
    play_on(second, 13_000)
    assert second.told() == ["reply a", "reply_end a"]
    assert names(second.said()) == ["PlaybackResumed", "PlaybackFinished"]


def test_a_reply_that_had_gone_on_after_a_pause_is_not_said_to_do_so_twice() -> None:
    first = begun()
    first.speech()
    first.played("a", 12_345)
    first.dismissed()
    second = connect(follow(first, LEFT))
    play_on(second, 13_000)
    assert names(second.said()) == ["PlaybackStalled", "PlaybackResumed", "PlaybackFinished"]


def test_a_pause_that_the_log_does_not_have_is_not_said_to_end() -> None:
    first = begun()
    first.speech()
    second = connect(follow(first, LEFT))
    second.dismissed()
    play_on(second, 13_000)
    assert names(second.said()) == ["PlaybackStalled", "PlaybackResumed", "PlaybackFinished"]


def test_a_turn_that_ends_before_the_paused_reply_goes_on_cuts_it_off() -> None:
    first = begun()
    first.speech()
    second = connect(follow(first, LEFT))
    second.turn("t2")
    event = interrupted(second)
    assert (event.heard_text, event.reason) == ("one", "turn-ended")
    second.reply("b", "t2")
    assert second.told() == ["reply b", "reply_end b"]


def test_a_turn_that_ended_while_there_was_no_door_cuts_off_what_it_had_paused() -> None:
    first = begun()
    first.speech()
    first.turn("t2")
    assert interrupted(follow(first, LEFT)).reason == "turn-ended"


def test_a_turn_that_was_not_for_the_agent_cuts_nothing_off() -> None:
    first = begun()
    first.speech()
    first.dismissed("unaddressed")
    second = connect(follow(first, LEFT))
    second.turn("t2")
    play_on(second, 13_000)
    assert names(second.said()) == ["PlaybackStalled", "PlaybackResumed", "PlaybackFinished"]


@pytest.mark.parametrize("while_there_was_no_door", [True, False])
def test_a_reply_that_is_discarded_after_it_began_is_ended(while_there_was_no_door: bool) -> None:
    first = begun()
    if while_there_was_no_door:
        first.fact(e.ReplyDiscarded, reply_id="a", reason="superseded")
    second = follow(first, LEFT)
    if not while_there_was_no_door:
        second.fact(e.ReplyDiscarded, reply_id="a", reason="superseded")
    assert (interrupted(second).heard_text, interrupted(second).reason) == ("one", "discarded")


def test_a_door_that_dies_before_it_goes_on_leaves_the_next_one_what_it_had_found() -> None:
    second = follow(begun(), LEFT)
    assert second.playback.playing(second.now_ns) == LEFT


def test_a_reply_that_goes_on_is_estimated_from_where_it_does() -> None:
    second = connect(follow(begun(), LEFT))
    second.sound(frames_of("a", 0, 24_000, (12_000, 24_000)))
    assert second.told() == ["reply a", "reply_end a"]
    second.now_ns += 100 * MS
    assert second.playback.playing(second.now_ns) == Playing("a", 13_000 + 2_400)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 24_000)), max_size=30), st.data())
def test_wherever_a_log_breaks_off_each_reply_that_began_is_ended_once(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    first = Session()
    first.reply("a")
    for n, (step, number) in enumerate(steps):
        first.act(n, step, number)
    lines = data.draw(st.integers(0, len(first.log)))
    left = data.draw(st.sampled_from([None, first.playback.playing(first.now_ns) or Playing("", 0)]))
    second = connect(follow(first, left, lines))
    second.wait(6_000)
    second.do(second.playback.close("hangup", second.now_ns))
    log = first.log[:lines] + second.log
    started = {event.reply_id for event in log if isinstance(event, e.PlaybackStarted)}
    ended = [event.reply_id for event in log if isinstance(event, e.PlaybackFinished | e.PlaybackInterrupted)]
    assert started <= set(ended)
    assert len(ended) == len(set(ended))
