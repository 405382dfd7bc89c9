"""With a patience, what was said decides how long a silence lasts; the end-of-turn model is not asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from contracts import events as e
from infra.engines.vad import WINDOW_SAMPLES
from infra.settings import Settings
from tests.actors.transcript.heard_track import HeardTrack, TestedEngines
from tests.engine_servers.spelt_sound import silence, spelt

SAID = "please tell me what time the train leaves for berlin"


@asynccontextmanager
async def heard(**settings: str) -> AsyncIterator[HeardTrack]:
    engines = TestedEngines(Settings(stt="local", **{"patience": "balanced", **settings}))  # type: ignore[arg-type]
    track = HeardTrack(engines)
    try:
        yield track
    finally:
        await track.aclose()
        engines.vad.close()


def settled(track: HeardTrack) -> list[e.TranscriptRevised]:
    return [each for each in track.of(e.TranscriptRevised) if each.settled]


async def pause(track: HeardTrack, windows: int = 3) -> e.TranscriptRevised:
    """Let a pause begin, and return its settled words."""
    before = len(settled(track))
    await track.hear(silence(windows * WINDOW_SAMPLES))
    await track.until(lambda: len(settled(track)) > before)
    return settled(track)[-1]


def score(track: HeardTrack, of: e.TranscriptRevised, probability: float | None) -> e.TranscriptScored:
    about = track.about(f"score-{of.event_id}") | {"cause_id": of.event_id, "turn_id": of.turn_id}
    return e.TranscriptScored(**about, participant_id="p", end_probability=probability, problem="")


async def evidence_of(track: HeardTrack) -> e.TurnEvidence:
    (ended,) = await track.until_ended()
    assert ended.evidence is not None
    return ended.evidence  # type: ignore[no-any-return]


async def test_words_that_are_sure_to_end_are_answered_after_the_shortest_silence() -> None:
    async with heard() as track:
        await track.hear(spelt(SAID))
        await track.tell(score(track, await pause(track), 0.99))
        evidence = await evidence_of(track)
    assert (evidence.reason, evidence.required_silence_ms, evidence.patience) == ("sure", 200, "balanced")
    assert evidence.silence_ms < 700
    assert evidence.end_probability == 0.99
    assert evidence.score is not None
    assert (evidence.end_of_turn_probability, evidence.opinions) == (None, ())


async def test_words_that_go_on_are_waited_for_but_no_longer_than_the_longest_silence() -> None:
    async with heard() as track:
        await track.hear(spelt(SAID))
        await track.tell(score(track, await pause(track), 0.0001))
        evidence = await evidence_of(track)
    assert (evidence.reason, evidence.required_silence_ms) == ("goes-on", 1100)
    assert 1100 <= evidence.silence_ms < 1300


@pytest.mark.parametrize(
    "late",
    [
        lambda track, of: [],
        lambda track, of: [score(track, of, None)],
        lambda track, of: [score(track, of.model_copy(update={"event_id": "other"}), 0.99)],
    ],
    ids=["never", "none", "other-words"],
)
async def test_without_a_score_silence_alone_decides(
    late: Callable[[HeardTrack, e.TranscriptRevised], list[e.Event]],
) -> None:
    async with heard() as track:
        await track.hear(spelt(SAID))
        await track.tell(*late(track, await pause(track)))
        evidence = await evidence_of(track)
    assert (evidence.reason, evidence.score, evidence.required_silence_ms) == ("no-score", None, 700)


async def test_a_score_that_comes_late_ends_the_turn_when_it_comes() -> None:
    async with heard() as track:
        await track.hear(spelt(SAID))
        revised = await pause(track, windows=12)
        assert not track.of(e.TurnEnded)
        await track.tell(score(track, revised, 0.99))
        evidence = await evidence_of(track)
    assert evidence.reason == "sure"
    assert 350 < evidence.silence_ms < 700


async def test_the_score_of_a_pause_says_nothing_about_the_next_words_and_the_pause_is_remembered() -> None:
    async with heard() as track:
        await track.hear(spelt("please tell me"))
        first = await pause(track, windows=12)
        await track.tell(score(track, first, 0.2))
        await track.hear(spelt("what time the train leaves"))
        second = await pause(track)
        assert second.text == "please tell me what time the train leaves"
        assert second.pauses == (len("please tell me"),)
        evidence = await evidence_of(track)
    assert evidence.reason == "no-score"
    assert len(evidence.own_pauses_ms) == 1


async def test_weights_that_cannot_be_used_cost_no_call() -> None:
    async with heard(turn_weights="{}") as track:
        await track.hear(spelt(SAID))
        await track.tell(score(track, await pause(track), 0.99))
        assert (await evidence_of(track)).reason == "sure"
