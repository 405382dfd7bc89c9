import numpy as np

from infra.caller.loudspeaker import Loudspeaker, Report

RATE = 1000


def pcm(samples: int, level: int = 5000) -> bytes:
    return np.full(samples, level, "<i2").tobytes()


def speaker_with(samples: int, silence: int = 0) -> tuple[Loudspeaker, list[Report]]:
    speaker = Loudspeaker(RATE)
    speaker.begin("r", "t")
    return speaker, speaker.receive(0, "r", pcm(silence, 0) + pcm(samples - silence))


def test_reports_the_first_sample_that_is_not_silent_when_it_is_heard() -> None:
    speaker, reports = speaker_with(500, silence=40)
    assert reports == []
    assert speaker.next_due_s(0) == 0.04
    assert speaker.advance(0.04) == [Report("r", 40, started=True)]
    assert speaker.replies[0].started_at_s == 0.04


def test_sound_that_begins_at_once_is_reported_at_once() -> None:
    _, reports = speaker_with(500)
    assert reports in ([], [Report("r", 0, started=True)])


def test_reports_ten_times_a_second_how_far_it_is() -> None:
    speaker, _ = speaker_with(500)
    speaker.advance(0.01)
    assert speaker.advance(0.05) == []
    assert speaker.advance(0.11) == [Report("r", 110)]


def test_ends_when_all_was_played() -> None:
    speaker, _ = speaker_with(200)
    speaker.end(0.1, "r", 200)
    assert speaker.next_due_s(0.15) in (0.2, 0.15 + 0.1)
    assert speaker.advance(0.25)[-1] == Report("r", 200, ended=True)
    assert speaker.current is None
    assert speaker.next_due_s(0.3) is None


def test_waits_for_sound_that_comes_late() -> None:
    speaker, _ = speaker_with(100)
    speaker.advance(0.5)
    speaker.receive(1.0, "r", pcm(100))
    speaker.advance(1.05)
    assert speaker.replies[0].played == 150
    assert [(p.at_s, p.first, p.count) for p in speaker.replies[0].segments] == [(0, 0, 100), (1.0, 100, 50)]


def test_the_next_reply_follows_the_last() -> None:
    speaker, _ = speaker_with(100)
    speaker.begin("r2", "t2")
    speaker.receive(0.05, "r2", pcm(100))
    speaker.end(0.06, "r", 100)
    reports = speaker.advance(0.11)
    assert Report("r", 100, ended=True) in reports
    speaker.advance(0.15)
    assert speaker.replies[1].segments[0].at_s >= 0.1


def test_reports_where_and_when_its_sound_ran_out_and_flows_again() -> None:
    speaker, _ = speaker_with(100)
    speaker.advance(0.05)
    (stalled,) = speaker.advance(0.5)
    assert (stalled.stalled, stalled.samples, stalled.at_s) == (True, 100, 0.1)
    (resumed,) = speaker.receive(1.0, "r", pcm(100))
    assert (resumed.resumed, resumed.samples, resumed.at_s) == (True, 100, 1.0)


def test_a_device_that_stands_still_reports_nothing_and_plays_on_from_there() -> None:
    speaker, _ = speaker_with(1000)
    speaker.stand_still(0.25)
    assert speaker.advance(0.6) == []
    assert speaker.next_due_s(0.6) is None
    assert speaker.go_on(0.75, told=True)[0] == Report("r", 250, resumed=True)
    speaker.advance(0.85)
    assert [(p.at_s, p.first, p.count) for p in speaker.replies[0].segments] == [(0, 0, 250), (0.75, 250, 100)]


def test_one_that_does_not_know_it_goes_on_without_a_word() -> None:
    speaker, _ = speaker_with(1000)
    speaker.stand_still(0.25)
    assert speaker.go_on(0.75, told=False) == []


def test_nobody_talks_over_the_answer_while_an_opener_is_heard_before_it() -> None:
    speaker = Loudspeaker(RATE)
    for reply in ({"reply_id": "o", "opener": "Well,"}, {"reply_id": "r"}):
        speaker.tell(0, {"type": "reply", "turn_id": "t", "sample_rate_hz": RATE, **reply})
        speaker.receive(0, reply["reply_id"], pcm(300))
    speaker.end(0, "o", 300)
    speaker.advance(0.2)
    assert (speaker.playing, speaker.playing_ms()) == (True, 0)
    speaker.advance(0.3)
    speaker.advance(0.5)
    assert speaker.playing_ms() == 200
