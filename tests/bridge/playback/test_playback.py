"""The playback state machine, without clock, log or client."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bridge.playback.clause_sound import ClauseSound
from bridge.playback.commands import SendSound, Tell
from contracts import events as e
from contracts.audio import OutFrame
from tests.bridge.agent import frames_of
from tests.bridge.livekit.session_log import names
from tests.bridge.playback.playback_session import MS, STEPS, Session


def test_replies_are_played_one_after_the_other() -> None:
    session = Session()
    session.reply("a")
    session.reply("b")
    assert session.told() == ["reply a", "reply_end a"]
    session.played("a", 24_000, started=True, ended=True)
    assert session.told() == ["reply a", "reply_end a", "reply b", "reply_end b"]
    assert names(session.said()) == ["PlaybackStarted", "PlaybackFinished"]


def test_a_reply_that_waits_for_its_sound_is_not_overtaken() -> None:
    session = Session()
    session.reply("a", sound=False)
    session.reply("b")
    assert session.told() == []
    session.sound(frames_of("a", 0, 480))
    assert session.told() == ["reply a", "reply_end a"]


def test_a_pause_without_a_decision_ends_after_four_seconds() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech()
    session.played("a", 2_500)
    session.wait(3_900)
    assert session.told()[-1] == "pause a"
    session.wait(200)
    assert session.told()[-1] == "resume a"
    paused, resumed = session.said()[-2:]
    assert isinstance(paused, e.PlaybackPaused)
    assert isinstance(resumed, e.PlaybackResumed)
    assert paused.played_samples == resumed.played_samples == 2_500
    assert 4_000 <= resumed.paused_ms <= 4_100


def test_no_reply_begins_while_somebody_speaks() -> None:
    session = Session()
    session.speech()
    session.reply("a")
    assert session.told() == []
    session.dismissed()
    assert session.told() == ["reply a", "reply_end a"]


def unaddressed(session: Session, person: str, turn_id: str, utterance_id: str) -> None:
    names = {"participant_id": person, "reply_id": "a", "turn_id": turn_id, "utterance_id": utterance_id}
    session.fact(e.InterruptionDismissed, **names, reason="unaddressed")


def test_two_who_talk_with_each_other_over_a_reply_do_not_stop_it() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech("t2", "u2")
    unaddressed(session, "p", "t2", "u2")
    assert session.told()[-2:] == ["pause a", "resume a"]
    other = {"utterance_id": "u3", "track_id": "n", "participant_id": "q", "turn_id": "t3"}
    session.fact(e.SpeechStarted, **other, start_sample=0)
    session.turn("t2")
    session.fact(e.TurnPassed, participant_id="p", turn_id="t2", reason="unnamed")
    assert session.told()[-1] == "pause a", "the other still speaks"
    unaddressed(session, "q", "t3", "u3")
    assert session.told()[-1] == "resume a"
    session.played("a", 24_000, ended=True)
    assert isinstance(session.said()[-1], e.PlaybackFinished)


def test_a_turn_that_ends_over_a_paused_reply_stops_it() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech("t2", "u2")
    session.turn("t2")
    assert session.told()[-2:] == ["pause a", "stop a"]


def test_speech_without_any_decision_holds_a_reply_for_four_seconds() -> None:
    session = Session()
    session.speech()
    session.reply("a")
    session.wait(3_950)
    assert session.told() == []
    session.wait(100)
    assert session.told() == ["reply a", "reply_end a"]


def test_a_committed_reply_that_had_not_begun_is_never_heard_after_a_new_turn() -> None:
    session = Session()
    session.speech("t2")
    session.reply("a", "t1")
    session.turn("t2")
    session.wait(5_000)
    assert session.told() == []
    session.reply("b", "t2")
    assert session.told() == ["reply b", "reply_end b"]


def test_an_interrupted_reply_that_had_not_begun_counts_as_unheard() -> None:
    session = Session()
    session.speech()
    session.reply("a")
    session.cut_off("a")
    (event,) = session.said()
    assert isinstance(event, e.PlaybackInterrupted)
    assert (event.heard_text, event.played_samples) == ("", 0)
    session.wait(5_000)
    assert session.told() == []


def test_a_stop_that_is_not_answered_is_counted_by_the_clock() -> None:
    session = Session()
    session.reply("a")
    session.wait(100)
    session.played("a", 2_400, started=True)
    session.wait(500)
    session.cut_off("a")
    session.wait(250)
    assert not any(isinstance(event, e.PlaybackInterrupted) for event in session.said())
    session.wait(50)
    event = session.said()[-1]
    assert isinstance(event, e.PlaybackInterrupted)
    assert event.played_samples == 14_400
    assert event.heard_text == "one"


def test_a_count_that_crossed_with_the_stop_does_not_pass_for_the_answer() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 100, started=True)
    session.cut_off("a")
    session.played("a", 11_900)
    session.now_ns += 10 * MS
    session.played("a", 12_000)
    session.wait(100)
    event = session.said()[-1]
    assert isinstance(event, e.PlaybackInterrupted)
    assert event.heard_text == "one"


def test_speech_that_becomes_a_turn_over_a_paused_reply_stops_it() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech("t2")
    session.turn("t2")
    assert session.told()[-1] == "stop a"


def test_a_clause_without_sound_is_asked_for_twice_and_then_left_out() -> None:
    session = Session()
    session.reply("a", sound=False)
    session.wait(5_100)
    assert session.asked() == 1
    session.playback.on_asked("a", 0, 5, session.now_ns)
    session.wait(1_100)
    assert session.asked() == 2
    session.playback.on_asked("a", 0, 5, session.now_ns)
    session.wait(1_200)
    assert session.asked() == 2
    event = session.said()[-1]
    assert isinstance(event, e.PlaybackFinished)
    assert event.heard_text == ""


def test_a_client_that_never_plays_leaves_the_reply_unheard() -> None:
    session = Session()
    session.reply("a")
    session.wait(35_000)
    event = session.said()[-1]
    assert isinstance(event, e.PlaybackInterrupted)
    assert (event.reason, event.heard_text) == ("not-played", "")


@given(st.data())
def test_frames_in_any_order_and_number_make_the_same_clause(data: st.DataObject) -> None:
    pcm = bytes(range(200))
    cuts = sorted(data.draw(st.sets(st.integers(1, 99), max_size=8)))
    edges = [0, *cuts, 100]
    frames = [OutFrame("r", 0, a, 24_000, pcm[a * 2 : b * 2], last=b == 100) for a, b in itertools.pairwise(edges)]
    clause = ClauseSound(0)
    taken = b""
    for frame in data.draw(st.permutations(frames + data.draw(st.lists(st.sampled_from(frames))))):
        clause.add(frame, 1)
        taken += clause.take()
    assert taken == pcm
    assert clause.complete


@given(st.lists(st.tuples(st.sampled_from([*STEPS, "disconnect", "connect"]), st.integers(0, 30_000)), max_size=40))
def test_no_sound_without_a_reply_and_one_end_for_each(steps: list[tuple[str, int]]) -> None:
    session = Session()
    session.reply("a")
    for n, (step, number) in enumerate(steps):
        session.act(n, step, number)
    session.do(session.playback.close("hangup", session.now_ns))
    ends = [x.reply_id for x in session.said() if isinstance(x, e.PlaybackFinished | e.PlaybackInterrupted)]
    assert len(ends) == len(set(ends))
    first_sound = next((i for i, c in enumerate(session.commands) if isinstance(c, SendSound)), None)
    first_reply = next((i for i, c in enumerate(session.commands) if isinstance(c, Tell)), None)
    assert first_sound is None or (first_reply is not None and first_reply < first_sound)
    begun = {c.message["reply_id"] for c in session.commands if isinstance(c, Tell) and c.message["type"] == "reply"}
    assert begun <= set(ends)


MORE_STEPS = [*STEPS, "lost", "asked", "disconnect", "connect"]


@given(st.lists(st.tuples(st.sampled_from(MORE_STEPS), st.integers(0, 30_000)), max_size=40))
def test_while_nothing_waits_the_clock_changes_nothing(steps: list[tuple[str, int]]) -> None:
    always, waiting = Session(), Session(ticks_always=False)
    for n, (step, number) in enumerate(steps):
        for session in (always, waiting):
            session.act(n, step, number)
            session.wait(6_000 if number % 7 == 0 else 50)
    assert always.commands == waiting.commands


def test_a_reply_that_is_over_leaves_nothing_that_waits() -> None:
    session = Session()
    assert not session.playback.waits(session.now_ns)
    session.reply("a", draft=True)
    assert not session.playback.waits(session.now_ns), "a draft waits for its turn, not for time"
    session.reply("b")
    assert session.playback.waits(session.now_ns)
    session.played("b", 12_000, started=True)
    assert not session.playback.waits(session.now_ns), "it counts: what is due is done with each count"
    session.wait(200)
    assert session.playback.waits(session.now_ns)
    session.played("b", 24_000, ended=True)
    assert not session.playback.waits(session.now_ns)


def clause(session: Session, index: int, first: bool = False) -> None:
    if first:
        session.fact(e.ReplyStarted, reply_id="a", turn_id="t1", text="hi")
    session.fact(e.ReplyClauseWritten, reply_id="a", index=index, text="one two")
    session.sound(frames_of("a", index, 24_000, (12_000, 24_000)))


def test_a_clause_that_comes_late_is_a_break_in_playback() -> None:
    session = Session()
    clause(session, 0, first=True)
    session.wait(50)
    session.played("a", 1_200, started=True)
    session.wait(950)
    session.played("a", 24_000)
    session.wait(1_000)
    clause(session, 1)
    session.wait(100)
    session.played("a", 26_400)
    stalled, resumed = session.said()[-2:]
    assert isinstance(stalled, e.PlaybackStalled)
    assert isinstance(resumed, e.PlaybackResumed)
    assert (stalled.played_samples, stalled.cause) == (24_000, "late-sound")
    assert (resumed.played_samples, resumed.paused_ms) == (24_000, 1_000)
    assert len({event.event_id for event in session.said()}) == 3


def test_a_client_that_counts_nothing_is_taken_to_play_what_it_gets() -> None:
    session = Session()
    session.do(session.playback.connect(session.now_ns, counts=False))
    begun_ns = session.now_ns
    clause(session, 0, first=True)
    session.wait(1_900)
    assert session.said() == []
    session.wait(600)
    clause(session, 1)
    session.fact(e.ReplyCompleted, reply_id="a", text="one two one two", clauses=2)
    session.wait(1_500)
    assert names(session.said()) == ["PlaybackStarted", "PlaybackStalled", "PlaybackResumed", "PlaybackFinished"]
    started, stalled, resumed, finished = session.said()
    assert isinstance(started, e.PlaybackStarted)
    assert (started.heard_ns, started.estimated) == (begun_ns, True)
    assert isinstance(stalled, e.PlaybackStalled)
    assert (stalled.heard_ns, stalled.played_samples) == (begun_ns + 1_000 * MS, 24_000)
    assert isinstance(resumed, e.PlaybackResumed)
    assert (resumed.heard_ns, resumed.paused_ms) == (begun_ns + 2_500 * MS, 1_500)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == "one two one two"


def test_of_a_client_that_counts_nothing_the_heard_words_are_those_that_were_sent_in_time() -> None:
    session = Session()
    session.do(session.playback.connect(session.now_ns, counts=False))
    session.reply("a")
    session.wait(2_500)
    session.reply("b", "t2")
    session.wait(600)
    session.cut_off("b", "t3")
    session.wait(400)
    event = session.said()[-1]
    assert isinstance(event, e.PlaybackInterrupted)
    assert event.heard_text == "one"


def test_a_client_that_says_it_counts_is_believed_to_have_played_nothing_until_it_does() -> None:
    session = Session()
    session.reply("a")
    session.wait(5_000)
    assert session.said() == []


def test_facts_say_whether_the_client_counted_what_was_played() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech()
    session.played("a", 2_500)
    session.dismissed()
    session.played("a", 24_000, ended=True)
    said = session.said()
    assert [(type(fact).__name__, getattr(fact, "counted", None)) for fact in said] == [
        ("PlaybackStarted", None),
        ("PlaybackPaused", True),
        ("PlaybackResumed", True),
        ("PlaybackFinished", True),
    ]


def test_what_a_client_did_not_answer_is_an_estimate() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.wait(200)
    session.fact(e.TurnInterrupted, participant_id="p", reply_id="a", turn_id="t2")
    session.wait(500)
    stopped = session.said()[-1]
    assert isinstance(stopped, e.PlaybackInterrupted)
    assert stopped.counted is False
    assert stopped.played_samples > 2_400


def test_the_first_sound_and_the_leave_to_play_it_are_told_with_the_start() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    (started,) = session.said()
    assert isinstance(started, e.PlaybackStarted)
    assert started.at_door_ns is not None
    assert started.at_door_ns <= started.time_ns
