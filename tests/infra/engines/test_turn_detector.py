import asyncio

import numpy as np
import pytest

from infra.engines.turn_detector import EndOfTurn
from tests.speech import recorded


class Stream:
    def __init__(self, hangs: bool) -> None:
        self.hangs = hangs

    def flush(self) -> None: ...

    def push_audio(self, frame: object) -> None: ...

    async def predict(self) -> object:
        if self.hangs:
            await asyncio.Event().wait()
        raise RuntimeError("broken")

    async def aclose(self) -> None: ...


class Detector:
    def __init__(self, hangs: bool) -> None:
        self.hangs = hangs

    def stream(self) -> Stream:
        return Stream(self.hangs)


async def test_without_the_model_there_is_no_opinion() -> None:
    def missing() -> object:
        raise ImportError("not installed")

    end_of_turn = EndOfTurn(missing)
    assert end_of_turn.failure == "ImportError: not installed"
    assert await end_of_turn.track().probability(np.zeros(100, np.int16)) is None


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_model_that_fails_or_hangs_has_no_opinion(hangs: bool) -> None:
    track = EndOfTurn(lambda: Detector(hangs)).track()
    assert await track.probability(np.zeros(100, np.int16), timeout_s=0.05) is None


@pytest.mark.engines
async def test_a_finished_question_is_likelier_over_than_words_that_break_off() -> None:
    track = EndOfTurn().track()
    gap = np.zeros(3200, np.int16)
    whole = await track.probability(np.concatenate([recorded("calls/plain-02"), gap]), 20)
    cut = recorded("calls/plain-02")
    broken_off = await track.probability(np.concatenate([cut[: len(cut) // 3], gap]), 20)
    assert whole is not None
    assert broken_off is not None
    assert 0 < broken_off < whole < 1
    await track.aclose()
