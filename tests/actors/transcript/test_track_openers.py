"""Where a turn may be over, the agent may begin with an opener; it is taken back if the caller goes on."""

import numpy as np
import pytest

from actors.transcript.track_openers import MOST_FALSE_STARTS
from contracts import events as e
from infra.engines.vad import WINDOW_SAMPLES
from tests.actors.transcript.heard_track import HeardTrack
from tests.actors.transcript.test_turn_silence import evidence_of, heard, pause, score
from tests.engine_servers.spelt_sound import silence, spelt

MAYBE = "please tell me what time the train leaves"
VOICE = (np.random.default_rng(1).normal(size=4 * 16_000) * 2_000).astype(np.int16)
"""What the agent has said before, 4 s."""


async def pause_in_words(track: HeardTrack) -> None:
    """Let the caller say what may be all, and be silent for long enough for an opener."""
    await track.hear(spelt(MAYBE))
    await track.tell(score(track, await pause(track), 0.5))
    await track.hear(silence(6 * WINDOW_SAMPLES))


async def cue(track: HeardTrack) -> e.OpenerCued:
    await track.play(VOICE)
    await track.hear(spelt(MAYBE))
    await track.tell(score(track, await pause(track), 0.5))
    await track.hear(silence(6 * WINDOW_SAMPLES))
    await track.until(lambda: len(track.of(e.OpenerCued)) > 0)
    (cued,) = track.of(e.OpenerCued)
    return cued  # type: ignore[no-any-return]


async def test_the_opener_is_cued_once_and_the_turn_ends_as_without_it() -> None:
    async with heard(opener="Well,") as track:
        cued = await cue(track)
        evidence = await evidence_of(track)
        assert (len(track.of(e.OpenerCued)), track.of(e.OpenerRetracted)) == (1, [])
    assert 200 <= cued.silence_ms < evidence.required_silence_ms == cued.required_silence_ms
    assert (cued.text, cued.reason, cued.score) == ("Well,", evidence.reason, evidence.score)


@pytest.mark.parametrize("windows", [0, 10], ids=["in the same utterance", "in another"])
async def test_a_caller_who_goes_on_takes_it_back_and_interrupts_nothing(windows: int) -> None:
    async with heard(opener="Well,") as track:
        cued = await cue(track)
        await track.hear(silence(windows * WINDOW_SAMPLES))
        await track.hear(spelt("for berlin"))
        await track.until(lambda: len(track.of(e.OpenerRetracted)) > 0)
        (retracted,) = track.of(e.OpenerRetracted)
        assert (retracted.reply_id, retracted.turn_id) == (cued.reply_id, cued.turn_id)
        await evidence_of(track)
        assert (len(track.of(e.OpenerCued)), track.of(e.TurnInterrupted)) == (1, [])
        assert track.of(e.TurnEnded)[-1].text == f"{MAYBE} for berlin"


async def test_the_opener_is_cued_only_once_the_microphone_is_known_not_to_hear_the_agent() -> None:
    async with heard(opener="Well,") as track:
        await pause_in_words(track)
        await evidence_of(track)
        assert track.of(e.OpenerCued) == [], "nothing is known yet"
        await track.play(VOICE)
        await pause_in_words(track)
        await track.until_ended(2)
        assert len(track.of(e.OpenerCued)) == 1


async def test_a_microphone_that_hears_the_agent_never_hears_an_opener() -> None:
    async with heard(opener="Well,") as track:
        await track.play(VOICE, echo=0.5)
        await track.hear(silence(70 * WINDOW_SAMPLES))
        before = len(track.of(e.TurnEnded))
        await pause_in_words(track)
        await track.until_ended(before + 1)
        assert track.of(e.OpenerCued) == []


@pytest.mark.parametrize("settings", [{}, {"opener": "Well,", "patience": ""}], ids=["no opener", "no patience"])
async def test_without_an_opener_or_a_patience_there_is_none(settings: dict[str, str]) -> None:
    async with heard(**settings) as track:
        await track.play(VOICE)
        await pause_in_words(track)
        await evidence_of(track)
        assert track.of(e.OpenerCued) == []


async def test_where_others_are_there_it_may_not_be_the_agents_turn_to_speak() -> None:
    async with heard(opener="Well,") as track:
        for who in ("p", "q"):
            joined = track.about(f"joined-{who}") | {"participant_id": who, "identity": who, "kind": "person"}
            await track.tell(e.ParticipantJoined(**joined))
        await track.play(VOICE)
        await pause_in_words(track)
        await evidence_of(track)
        assert track.of(e.OpenerCued) == []
        await track.tell(e.ParticipantLeft(**track.about("left"), participant_id="q", reason="left"))
        await pause_in_words(track)
        await track.until_ended(2)
        assert len(track.of(e.OpenerCued)) == 1


async def test_a_caller_who_goes_on_each_time_is_let_speak() -> None:
    async with heard(opener="Well,") as track:
        await track.play(VOICE)
        for turn in range(MOST_FALSE_STARTS + 1):
            await pause_in_words(track)
            await track.hear(spelt("for berlin"))
            await track.until_ended(turn + 1)
        assert len(track.of(e.OpenerCued)) == len(track.of(e.OpenerRetracted)) == MOST_FALSE_STARTS
