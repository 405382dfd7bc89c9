import numpy as np
import pytest

from actors.transcript.echo.playback import PAUSING_SAMPLES, HeardPlayback
from actors.transcript.echo.replies import RepliesSound
from contracts import events as e
from contracts.audio import OPENER_LOUDNESS, InFrame, OutFrame

NS = 1_000_000_000
BEGAN_NS = 20_000 * NS
"""When the microphone's first sample came in."""
VOICE = (np.arange(1, 16_001) % 3000 + 1000).astype("<i2")
"""A second of sound, no sample silent, each known by its value."""


def at(seconds: float) -> int:
    return BEGAN_NS + round(seconds * NS)


def about(name: str, seconds: float) -> dict[str, object]:
    return {"event_id": name, "session_id": "s", "time_ns": at(seconds), "turn_id": "t"}


def heard(frames: int = 50, ahead_ns: int = 0) -> tuple[HeardPlayback, RepliesSound]:
    """Return playback beside a microphone that was heard for a second; the clock here is `ahead_ns` of the door's."""
    sound = RepliesSound()
    playback = HeardPlayback(sound)
    for number in range(frames):
        playback.hear(
            InFrame("t", number * 320, at((number + 1) * 0.02), b"\0" * 640), at((number + 1) * 0.02) + ahead_ns
        )
    return playback, sound


def say(sound: RepliesSound, reply_id: str = "r", index: int = 0) -> None:
    pcm = VOICE.tobytes()
    for first in range(0, 16_000, 1600):
        last = first == 14_400
        sound.add(OutFrame(reply_id, index, first, 16_000, pcm[first * 2 : first * 2 + 3200], last))


def say_now(playback: HeardPlayback, seconds: float, index: int = 0) -> None:
    playback.add(OutFrame("r", index, 0, 16_000, VOICE.tobytes(), True), at(seconds))


def speech(seconds: float) -> e.SpeechStarted:
    return e.SpeechStarted.model_validate(
        {
            **about("ss", seconds),
            "utterance_id": "u",
            "track_id": "t",
            "participant_id": "p",
            "start_sample": 0,
            "over_reply_id": "r",
        }
    )


def test_sound_lies_where_playback_began_and_nowhere_else() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 1.0), reply_id="r"))
    line = playback.played(15_000, 33_000)
    assert not np.any(line[:1000])
    assert np.array_equal(line[1000:17_000], VOICE)
    assert not np.any(line[17_000:])


def test_the_fact_tells_the_first_sample_that_is_not_silent() -> None:
    playback, sound = heard()
    quiet_first = np.concatenate([np.zeros(800, "<i2"), VOICE[:1600]])
    sound.add(OutFrame("r", 0, 0, 16_000, quiet_first.tobytes(), True))
    playback.take(e.PlaybackStarted(**about("ps", 1.0), reply_id="r"))
    assert np.array_equal(playback.played(16_000, 17_600), VOICE[:1600])


def test_a_reply_that_may_be_heard_is_taken_to_begin_with_its_first_sound() -> None:
    playback, _ = heard()
    playback.take(e.ReplyStarted(**about("rs", 0.2), reply_id="r", text=""))
    assert not np.any(playback.played(0, 40_000))
    say_now(playback, 0.5)
    assert np.array_equal(playback.played(8000, 9000), VOICE[:1000])
    playback.take(e.PlaybackStarted(**about("ps", 0.75), reply_id="r"))
    assert not np.any(playback.played(8000, 12_000))
    assert np.array_equal(playback.played(12_000, 13_000), VOICE[:1000])


def test_a_draft_is_not_taken_to_be_heard() -> None:
    playback, _ = heard()
    playback.take(e.ReplyStarted(**about("rs", 0.2), reply_id="r", text="", draft=True))
    say_now(playback, 0.5)
    assert not np.any(playback.played(0, 40_000))
    playback.take(e.ReplyCommitted(**about("rc", 0.6), reply_id="r"))
    assert np.any(playback.played(0, 40_000))


def test_speech_pauses_it_and_it_goes_on_where_it_was() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    playback.take(speech(0.25))
    assert not np.any(playback.played(4000 + PAUSING_SAMPLES, 40_000))
    playback.take(e.PlaybackPaused(**about("pp", 0.3), reply_id="r", played_samples=4500))
    assert np.array_equal(playback.played(4000, 4500), VOICE[4000:4500])
    assert not np.any(playback.played(4500, 40_000))
    playback.take(e.PlaybackResumed(**about("pr", 0.8), reply_id="r", played_samples=4500))
    assert np.array_equal(playback.played(12_800, 13_800), VOICE[4500:5500])


def test_it_goes_on_at_once_when_the_interruption_is_dismissed() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    playback.take(speech(0.25))
    dismissed = e.InterruptionDismissed.model_validate(
        {**about("id", 0.8), "participant_id": "p", "reply_id": "r", "utterance_id": "u", "reason": "echo"}
    )
    version = playback.version
    playback.take(dismissed)
    assert playback.version > version
    assert np.any(playback.played(12_800, 13_800))


def test_sound_that_comes_late_is_played_when_it_comes() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    say_now(playback, 0.5, index=1)
    version = playback.version
    assert np.array_equal(playback.played(16_000, 32_000), VOICE), "it came in time"
    say_now(playback, 2.5, index=2)
    assert playback.version > version
    assert not np.any(playback.played(32_000, 40_000))
    assert np.array_equal(playback.played(40_000, 56_000), VOICE)


def stalled(seconds: float, played: int, cause: str) -> e.PlaybackStalled:
    return e.PlaybackStalled.model_validate(
        {**about("pl", seconds), "reply_id": "r", "played_samples": played, "cause": cause, "heard_ns": at(seconds)}
    )


def went_on(said: float, heard: float, played: int) -> e.PlaybackResumed:
    return e.PlaybackResumed(
        **about("pr", said), reply_id="r", played_samples=played, heard_ns=at(heard), paused_ms=500
    )


def test_after_a_break_it_is_heard_where_the_client_heard_it() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.1), reply_id="r", played_samples=800, heard_ns=at(0.05)))
    assert np.array_equal(playback.played(0, 4000), VOICE[:4000]), "not when it was said that it began"
    playback.take(stalled(0.25, 4000, "client"))
    assert not np.any(playback.played(4000, 40_000))
    version = playback.version
    playback.take(went_on(0.9, 0.75, 4000))
    assert playback.version > version
    line = playback.played(0, 24_000)
    assert np.array_equal(line[:4000], VOICE[:4000])
    assert not np.any(line[4000:12_000])
    assert np.array_equal(line[12_000:], VOICE[4000:])


def test_a_reply_that_ran_dry_goes_on_with_its_next_sound_until_the_facts_say_when() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    playback.take(stalled(1.0, 16_000, "late-sound"))
    say_now(playback, 2.0, index=1)
    assert np.array_equal(playback.played(32_000, 48_000), VOICE)
    playback.take(went_on(2.2, 2.1, 16_000))
    line = playback.played(0, 49_600)
    assert np.array_equal(line[:16_000], VOICE)
    assert not np.any(line[16_000:33_600])
    assert np.array_equal(line[33_600:], VOICE)


def test_one_that_was_interrupted_while_it_ran_dry_does_not_go_on() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    playback.take(stalled(1.0, 16_000, "late-sound"))
    playback.take(e.PlaybackInterrupted(**about("pi", 1.5), reply_id="r", heard_text="", played_samples=16_000))
    say_now(playback, 2.0, index=1)
    assert not np.any(playback.played(16_000, 60_000))


def test_a_client_that_tells_nothing_is_taken_to_play_on() -> None:
    playback, sound = heard()
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    playback.take(stalled(0.25, 4000, "silent"))
    assert np.array_equal(playback.played(4000, 16_000), VOICE[4000:])
    playback.take(went_on(0.9, 0.75, 4000))
    assert not np.any(playback.played(4000, 12_000)), "it had stood still"
    assert np.array_equal(playback.played(12_000, 24_000), VOICE[4000:])


def test_facts_before_the_first_frame_wait_for_it() -> None:
    playback, sound = heard(0)
    say(sound)
    playback.take(e.PlaybackStarted(**about("ps", 0.5), reply_id="r"))
    assert not np.any(playback.played(0, 40_000))
    playback.hear(InFrame("t", 0, at(0.02), b"\0" * 640), at(0.02))
    assert np.array_equal(playback.played(8000, 9000), VOICE[:1000])


def test_clauses_follow_one_another_and_frames_that_come_again_change_nothing() -> None:
    playback, sound = heard()
    say(sound)
    say(sound)
    say(sound, index=1)
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    assert np.array_equal(playback.played(0, 32_000), np.concatenate([VOICE, VOICE]))


def test_sound_of_another_rate_is_resampled() -> None:
    playback, sound = heard()
    tone = (8000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)).astype("<i2")
    sound.add(OutFrame("r", 0, 0, 24_000, tone.tobytes(), True))
    playback.take(e.PlaybackStarted(**about("ps", 0.0), reply_id="r"))
    line = playback.played(0, 14_000)
    wanted = 8000 * np.sin(2 * np.pi * 300 * np.arange(14_000) / 16_000)
    assert np.corrcoef(line[2000:], wanted[2000:])[0, 1] > 0.98


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_of_other_machines_do_not_matter(hours: int) -> None:
    ahead_ns = hours * 3600 * NS
    playback, _ = heard(ahead_ns=ahead_ns)
    elsewhere_s = -3.0 * 3600 * hours
    playback.take(e.ReplyStarted(**about("rs", elsewhere_s), reply_id="r", text=""), at(0.2) + ahead_ns)
    playback.add(OutFrame("r", 0, 0, 16_000, VOICE.tobytes(), True), at(0.5) + ahead_ns)
    assert np.array_equal(playback.played(8000, 9000), VOICE[:1000]), "the agent's sound"
    playback.take(e.PlaybackStarted(**about("ps", 0.75), reply_id="r"), at(9) + ahead_ns)
    assert np.array_equal(playback.played(12_000, 13_000), VOICE[:1000]), "a fact of the door"
    playback.take(speech(elsewhere_s), at(1.0) + ahead_ns)
    end = 16_000 + PAUSING_SAMPLES
    assert np.all(playback.played(end - 100, end))
    assert not np.any(playback.played(end, end + 2000)), "speech that another machine has heard"


def opener_cued(seconds: float) -> e.OpenerCued:
    why = {
        "text": "Well,",
        "reason": "between",
        "silence_ms": 210,
        "required_silence_ms": 700,
        "speech_ended_ns": at(0),
    }
    return e.OpenerCued.model_validate({**about("oc", seconds), "reply_id": "r", "participant_id": "p", **why})


def test_an_opener_is_expected_with_its_first_sound_and_as_quiet_as_it_is_played() -> None:
    playback, _ = heard()
    playback.take(opener_cued(0.2), at(0.2))
    say_now(playback, 0.5)
    assert np.array_equal(playback.played(8000, 9000), VOICE[:1000] * OPENER_LOUDNESS)
    playback.take(e.ReplyCommitted(**about("rc", 0.6), reply_id="a"))
    assert np.any(playback.played(8000, 24_000)), "the answer waits for its end"


@pytest.mark.parametrize("known", [False, True], ids=["before its sound came", "after"])
def test_an_opener_that_is_taken_back_is_expected_no_longer(known: bool) -> None:
    playback, _ = heard()
    playback.take(opener_cued(0.2), at(0.2))
    if known:
        say_now(playback, 0.3)
    playback.take(e.OpenerRetracted(**about("or", 0.4), participant_id="p", reply_id="r", went_on_ns=at(0.4)), at(0.4))
    if not known:
        say_now(playback, 0.5)
    heard_of_it = playback.played(0, 40_000)
    assert np.any(heard_of_it) is np.bool_(known)
    assert not np.any(heard_of_it[round(0.4 * 16_000) + PAUSING_SAMPLES :])


def test_whether_anything_sounds_is_what_was_played() -> None:
    playback, sound = heard()
    say(sound)
    sound.add(OutFrame("r-2", 0, 0, 16_000, bytes(3200) + VOICE.tobytes(), True))
    playback.take(e.PlaybackStarted(**about("ps", 1.0), reply_id="r"))
    playback.take(e.PlaybackStarted(**about("ps-2", 1.5), reply_id="r-2"))
    edges = range(14_000, 46_000, 700)
    for start, end in ((start, end) for start in edges for end in edges if start < end):
        assert playback.sounds(start, end) == bool(np.any(playback.played(start, end))), (start, end)
