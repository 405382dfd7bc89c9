"""An opener is played at once, is no reply, and falls silent when the caller goes on."""

from array import array
from dataclasses import replace

from bridge.playback.commands import Ask, SendSound
from contracts import events as e
from tests.bridge.agent import frames_of
from tests.bridge.livekit.session_log import names
from tests.bridge.playback.opener_session import SPEAKER, committed, cued, goes_on, sounding, told_of
from tests.bridge.playback.playback_session import MS, Session


def test_it_is_asked_for_and_played_quietly_while_its_speaker_has_the_floor() -> None:
    session = Session()
    cued(session)
    (asked,) = [command.clause for command in session.commands if isinstance(command, Ask)]
    assert (asked.reply_id, asked.text) == ("o", "Well,")
    session.sound(frames_of("o", 0, 2_400, value=1_000))
    assert session.told() == ["reply o", "reply_end o"]
    sent = b"".join(command.pcm for command in session.commands if isinstance(command, SendSound))
    assert set(array("h", sent)) == {500}


def test_the_answer_follows_it_and_only_the_answer_was_a_reply() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)
    session.reply("a", draft=True)
    session.turn("t1")
    session.fact(e.ReplyCommitted, reply_id="a", turn_id="t1")
    assert session.told() == ["reply o", "reply_end o"]
    session.played("o", 2_400, ended=True)
    assert session.told()[2:] == ["reply a", "reply_end a"]
    session.played("a", 24_000, started=True, ended=True)
    assert names(session.said()) == ["OpenerPlayed", "PlaybackStarted", "PlaybackFinished"]
    played = session.said()[0]
    assert isinstance(played, e.OpenerPlayed)
    assert (played.gap_ms, played.played_samples, played.retracted) == (250, 2_400, False)


def test_it_falls_silent_when_the_caller_goes_on() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)
    goes_on(session)
    assert session.told()[-1] == "stop o"
    session.played("o", 480)
    session.wait(100)
    (played,) = session.said()
    assert isinstance(played, e.OpenerPlayed)
    assert (played.played_samples, played.retracted) == (480, True)
    session.turn("t1")
    session.reply("a")
    assert session.told()[-2:] == ["reply a", "reply_end a"]


def test_one_that_is_taken_back_before_its_sound_has_come_is_never_heard() -> None:
    session = Session()
    cued(session)
    goes_on(session)
    session.sound(frames_of("o", 0, 2_400))
    session.wait(100)
    assert (session.told(), session.said()) == ([], [])


def test_one_whose_sound_comes_late_leaves_the_floor_to_the_answer() -> None:
    session = Session()
    cued(session)
    session.wait(450)
    session.sound(frames_of("o", 0, 2_400))
    assert session.told() == []
    session.turn("t1")
    session.reply("a")
    assert session.told() == ["reply a", "reply_end a"]


def test_there_is_none_over_a_reply_or_without_a_client() -> None:
    session = Session()
    session.reply("a", turn_id="t0")
    cued(session)
    assert session.asked() == 0
    away = Session()
    away.do(away.playback.disconnect(away.now_ns))
    cued(away)
    away.do(away.playback.connect(away.now_ns))
    away.sound(frames_of("o", 0, 2_400))
    assert (away.asked(), away.told()) == (0, [])


def test_typed_text_silences_it_and_interrupts_no_reply() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)
    assert session.playback.playing_reply_id is None
    session.turn("t2")
    assert session.told()[-1] == "stop o"


def test_the_silence_after_its_word_is_left_out() -> None:
    session = Session()
    cued(session)
    first, last = frames_of("o", 0, 4_800)[0], frames_of("o", 0, 4_800)[-1]
    told = [replace(first, word_end_samples=(1_000,)), *frames_of("o", 0, 4_800)[1:-1], last]
    session.sound(told)
    assert sum(len(c.pcm) for c in session.commands if isinstance(c, SendSound)) == 2_000
    assert session.told() == ["reply o", "reply_end o"]


def test_one_whose_end_is_lost_does_not_keep_the_answer_waiting() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400)[:-1])
    session.played("o", 240, started=True)
    session.turn("t1")
    session.reply("a")
    session.wait(4_000)
    assert session.told()[-2:] == ["reply a", "reply_end a"]


def test_somebody_else_who_speaks_silences_it() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)
    session.speech("t2", "u2")
    assert session.told()[-1] == "stop o"


def test_a_client_that_vanishes_during_it_gets_the_answer_when_it_is_back() -> None:
    session = Session()
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    session.played("o", 240, started=True)
    session.do(session.playback.disconnect(session.now_ns))
    assert names(session.said()) == ["OpenerPlayed"]
    session.turn("t1")
    session.reply("a")
    session.do(session.playback.connect(session.now_ns))
    assert session.told()[-2:] == ["reply a", "reply_end a"]


def test_who_speaks_over_it_once_the_turn_has_ended_is_heard_out_before_the_answer_begins() -> None:
    session = Session()
    sounding(session)
    committed(session)
    session.speech("t2", "u2")
    assert session.told()[-1] == "stop o"
    session.played("o", 480)
    session.wait(500)
    assert (session.told()[-1], told_of(session).retracted) == ("stop o", True)
    session.dismissed()
    assert session.told()[-2:] == ["reply a", "reply_end a"]


def test_who_interrupts_it_once_the_turn_has_ended_never_hears_the_answer() -> None:
    session = Session()
    sounding(session)
    committed(session)
    session.speech("t2", "u2")
    session.played("o", 480)
    session.cut_off("a")
    session.turn("t2")
    session.wait(500)
    assert "reply a" not in session.told()
    assert names(session.said()) == ["PlaybackInterrupted", "OpenerPlayed"]


def test_the_session_may_end_during_it() -> None:
    session = Session()
    sounding(session)
    session.now_ns += 50 * MS
    session.do(session.playback.close("hangup", session.now_ns))
    played = told_of(session)
    assert (played.played_samples, played.retracted) == (240 + 1_200, True)
    assert len(session.said()) == 1


def test_a_client_that_answers_no_stop_is_taken_to_have_heard_it_until_then() -> None:
    session = Session()
    sounding(session)
    session.now_ns += 20 * MS
    goes_on(session)
    stopped_ns = session.now_ns
    session.wait(400)
    played = told_of(session)
    assert (played.played_samples, played.ended_ns, played.retracted) == (240 + 480, stopped_ns, True)


def uncounting() -> Session:
    session = Session()
    session.do(session.playback.connect(session.now_ns, counts=False))
    cued(session)
    session.sound(frames_of("o", 0, 2_400))
    return session


def test_a_client_that_counts_nothing_hears_all_of_it_and_then_the_answer() -> None:
    session = uncounting()
    committed(session)
    session.wait(150)
    assert session.told()[-2:] == ["reply a", "reply_end a"]
    played = told_of(session)
    assert (played.played_samples, played.retracted, played.gap_ms) == (2_400, False, 250)


def test_a_client_that_counts_nothing_has_heard_what_was_sent_until_it_was_taken_back() -> None:
    session = uncounting()
    session.now_ns += 50 * MS
    goes_on(session)
    session.wait(400)
    assert (told_of(session).played_samples, told_of(session).retracted) == (1_200, True)


def test_of_two_microphones_only_one_has_it() -> None:
    session = Session()
    sounding(session)
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700, "speech_ended_ns": session.now_ns}
    session.fact(e.OpenerCued, participant_id="p", turn_id="t9", **why, reply_id="o9", text="Well,")
    session.sound(frames_of("o9", 0, 2_400))
    assert (session.asked(), session.told()) == (1, ["reply o", "reply_end o"])


def test_a_remark_that_begins_before_its_sound_has_come_has_no_opener_over_it() -> None:
    session = Session()
    cued(session)
    session.fact(e.InterruptionDismissed, **SPEAKER, utterance_id="u1", reply_id="x", reason="no-words")
    session.reply("remark", turn_id="t1")
    session.sound(frames_of("o", 0, 2_400))
    assert session.told() == ["reply remark", "reply_end remark"]
