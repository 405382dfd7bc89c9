"""An engine that streams hears speech while it is spoken; whatever its line does, each word is heard once.

The plugin is Deepgram's own, against a server on loopback; the sound can really be read (`spelt_sound`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from livekit.agents.utils import http_context

from actors.transcript import pieces
from contracts import events as e
from infra.engines.chain import ASKED_AGAIN, PASSED_OVER
from infra.engines.vad import WINDOW_SAMPLES
from infra.settings import Settings
from tests.actors.transcript.heard_track import HeardTrack, TestedEngines
from tests.engine_servers.deepgram import DeepgramServer, Plan, deepgram_server
from tests.engine_servers.spelt_sound import WORD_SAMPLES, WORDS, read, silence, spelt

SAID = "please tell me what time the train leaves for berlin"
PAUSE = silence(10 * WINDOW_SAMPLES)
"""Long enough to end a stream, too short to end the turn."""


@dataclass
class Call:
    """A track that is heard by Deepgram, and by others behind it."""

    track: HeardTrack
    server: DeepgramServer
    engines: TestedEngines

    @property
    def failures(self) -> list[e.EngineFailed]:
        return failures_of(self.track)

    @property
    def revisions(self) -> list[e.TranscriptRevised]:
        return [fact for fact in self.track.facts if isinstance(fact, e.TranscriptRevised)]


def failures_of(track: HeardTrack) -> list[e.EngineFailed]:
    """Return the failures of speech to text; that there is no model of voice activity is one, too."""
    return [fact for fact in track.facts if isinstance(fact, e.EngineFailed) and fact.engine != "silero"]


@asynccontextmanager
async def call(*plans: Plan, stt: str = "deepgram.STT,local") -> AsyncIterator[Call]:
    async with http_context.open(), deepgram_server(*plans) as server:
        options: dict[str, object] = {"api_key": "secret-key", "base_url": server.url}
        engines = TestedEngines(Settings(stt=stt, stt_options=options))
        track = HeardTrack(engines)
        try:
            yield Call(track, server, engines)
        finally:
            await track.aclose()
            engines.vad.close()


async def said(call: Call, text: str = SAID) -> e.TurnEnded:
    """Say something in one go, and return the turn."""
    turns = len(call.track.of(e.TurnEnded))
    await call.track.hear(spelt(text))
    ended: e.TurnEnded = (await call.track.until_ended(turns + 1))[-1]
    return ended


async def test_captions_come_while_somebody_speaks_and_a_draft_may_begin_before_the_turn_ends() -> None:
    async with call() as heard:
        await heard.track.hear(spelt("please tell me"))
        await heard.track.until(lambda: any("please tell" in each.text for each in heard.revisions))
        assert not any(each.settled for each in heard.revisions)
        assert not heard.track.of(e.SpeechEnded)
        await heard.track.hear(silence(3 * WINDOW_SAMPLES))  # 96 ms: the stream is not ended yet
        await heard.track.until(lambda: heard.revisions[-1].settled)
        assert heard.revisions[-1].text == "please tell me"
        (turn,) = await heard.track.until_ended()
        assert turn.text == "please tell me"
        (transcribed,) = heard.track.of(e.UtteranceTranscribed)
        assert (transcribed.text, transcribed.engine) == ("please tell me", "deepgram.STT")
        assert (heard.failures, heard.engines.local_heard, heard.server.posted) == ([], [], [])
        assert heard.server.keys == ["Token secret-key"]
        assert heard.server.queries[0]["interim_results"] == "true"


async def test_the_engine_is_given_each_sample_once_in_order() -> None:
    async with call() as heard:
        await said(heard)
        (sound,) = heard.server.streamed
        assert " ".join(word for word, _, _ in read(bytes(sound))) == SAID


async def test_speech_that_goes_on_after_a_pause_is_another_stream_and_the_same_turn() -> None:
    async with call() as heard:
        await heard.track.hear(np.concatenate([spelt("please tell me"), PAUSE, spelt("what time")]))
        (turn,) = await heard.track.until_ended()
        assert turn.text == "please tell me what time"
        assert len(heard.server.streamed) == 2


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_an_engine_that_refuses_is_a_failure_with_its_status_and_the_next_hears_everything(status: int) -> None:
    async with call(Plan(status=status)) as heard:
        turn = await said(heard)
        assert (turn.text, turn.lost_ms) == (SAID, 0)
        (failure,) = heard.failures
        assert (failure.actor, failure.engine, failure.action) == ("transcript", "deepgram.STT", "local was asked")
        assert str(status) in failure.error
        assert "secret" not in failure.error
        (transcribed,) = heard.track.of(e.UtteranceTranscribed)
        assert transcribed.engine == "local"


async def test_a_line_that_is_cut_is_opened_again_with_the_sound_so_far() -> None:
    async with call(Plan(fault="drops", after_words=3), Plan()) as heard:
        turn = await said(heard)
        assert turn.text == SAID
        assert [failure.action for failure in heard.failures] == [ASKED_AGAIN]
        assert heard.engines.local_heard == []


async def test_a_line_that_is_cut_again_and_again_makes_room_for_the_next_engine() -> None:
    async with call(Plan(fault="drops", after_words=2)) as heard:
        turn = await said(heard)
        assert turn.text == SAID
        assert [failure.action for failure in heard.failures] == [ASKED_AGAIN, "local was asked"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("half-closes", "it did not end within 0.5 s of the last sound"),
        ("stalls", "it did not end within 0.5 s of the last sound"),
        ("drops-at-once", "deepgram connection closed unexpectedly"),
    ],
)
async def test_words_that_an_engine_owes_are_heard_by_the_next(
    monkeypatch: pytest.MonkeyPatch, fault: str, why: str
) -> None:
    monkeypatch.setattr("infra.engines.stt.STREAM_ENDS_S", 0.5)
    plans = [Plan(fault=fault), Plan(fault=fault)]  # type: ignore[arg-type]  # one of Fault
    async with call(*plans) as heard:
        await heard.track.hear(spelt("please tell"))
        if fault != "drops-at-once":
            await heard.track.until(lambda: heard.revisions)
        await heard.track.hear(spelt("me"))
        (turn,) = await heard.track.until_ended()
        assert turn.text == "please tell me"
        assert why in heard.failures[0].error
        assert heard.failures[-1].action == "local was asked"


async def test_the_only_engine_is_asked_for_the_whole_when_its_stream_fails() -> None:
    async with call(Plan(status=500), stt="deepgram.STT") as heard:
        turn = await said(heard)
        assert turn.text == SAID
        (failure,) = heard.failures
        assert failure.action == ASKED_AGAIN
        assert " ".join(word for word, _, _ in read(heard.server.posted[-1])) == SAID


async def test_when_every_way_fails_the_speech_is_told_to_be_lost() -> None:
    async with call(Plan(status=401), stt="deepgram.STT") as heard:
        heard.server.post_status = 401
        await heard.track.hear(spelt(SAID))
        (turn,) = await heard.track.until_ended()
        assert turn.text == ""
        assert turn.lost_ms > 0
        assert [each.reason for each in heard.track.of(e.SpeechLost)] == ["engine"]
        assert heard.failures[-1].action == "the words are lost"


async def test_an_engine_that_failed_rests_and_the_next_utterance_is_not_streamed_to_it() -> None:
    async with call(Plan(status=500), Plan()) as heard:
        await said(heard)
        await said(heard, "me what time")
        assert [turn.text for turn in heard.track.of(e.TurnEnded)] == [SAID, "me what time"]
        assert len(heard.server.keys) == 1
        other = HeardTrack(heard.engines)
        await other.hear(spelt("what time"))
        await other.until_ended()
        (failure,) = failures_of(other)
        assert (failure.engine, failure.error) == ("deepgram.STT", PASSED_OVER)
        await other.aclose()


@pytest.mark.parametrize("plan", [Plan(), Plan(fault="stalls")], ids=["heard", "stalls"])
async def test_long_speech_without_a_pause_is_heard_in_stretches_and_each_word_once(
    monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    monkeypatch.setattr("infra.engines.stt.STREAM_ENDS_S", 0.5)
    monkeypatch.setattr("actors.transcript.track_streams.LONGEST_SAMPLES", pieces.LONGEST_SAMPLES + 2 * 16_000)
    words = (WORDS * 2)[: pieces.LONGEST_SAMPLES // WORD_SAMPLES + 10]
    async with call(plan) as heard:
        turn = await said(heard, " ".join(words))
        assert turn.text.split() == words
        assert all(len(pcm) // 2 < 15 * 16_000 for pcm in heard.engines.local_heard)


async def test_words_over_a_reply_interrupt_it_while_they_are_spoken() -> None:
    async with call() as heard:
        await heard.track.tell(
            e.ReplyStarted(**heard.track.about("rs"), reply_id="r", text=""),
            e.ReplyClauseWritten(**heard.track.about("rc"), reply_id="r", index=0, text="Once upon a time there was."),
            e.PlaybackStarted(**heard.track.about("ps"), reply_id="r"),
        )
        await heard.track.hear(spelt("what time the train"))
        await heard.track.until(lambda: heard.track.of(e.TurnInterrupted))
        assert not heard.track.of(e.SpeechEnded)
        (stopped,) = heard.track.of(e.TurnInterrupted)
        assert stopped.text.startswith("what time")
        (turn,) = await heard.track.until_ended()
        assert turn.text == "what time the train"


PLANS = st.one_of(
    st.just(Plan()),
    st.builds(Plan, status=st.sampled_from([401, 429, 500])),
    st.builds(
        Plan,
        fault=st.sampled_from(["drops", "drops-at-once", "half-closes", "stalls"]),
        after_words=st.integers(1, 4),
    ),
)
PHRASES = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([2, 4, 8, 40])), min_size=1, max_size=5)
"""How many words, and how many windows of silence follow them: none of note, a pause, the end of a turn."""


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PLANS, min_size=1, max_size=5), PHRASES, st.sampled_from(["deepgram.STT,local", "deepgram.STT"]))
async def test_whatever_becomes_of_its_lines_each_word_is_heard_once(
    monkeypatch: pytest.MonkeyPatch, plans: list[Plan], phrases: list[tuple[int, int]], stt: str
) -> None:
    monkeypatch.setattr("infra.engines.stt.STREAM_ENDS_S", 0.3)
    monkeypatch.setattr("infra.engines.stt.REST_S", 0.0)
    words = iter(WORDS)
    async with call(*plans, stt=stt) as heard:
        spoken: list[str] = []
        for count, windows in phrases:
            phrase = [word for _, word in zip(range(count), words, strict=False)]
            if not phrase:
                break
            spoken += phrase
            await heard.track.hear(np.concatenate([spelt(" ".join(phrase)), silence(windows * WINDOW_SAMPLES)]))
        await heard.track.until_said(len(spoken))
        turns = heard.track.of(e.TurnEnded)
        assert [word for turn in turns for word in turn.text.split()] == spoken
        assert heard.track.of(e.SpeechLost) == []
        ended = [name for turn in turns for name in turn.utterance_ids]
        assert sorted(ended) == sorted(fact.utterance_id for fact in heard.track.of(e.SpeechStarted))
        assert all(failure.error and failure.action for failure in heard.failures)


async def test_an_engine_for_whole_utterances_is_asked_when_the_speech_is_over() -> None:
    async with call(stt="local,deepgram.STT") as heard:
        turn = await said(heard)
        assert turn.text == SAID
        assert heard.server.keys == []


async def test_a_session_that_ends_closes_its_streams() -> None:
    async with call() as heard:
        await heard.track.hear(spelt("please tell"))
        await heard.track.until(lambda: heard.server.streamed)
        streams = heard.track.listener._recognising.streams
        assert len(streams._open) == 1
        await heard.track.aclose()
        assert (streams._open, streams._closing) == (set(), set())
