"""The sounds of `daredevil bench hearing`: built from what is installed on this machine.

Speech with its words, speech in other languages, and sound in which nobody speaks to the agent. None of it belongs to
the repository; if a package is missing, `missing` names it.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from infra.bench.json_list import BadList, read_list
from infra.caller.wav import BadWav, Sound, read_wav

RATE_HZ = 16_000
Samples = npt.NDArray[np.int16]
Kind = Literal["speech", "foreign", "none"]

ASTERISK = Path("/usr/share/asterisk/sounds")
ASTERISK_WORDS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
SPHINX = Path("/usr/share/pocketsphinx/test/data")
NO_SPEECH = re.compile("silence|beep|tone|ascii|letters/|phonetic/")
"""Prompts that hold no words, or single letters, which nobody can tell apart alone."""


class NoSet(ValueError):
    """The folder cannot be used as a set of sounds; the message says why."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One piece of sound, at 16 kHz; `text` is what is said in it, if anything is and it is known."""

    name: str
    samples: Samples
    text: str = ""


@dataclass(frozen=True, slots=True)
class SoundSet:
    """Sounds of one kind: speech to the agent, speech in another language, or sound that is not for the agent."""

    name: str
    kind: Kind
    clips: Callable[[], Iterator[Clip]]
    missing: str = ""
    """How to get the set, if it is not installed."""


@dataclass(slots=True)
class _Found:
    sets: list[SoundSet] = field(default_factory=list)

    def add(self, name: str, kind: Kind, clips: Callable[[], Iterator[Clip]], files: list[Path], package: str) -> None:
        self.sets.append(SoundSet(name, kind, clips, "" if files else f"install {package}"))


def read(path: Path) -> Samples:
    """Return a sound file at 16 kHz, mono. Raises NoSet."""
    try:
        if path.suffix in (".raw",):
            return np.fromfile(path, "<i2").astype(np.int16)
        if path.suffix == ".wav":
            return read_wav(path).at_rate(RATE_HZ).samples
        return _decoded(path)
    except (OSError, BadWav) as error:
        raise NoSet(str(error)) from error


def _decoded(path: Path) -> Samples:
    import av

    pieces: list[npt.NDArray[np.int16]] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        for frame in (*container.decode(audio=0), None):
            pieces += [np.asarray(each.to_ndarray().ravel(), np.int16) for each in resampler.resample(frame)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def known_sets(own: list[Path]) -> list[SoundSet]:
    """Return the sets of this machine, those of `own` folders last. Raises NoSet."""
    return [*_no_speech(), *_foreign(), *_speech(), *(folder_set(folder) for folder in own)]


def folder_set(folder: Path) -> SoundSet:
    """Return a folder's WAVs as a set: speech if there is a manifest.json or a text beside each, else no speech.

    Raises NoSet.
    """
    if not folder.is_dir():
        raise NoSet(f"{folder} is not a folder")
    wavs = sorted(folder.glob("*.wav"))
    if not wavs:
        raise NoSet(f"{folder} contains no .wav file")
    texts = {wav.name: wav.with_suffix(".txt").read_text().strip() for wav in wavs if wav.with_suffix(".txt").exists()}
    manifest = folder / "manifest.json"
    if manifest.exists():
        try:
            texts |= dict(read_list(manifest, "recordings", "one has `wav` and `text`", _named_text))
        except BadList as error:
            raise NoSet(str(error)) from error
    kind: Kind = "speech" if texts else "none"
    named = [wav for wav in wavs if kind == "none" or texts.get(wav.name)]
    return SoundSet(folder.name, kind, lambda: (Clip(wav.name, read(wav), texts.get(wav.name, "")) for wav in named))


def _named_text(entry: Any) -> tuple[str, str]:
    return str(entry["wav"]), str(entry.get("text", ""))


# -- nobody speaks to the agent


def _no_speech() -> list[SoundSet]:
    spec = find_spec("livekit.agents")
    places = spec.submodule_search_locations if spec is not None else None
    ambience = Path(places[0]) / "resources" if places else Path()
    voices = _prompts("en_US_f_Allison")
    moh = sorted(Path("/usr/share/asterisk/moh").glob("*.wav"))

    def sounds(*names: str) -> Callable[[], Iterator[Clip]]:
        return lambda: (Clip(name, read(ambience / f"{name}.ogg")) for name in names)

    def music() -> Iterator[Clip]:
        yield from sounds("hold_music")()
        yield from (Clip(path.name, read(path)) for path in moh)

    return [
        SoundSet("crowds", "none", sounds("crowded-room", "office-ambience")),
        SoundSet("babble", "none", babble, "" if voices else "install asterisk-core-sounds-en-wav"),
        SoundSet("surroundings", "none", sounds("city-ambience", "forest-ambience", "keyboard-typing")),
        SoundSet("music", "none", music),
        SoundSet("noise", "none", noise),
        SoundSet("screeches", "none", screeches),
    ]


def babble() -> Iterator[Clip]:
    """Yield 5, 8, 12 and 20 voices at once, mixed from the prompts of all languages."""
    paths = [path for folder in sorted(ASTERISK.glob("??_*")) for path in _prompts(folder.name)[:40]]
    voices = np.concatenate([read(path) for path in paths]).astype(np.float64)
    for people in (5, 8, 12, 20):
        length = 40 * RATE_HZ
        mixed = sum(np.resize(np.roll(voices, -person * len(voices) // people), length) for person in range(people))
        yield Clip(f"{people} voices", np.asarray(0.3 * 32767 * mixed / np.abs(mixed).max(), np.int16))


def noise() -> Iterator[Clip]:
    """Yield white and pink noise, mains hum, knocks and coughs, all synthetic."""
    rng, length = np.random.default_rng(7), 20 * RATE_HZ
    white = rng.standard_normal(length)
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(1, np.arange(length // 2 + 1)))
    seconds = np.arange(length) / RATE_HZ
    hum = np.sum([np.sin(2 * np.pi * 50 * part * seconds) / part for part in (1, 3, 5)], axis=0)
    for name, sound in (("white", white), ("pink", np.fft.irfft(spectrum, length)), ("hum", hum)):
        yield _made(name, sound)
    for name, fall_s in (("knocks", 0.03), ("coughs", 0.1)):
        bursts = [np.exp(-np.arange(8_000) / (fall_s * RATE_HZ)) * rng.standard_normal(8_000) for _ in range(40)]
        yield _made(name, np.concatenate(bursts))


def screeches() -> Iterator[Clip]:
    """Yield wails, moans, sirens and squeals: gliding tones with overtones, all synthetic."""
    rng = np.random.default_rng(3)
    for name, low_hz, high_hz in (("moans", 90, 500), ("wails", 300, 1_200), ("squeals", 800, 3_000)):
        pieces = []
        for _ in range(20):
            length = int(rng.uniform(0.3, 2.2) * RATE_HZ)
            glide = np.linspace(rng.uniform(low_hz, high_hz), rng.uniform(low_hz, high_hz), length)
            trill = 1 + rng.uniform(0, 0.15) * np.sin(np.arange(length) * 2 * np.pi * rng.uniform(2, 30) / RATE_HZ)
            phase = 2 * np.pi * np.cumsum(glide * trill) / RATE_HZ
            parts = [np.sin(part * phase) / part for part in range(1, 6) if part * high_hz < 7_600]
            tone = np.sum(parts, axis=0)
            tone += rng.uniform(0, 0.4) * rng.standard_normal(length)
            pieces += [tone * np.hanning(length) ** 0.25, np.zeros(int(0.9 * RATE_HZ))]
        yield _made(name, np.concatenate(pieces))


def _made(name: str, sound: npt.NDArray[np.float64]) -> Clip:
    return Clip(name, np.asarray(0.4 * 32767 * sound / np.abs(sound).max(), np.int16))


# -- speech


def _prompts(folder: str) -> list[Path]:
    """Return every fifth of a voice's prompts longer than a word (every fifth, as they are in alphabetical order)."""
    paths = [path for path in sorted((ASTERISK / folder).glob("*.wav")) if not NO_SPEECH.search(path.stem)]
    paths = [path for path in paths if path.stat().st_size > 24_000]
    return [path for first in range(5) for path in paths[first::5]]


def _foreign() -> list[SoundSet]:
    found = _Found()
    for language, folder, package in (
        ("French", "fr_CA_f_June", "asterisk-core-sounds-fr-wav"),
        ("Spanish", "es_MX_f_Allison", "asterisk-core-sounds-es-wav"),
        ("Italian", "it_IT_m_Carlo", "asterisk-core-sounds-it-wav"),
        ("Russian", "ru_RU_f_IvrvoiceRU", "asterisk-core-sounds-ru-wav"),
    ):
        paths = _prompts(folder)
        found.add(language, "foreign", _reader(paths), paths, package)
    return found.sets


def _reader(paths: list[Path]) -> Callable[[], Iterator[Clip]]:
    return lambda: (Clip(path.name, read(path)) for path in paths)


def _speech() -> list[SoundSet]:
    package = "" if ASTERISK_WORDS.exists() and _prompts("en_US_f_Allison") else "install asterisk-core-sounds-en-wav"
    transcripts = SPHINX / "librivox" / "transcription"
    sets = [
        SoundSet("prompts", "speech", prompts, package),
        SoundSet("reading", "speech", reading, "" if transcripts.exists() else "install pocketsphinx-testdata"),
    ]
    return sets + [SoundSet(name, "speech", _changed(change), package) for name, change in CHANGES.items()]


def prompts() -> Iterator[Clip]:
    """Yield the English prompts with their words."""
    lines = gzip.decompress(ASTERISK_WORDS.read_bytes()).decode("utf-8", "replace").splitlines()
    texts = dict(line.split(": ", 1) for line in lines if ": " in line)
    for path in _prompts("en_US_f_Allison"):
        text = texts.get(path.stem, "").strip()
        if len(text.split()) > 2 and "[" not in text:
            yield Clip(path.name, read(path), text)


def reading() -> Iterator[Clip]:
    """Yield sentences of a novel, read by a person, with their words."""
    folder = SPHINX / "librivox"
    for line in (folder / "transcription").read_text().splitlines():
        if match := re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()):
            yield Clip(match[2], read(folder / f"{match[2]}.wav"), match[1])


def _changed(change: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Callable[[], Iterator[Clip]]:
    def clips() -> Iterator[Clip]:
        for clip in islice(prompts(), 40):
            sound = change(clip.samples / max(1, np.abs(clip.samples).max()))
            yield Clip(clip.name, np.asarray(32767 * np.clip(sound, -1, 1), np.int16), clip.text)

    return clips


def _telephone(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return sound as over a telephone: 8 kHz, µ-law."""
    narrow = Sound(np.asarray(sound * 32767, np.int16), RATE_HZ).at_rate(8_000).samples / 32767
    packed = np.round(127 * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    back = np.sign(narrow) * np.expm1(packed * np.log(256)) / 255
    return Sound(np.asarray(back * 32767, np.int16), 8_000).at_rate(RATE_HZ).samples / 32767


CHANGES: dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "quiet": lambda sound: sound * 0.01,
    "clipped": lambda sound: np.clip(sound * 3.2, -0.9, 0.9),
    "offset": lambda sound: sound * 0.03 + 0.05,
    "telephone": _telephone,
}
"""The English prompts at -40 dB, cut off at the peaks (10 dB too loud), quiet and off the zero line, by telephone."""
