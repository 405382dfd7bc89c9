import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from faststream.nats import NatsBroker
from typer.testing import CliRunner

from actors.transcript.engines import SpeechEngines
from contracts import events as e
from infra.bench.hearing import EngineLoad, figures_of, measure_hearing, within
from infra.bench.hearing_sets import Clip, NoSet, SoundSet, folder_set, known_sets, noise, screeches
from infra.cli.app import app
from infra.settings import Settings
from tests.speech import recorded

SECOND = np.zeros(16_000, np.int16)


def sound_set(*clips: Clip, kind: str = "none") -> SoundSet:
    return SoundSet("own", "speech" if kind == "speech" else "none", lambda: iter(clips))


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(samples.astype("<i2").tobytes())


def ended(text: str) -> e.TurnEnded:
    return e.TurnEnded(event_id=f"te-{text}", session_id="s-1", time_ns=1, participant_id="p-1", text=text)


def test_turns_in_sound_without_speech_are_false() -> None:
    clips = [Clip("a", np.zeros(16_000 * 90, np.int16))]
    figures = figures_of(sound_set(*clips), clips, [ended("Yeah."), ended("You know.")], EngineLoad(1, 3.0, 0.5))
    assert (figures.turns, figures.false_turns_per_hour, figures.word_error_rate) == (2, 80.0, None)


def test_words_lost_are_those_missing_in_the_turns() -> None:
    clips = [Clip("a", SECOND, "Please call me back."), Clip("b", SECOND, "Thank you.")]
    heard = [ended("Please call me.")]
    figures = figures_of(sound_set(*clips, kind="speech"), clips, heard, EngineLoad())
    assert (figures.words, figures.words_lost, figures.word_error_rate) == (6, 3, 0.5)
    assert figures.false_turns_per_hour is None


def test_a_set_is_cut_to_the_minutes_asked_for() -> None:
    assert [len(clip.samples) for clip in within(sound_set(Clip("a", SECOND), Clip("b", SECOND)), 0.025)] == [16_000]
    assert [len(clip.samples) for clip in within(sound_set(Clip("a", SECOND)), 0.01)] == [9_600]


def test_a_folder_with_texts_is_speech_and_one_without_is_not(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", SECOND)
    assert folder_set(tmp_path).kind == "none"
    (tmp_path / "a.txt").write_text("Hello.\n")
    assert [(clip.name, clip.text) for clip in folder_set(tmp_path).clips()] == [("a.wav", "Hello.")]
    (tmp_path / "manifest.json").write_text('{"wav": 1}')
    with pytest.raises(NoSet, match=r"manifest\.json"):
        folder_set(tmp_path)


def test_a_folder_without_sound_says_so(tmp_path: Path) -> None:
    for folder, why in ((tmp_path, r"no \.wav"), (tmp_path / "nowhere", "is not a folder")):
        with pytest.raises(NoSet, match=why):
            known_sets([folder])


def test_what_is_made_is_sound_within_its_range() -> None:
    def peaks(clips: Iterator[Clip]) -> list[int]:
        return [int(np.abs(clip.samples).max()) for clip in clips]

    assert all(10_000 < peak < 20_000 for peak in (*peaks(noise()), *peaks(screeches())))


def test_a_set_that_is_not_known_is_an_error_that_names_those_that_are() -> None:
    result = CliRunner().invoke(app, ["bench", "hearing", "--only", "nosuch"])
    assert result.exit_code == 2
    assert "screeches" in result.output


@pytest.mark.engines
async def test_speech_is_heard_and_noise_is_not(broker: NatsBroker, tmp_path: Path) -> None:
    write_wav(tmp_path / "what_time.wav", recorded("what_time"))
    (tmp_path / "manifest.json").write_text(json.dumps([{"wav": "what_time.wav", "text": "What time is it?"}]))
    hiss = np.random.default_rng(1).normal(0, 1000, 48_000).astype(np.int16)
    sets = [folder_set(tmp_path), sound_set(Clip("hiss", hiss)), SoundSet("gone", "none", noise, "install it")]
    ears = SpeechEngines(Settings())
    try:
        speech, silent, gone = await measure_hearing(sets, broker, ears, 1, print, [])
    finally:
        await ears.aclose()
    assert (speech.heard, speech.words_lost, speech.word_error_rate) == (["What time is it?"], 0, 0.0)
    assert speech.recognised_per_speech_s is not None
    assert speech.recognised_per_speech_s > 0.5
    assert (silent.turns, silent.false_turns_per_hour) == (0, 0.0)
    assert gone.skipped == "install it"
