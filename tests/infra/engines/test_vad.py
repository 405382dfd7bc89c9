from typing import Any

import numpy as np
import pytest

from infra.engines.vad import MOST_SILENT_WINDOWS, WINDOW_SAMPLES, SileroVad
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

    def broken(window: object) -> float:
        raise RuntimeError("no model")

    monkeypatch.setattr(track, "_model", broken)
    loud = np.full(WINDOW_SAMPLES, 8000, np.int16)
    assert await track.probabilities(np.concatenate([loud, loud * 0])) == [1.0, 0.0]
    assert track.failure == "RuntimeError: no model"
    vad.close()


@pytest.mark.engines
async def test_a_muted_microphone_does_not_cost_the_model_anything_and_speech_after_it_is_found() -> None:
    vad = SileroVad()
    track, asked = vad.track(), []
    model = track._model

    def counted(window: np.ndarray[Any, np.dtype[np.float32]]) -> float:
        asked.append(window)
        return model(window)

    track._model = counted  # type: ignore[assignment]  # it is called, and nothing else
    silence = np.zeros(200 * WINDOW_SAMPLES, np.int16)
    assert max(await track.probabilities(silence)) < 0.3
    assert len(asked) == MOST_SILENT_WINDOWS
    assert max(await track.probabilities(recorded("hello"))) > 0.9
    asked.clear()
    await track.probabilities(silence[: 10 * WINDOW_SAMPLES])
    assert len(asked) == 10
    vad.close()
