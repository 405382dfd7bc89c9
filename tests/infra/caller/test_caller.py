import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import serve

from infra.caller import CallFailed, ScriptedUtterance, Sound, place_call, websocket_messages, write_wav
from infra.caller.conversation import CallState
from infra.caller.microphone import Microphone
from infra.caller.websocket_messages import ws_url
from infra.process.tasks import ended
from infra.session.quiet import MOST_JOINED, Quiet
from tests.infra.caller.fake_door import RATE_HZ, fake_door
from tests.waiting import until

pytestmark = pytest.mark.slow


def words(seconds: float = 0.3, rate_hz: int = 16_000) -> Sound:
    loud = 6000 * np.sin(np.arange(round(seconds * rate_hz)) * 0.2)
    return Sound(loud.astype(np.int16), rate_hz)


async def test_says_a_recording_and_returns_the_answer_with_its_gap(tmp_path: Path) -> None:
    write_wav(tmp_path / "hello.wav", words())
    async with fake_door() as door:
        result = await place_call(door.url, [tmp_path / "hello.wav"], user_id="ada")
    assert door.hello["user_id"] == "ada"
    assert door.hung_up
    (turn,) = result.turns
    assert (turn.text, turn.reply_text, turn.heard_text) == ("Hello there.", "Hi!", "Hi!")
    assert turn.log_gap_ms == sum(turn.parts.values())
    # 10 silent frames, and 40 ms of silence at the reply's begin; the rest is a busy machine's.
    assert turn.gap_ms is not None
    assert 200 <= turn.gap_ms < 700
    assert not turn.early


async def test_sends_every_sample_of_the_recording_and_silence_around_it() -> None:
    sound = words()
    async with fake_door() as door:
        result = await place_call(door.url, [ScriptedUtterance(sound)])
    sent = np.frombuffer(bytes(door.pcm), "<i2")
    start = round(result.said[0].start_s * 16_000)
    assert np.array_equal(sent[start : start + len(sound.samples)], sound.samples)
    assert not sent[:start].any()
    assert not sent[start + len(sound.samples) :].any()


async def test_keeps_real_time_pace_on_the_whole() -> None:
    async with fake_door() as door:
        result = await place_call(door.url, [ScriptedUtterance(words(0.6))])
    spent_s = door.arrivals_s[-1] - door.arrivals_s[0]
    frames = len(door.pcm) // 640
    assert spent_s == pytest.approx((frames - 1) * 0.02, abs=0.1)
    assert result.seconds >= frames * 0.02
    assert len(door.arrivals_s) < frames, "quiet after the turn is sent in longer pieces"


async def test_speech_after_joined_quiet_begins_with_the_next_frame_not_with_the_next_piece() -> None:
    microphone, sent = Microphone(16_000), list[bytes]()
    microphone.quiet = Quiet()
    microphone.quiet.may_end_turn = False

    async def give(piece: bytes) -> None:
        sent.append(piece)

    sending = asyncio.create_task(microphone.send(give))
    await until(lambda: len(sent) > 1 and len(sent[-1]) == 640 * MOST_JOINED, 10)
    quiet = sum(map(len, sent)) // 2
    first = microphone.say(np.full(640, 9_000, np.int16))
    await microphone.said()
    await until(lambda: sum(map(len, sent)) // 2 >= first + 640, 10)
    await ended(sending)
    said = np.frombuffer(b"".join(sent), "<i2")
    assert first >= quiet
    assert list(np.flatnonzero(said)) == list(range(first, first + 640))
    assert [len(piece) for piece in sent if any(piece)][-1] == 640


async def test_reports_what_was_played_until_the_end() -> None:
    async with fake_door(reply_s=0.5) as door:
        await place_call(door.url, [ScriptedUtterance(words())])
    assert [bool(report.get("started")) for report in door.played].count(True) == 1
    last = {"type": "played", "reply_id": "r0", "samples": len(door.reply) // 2, "ended": True}
    assert door.played[-1].items() >= last.items()
    samples = [report["samples"] for report in door.played]
    assert samples == sorted(samples)
    gaps = [later - sooner for sooner, later in itertools.pairwise(samples)]
    assert max(gaps) < 0.3 * RATE_HZ


async def test_says_the_next_recording_when_the_answer_has_ended() -> None:
    async with fake_door(reply_s=0.4) as door:
        result = await place_call(door.url, [ScriptedUtterance(words()), ScriptedUtterance(words())])
    assert len(result.turns) == 2
    first = result.replies[0]
    assert first.started_at_s is not None
    assert result.said[1].start_s > first.started_at_s + 0.4


async def test_talks_over_a_reply_when_asked_to() -> None:
    async with fake_door(reply_s=0.9) as door:
        barge = ScriptedUtterance(words(), after_reply_ms=100)
        result = await place_call(door.url, [ScriptedUtterance(words()), barge])
    reply = result.replies[0]
    assert reply.started_at_s is not None
    assert result.said[1].start_s - reply.started_at_s < 0.7


async def test_the_answer_is_laid_out_in_the_callers_time() -> None:
    async with fake_door() as door:
        result = await place_call(door.url, [ScriptedUtterance(words())])
    started_s = result.replies[0].started_at_s
    assert started_s is not None
    onset = int(np.flatnonzero(np.abs(result.answer.samples) > 256)[0])
    assert onset / result.answer.rate_hz == pytest.approx(started_s, abs=0.001)


async def test_recordings_of_different_rates_share_a_call() -> None:
    async with fake_door() as door:
        result = await place_call(
            door.url, [ScriptedUtterance(words(0.3, 8_000)), ScriptedUtterance(words(0.3, 22_050))]
        )
    assert door.hello["sample_rate_hz"] == 16_000
    assert len(result.turns) == 2


async def test_no_answer_is_a_clear_error_with_what_there_was() -> None:
    async with fake_door() as door:
        door.mute = True
        with pytest.raises(CallFailed, match="no answer within 1 s: still waiting for the end of the turn") as failed:
            await place_call(door.url, [ScriptedUtterance(words())], answer_timeout_s=1)
    assert failed.value.result is not None
    assert failed.value.result.session_id == "s-1"


async def test_a_door_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(CallFailed, match=r"the call to ws://127\.0\.0\.1:9/ws"):
        await place_call("http://127.0.0.1:9/", [ScriptedUtterance(words())])


async def test_a_failure_without_words_is_named_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_messages, "WELCOME_TIMEOUT_S", 0.1)
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as door:
        port = next(iter(door.sockets)).getsockname()[1]
        with pytest.raises(CallFailed, match="failed: TimeoutError"):
            await place_call(f"http://127.0.0.1:{port}", [ScriptedUtterance(words())])


def test_the_page_address_leads_to_the_socket() -> None:
    assert ws_url("http://127.0.0.1:8030/") == "ws://127.0.0.1:8030/ws"
    assert ws_url("https://example.org") == "wss://example.org/ws"
    assert ws_url("ws://h:1/ws") == "ws://h:1/ws"


def test_a_discarded_draft_is_not_waited_for() -> None:
    conversation = CallState()
    conversation.take("SpeechStarted", {"turn_id": "t"})
    conversation.take("ReplyStarted", {"turn_id": "t", "reply_id": "draft"})
    conversation.take("TurnEnded", {"turn_id": "t"})
    conversation.take("ReplyDiscarded", {"turn_id": "t", "reply_id": "draft"})
    conversation.take("PlaybackFinished", {"turn_id": "t", "reply_id": "draft"})
    assert not conversation.settled
    conversation.take("ReplyStarted", {"turn_id": "t", "reply_id": "real"})
    conversation.take("PlaybackFinished", {"turn_id": "t", "reply_id": "real"})
    assert conversation.settled


def test_a_cough_leaves_nothing_to_wait_for() -> None:
    conversation = CallState()
    conversation.take("SpeechStarted", {"turn_id": "t2"})
    assert not conversation.settled
    conversation.take("InterruptionDismissed", {"reply_id": "r1"})
    assert conversation.settled
    assert conversation.decisions == 1


def test_an_interruption_that_proves_to_be_no_speech_leaves_nothing_to_wait_for() -> None:
    conversation = CallState()
    speech = {"turn_id": "t2", "utterance_id": "u2", "over_reply_id": "r1"}
    conversation.take("SpeechStarted", speech)
    conversation.take("TurnInterrupted", {"turn_id": "t2", "utterance_id": "u2", "reply_id": "r1"})
    assert not conversation.settled
    conversation.take("UtteranceDismissed", {**speech, "reason": "no-words"})
    assert conversation.settled
    assert conversation.decisions == 1


def test_what_is_said_to_speech_that_was_dismissed_is_waited_for() -> None:
    conversation = CallState()
    conversation.take("SpeechStarted", {"turn_id": "t"})
    conversation.take("UtteranceDismissed", {"turn_id": "t", "event_id": "d", "reason": "language"})
    conversation.take("ReplyStarted", {"turn_id": "t'", "reply_id": "r", "cause_id": "d"})
    assert not conversation.settled
    conversation.take("PlaybackFinished", {"turn_id": "t'", "reply_id": "r"})
    assert conversation.settled


def test_a_reply_without_words_is_over_when_it_is_written() -> None:
    conversation = CallState()
    conversation.take("TurnEnded", {"turn_id": "t"})
    conversation.take("ReplyStarted", {"turn_id": "t", "reply_id": "r"})
    conversation.take("ReplyCompleted", {"turn_id": "t", "reply_id": "r", "clauses": 0})
    assert conversation.settled
