"""An opener is played at once, is no reply, and falls silent when the caller goes on."""

from array import array
from dataclasses import replace

from bridge.playback.commands import Ask, SendSound
from contracts import events as e
from tests.bridge.agent import frames_of
from tests.bridge.livekit.session_log import names
from tests.bridge.playback.playback_session import MS, Session

SPEAKER = {"participant_id": "p", "turn_id": "t1"}


def cued(session: Session) -> None:
    """Let the caller pause after some words, and the agent begin."""
    session.speech("t1", "u1")
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700}
    ended_ns = session.now_ns - 250 * MS
    session.fact(e.OpenerCued, **SPEAKER, **why, reply_id="o", text="Well,", speech_ended_ns=ended_ns)


def goes_on(session: Session) -> None:
    session.fact(e.OpenerRetracted, **SPEAKER, reply_id="o", went_on_ns=session.now_ns)


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


def test_a_door_that_takes_the_call_over_lets_it_be() -> None:
    session = Session()
    cued(session)
    other = Session()
    other.do(other.playback.replay(session.log, session.now_ns))
    other.sound(frames_of("o", 0, 2_400))
    assert (other.asked(), other.told()) == (0, [])


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
