import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from infra.engines.vad import MOST_SILENT_WINDOWS, WINDOW_SAMPLES, SileroVad
from infra.engines.vad_model import MOST_TOGETHER, Sound, TrackMemory
from tests.speech import recorded


@pytest.mark.engines
async def test_speech_is_probable_in_speech_and_not_in_silence() -> None:
    vad = SileroVad()
    silence = np.zeros(16 * WINDOW_SAMPLES, np.int16)
    probabilities = await vad.track().probabilities(np.concatenate([silence, recorded("hello"), silence]))
    assert max(probabilities[:16]) < 0.3
    assert max(probabilities) > 0.9
    assert max(probabilities[-8:]) < 0.3
    vad.close()


@pytest.mark.engines
async def test_windows_may_come_one_by_one_or_together() -> None:
    vad = SileroVad()
    samples = recorded("hello")[: 30 * WINDOW_SAMPLES]
    together = await vad.track().probabilities(samples)
    track = vad.track()
    single = [
        (await track.probabilities(samples[at : at + WINDOW_SAMPLES]))[0]
        for at in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES)
    ]
    assert together == pytest.approx(single, abs=1e-5)
    vad.close()


@pytest.mark.engines
async def test_when_the_model_fails_loudness_decides_and_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    vad = SileroVad()
    track = vad.track()

    def broken(*_: object) -> list[float]:
        raise RuntimeError("no model")

    monkeypatch.setattr(track._model, "judge", broken)
    loud = np.full(WINDOW_SAMPLES, 8000, np.int16)
    assert await track.probabilities(np.concatenate([loud, loud * 0])) == [1.0, 0.0]
    assert track.failure == "RuntimeError: no model"
    vad.close()


@pytest.mark.engines
async def test_a_muted_microphone_does_not_cost_the_model_anything_and_speech_after_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vad = SileroVad()
    track = vad.track()
    asked: list[Sound] = []
    judge = track._model.judge

    def counted(memories: Sequence[TrackMemory], windows: Sequence[Sound]) -> list[float]:
        asked.extend(windows)
        return judge(memories, windows)

    monkeypatch.setattr(track._model, "judge", counted)
    silence = np.zeros(200 * WINDOW_SAMPLES, np.int16)
    assert max(await track.probabilities(silence)) < 0.3
    assert len(asked) == MOST_SILENT_WINDOWS
    assert max(await track.probabilities(recorded("hello"))) > 0.9
    asked.clear()
    await track.probabilities(silence[: 10 * WINDOW_SAMPLES])
    assert len(asked) == 10
    vad.close()


@pytest.mark.engines
@pytest.mark.parametrize("tracks", [2, MOST_TOGETHER + 3])
async def test_tracks_that_have_a_window_at_the_same_time_share_a_run_and_nothing_else(
    tracks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vad = SileroVad()
    speech = recorded("hello")
    said = [speech[number * WINDOW_SAMPLES :][: 20 * WINDOW_SAMPLES] for number in range(tracks)]
    alone = [await vad.track().probabilities(samples) for samples in said]
    runs: list[int] = []
    judge = vad._model.judge

    def counted(memories: Sequence[TrackMemory], windows: Sequence[Sound]) -> list[float]:
        runs.append(len(windows))
        return judge(memories, windows)

    monkeypatch.setattr(vad._model, "judge", counted)
    at_once = [vad.track() for _ in range(tracks)]
    together: list[list[float]] = [[] for _ in range(tracks)]
    for at in range(0, 20 * WINDOW_SAMPLES, WINDOW_SAMPLES):
        pieces = [samples[at : at + WINDOW_SAMPLES] for samples in said]
        found = await asyncio.gather(*map(lambda track, piece: track.probabilities(piece), at_once, pieces))
        for each, probabilities in zip(together, found, strict=True):
            each += probabilities
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert max(runs) == min(tracks, MOST_TOGETHER)
    assert len(runs) == 20 * -(-tracks // MOST_TOGETHER)
    vad.close()
