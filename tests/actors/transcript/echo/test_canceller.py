import numpy as np
import numpy.typing as npt
import pytest

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.endpointing import WINDOW_SAMPLES
from infra.engines.vad import SileroVad
from tests.actors.transcript.echo.listening import Listening, in_a_quiet_room
from tests.speech import RATE_HZ, recorded

pytestmark = pytest.mark.slow

Sound = npt.NDArray[np.float64]

AGENT = np.concatenate([recorded("story"), recorded("calls/plain-02"), recorded("calls/plain-05")]).astype(float)
BEGINS = RATE_HZ // 2
SECONDS = len(AGENT) / RATE_HZ + 2

ROOM = np.random.default_rng(3).normal(0, 1, RATE_HZ // 4) * 10 ** (-3 * np.arange(RATE_HZ // 4) / RATE_HZ / 0.35)
"""A small room: sound fades by 60 dB in 0.35 s."""


class Played:
    """Playback that is known to have begun at `BEGINS`."""

    def __init__(self, agent: Sound = AGENT) -> None:
        self.version = 1
        self._line = np.concatenate([np.zeros(3 * RATE_HZ + BEGINS), agent, np.zeros(4 * RATE_HZ)])

    def played(self, start: int, end: int) -> Sound:
        return self._line[start + 3 * RATE_HZ : end + 3 * RATE_HZ]

    def sounds(self, start: int, end: int) -> bool:
        return bool(np.any(self.played(start, end)))


def in_room(sound: Sound) -> Sound:
    path = np.concatenate([[2.0], ROOM / np.sqrt(np.sum(ROOM**2))])
    return np.convolve(sound, path)[: len(sound)] / 2


def telephone(sound: Sound) -> Sound:
    """Only up to 3.4 kHz."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / RATE_HZ) > 3400] = 0
    return np.fft.irfft(spectrum, len(sound))


def at(sound: Sound, seconds: float, db: float = 0) -> Sound:
    """Return a line on which a sound begins at that time."""
    line = np.zeros(int(SECONDS * RATE_HZ))
    first = int(seconds * RATE_HZ)
    piece = sound[: len(line) - first]
    line[first : first + len(piece)] = piece * 10 ** (db / 20)
    return line


def echo(delay_ms: float, db: float) -> Sound:
    return at(AGENT, BEGINS / RATE_HZ + delay_ms / 1000, db)


async def speech_begins(microphone: Sound, canceller: EchoCanceller, vad: SileroVad) -> list[float]:
    """Return when speech is noticed, in seconds."""
    samples = in_a_quiet_room(microphone)
    listening = Listening(canceller, vad)
    for first in range(0, len(samples) - WINDOW_SAMPLES, WINDOW_SAMPLES):
        await listening.hear(first, samples[first : first + WINDOW_SAMPLES])
    return listening.begins_s


@pytest.mark.parametrize(("delay_ms", "db"), [(20, -12), (150, -25), (400, -12), (250, -40), (90, -18)])
async def test_the_agents_own_sound_is_no_speech_however_late_and_faint(
    vad: SileroVad, delay_ms: float, db: float
) -> None:
    assert await speech_begins(echo(delay_ms, db), EchoCanceller(Played(np.zeros(1))), vad), "it is speech to the model"
    canceller = EchoCanceller(Played())
    assert await speech_begins(echo(delay_ms, db), canceller, vad) == []


@pytest.mark.parametrize("through", [in_room, telephone])
async def test_it_is_known_through_a_room_and_through_a_telephone(vad: SileroVad, through: object) -> None:
    assert callable(through)
    canceller = EchoCanceller(Played())
    assert await speech_begins(through(echo(120, -15)), canceller, vad) == []
    assert canceller.echoes
    assert canceller.explains(BEGINS + RATE_HZ // 2, BEGINS + RATE_HZ)


@pytest.mark.parametrize("db", [-12, -25, -40])
async def test_a_caller_who_speaks_over_the_echo_is_heard_as_soon_as_without(vad: SileroVad, db: float) -> None:
    stop = at(recorded("stop").astype(float), 2.5)
    alone = await speech_begins(stop, EchoCanceller(Played(np.zeros(1))), vad)
    over = await speech_begins(stop + echo(150, db), EchoCanceller(Played()), vad)
    assert alone[0] - 0.05 <= over[0] <= alone[0] + 0.13


async def test_a_caller_without_echo_is_heard_at_once_after_a_second(vad: SileroVad) -> None:
    stop = at(recorded("stop").astype(float), BEGINS / RATE_HZ + 1.5)
    canceller = EchoCanceller(Played())
    assert await speech_begins(stop, canceller, vad) == await speech_begins(
        stop, EchoCanceller(Played(np.zeros(1))), vad
    )
    assert not canceller.echoes
    assert canceller.is_free(RATE_HZ * 3, RATE_HZ * 4)


async def test_who_speaks_without_echo_from_the_first_sound_on_is_heard_a_little_later(vad: SileroVad) -> None:
    words = at(recorded("what_time").astype(float), BEGINS / RATE_HZ)
    alone = await speech_begins(words, EchoCanceller(Played(np.zeros(1))), vad)
    over = await speech_begins(words, EchoCanceller(Played()), vad)
    assert alone[0] <= over[0] <= alone[0] + 0.2


@pytest.mark.parametrize("db", [-6, -12])
async def test_what_is_said_over_an_echo_that_is_taken_out_is_no_echo(vad: SileroVad, db: float) -> None:
    canceller = EchoCanceller(Played())
    await speech_begins(at(recorded("stop").astype(float), 2.5) + echo(150, db), canceller, vad)
    assert canceller.is_free(int(2.6 * RATE_HZ), int(3.2 * RATE_HZ))


@pytest.mark.parametrize("late_ms", [120, 200, 300])
async def test_where_an_echo_has_moved_it_may_still_be_one(vad: SileroVad, late_ms: int) -> None:
    moves = BEGINS + 2 * RATE_HZ
    known = echo(150, -12)
    moved = np.concatenate([known[:moves], np.zeros(late_ms * RATE_HZ // 1000), known[moves:]])[: len(known)]
    canceller = EchoCanceller(Played())
    await speech_begins(moved, canceller, vad)
    assert canceller.is_free(moves - RATE_HZ, moves)
    assert not canceller.is_free(moves + RATE_HZ // 20, moves + RATE_HZ // 2)


async def test_an_echo_that_begins_late_may_be_one_though_a_second_was_silent(vad: SileroVad) -> None:
    late = echo(1800, -12)
    canceller = EchoCanceller(Played())
    comes = BEGINS + 18 * RATE_HZ // 10
    await speech_begins(late[: comes + RATE_HZ // 8], canceller, vad)
    assert not canceller.is_free(comes, comes + RATE_HZ // 8)


async def test_an_echo_is_found_again_after_playback_was_placed_anew(vad: SileroVad) -> None:
    played = Played()
    canceller = EchoCanceller(played)
    assert await speech_begins(echo(150, -15), canceller, vad) == []
    played.version += 1
    assert await speech_begins(echo(300, -15), canceller, vad) == []
    assert canceller.explains(BEGINS + RATE_HZ // 2, BEGINS + RATE_HZ)


async def test_once_the_client_takes_the_echo_out_itself_a_caller_is_heard_as_without(vad: SileroVad) -> None:
    only_at_first = echo(150, -12)
    only_at_first[int((BEGINS / RATE_HZ + 1.5) * RATE_HZ) :] = 0
    words = at(recorded("calls/plain-08").astype(float), BEGINS / RATE_HZ + 3, -6)
    canceller = EchoCanceller(Played())
    alone = await speech_begins(words, EchoCanceller(Played(np.zeros(1))), vad)
    over = await speech_begins(words + only_at_first, canceller, vad)
    assert alone[0] <= over[0] <= alone[0] + 0.1
    assert not canceller.echoes


async def test_the_tail_after_the_last_word_is_no_speech_either(vad: SileroVad) -> None:
    ends = BEGINS / RATE_HZ + len(AGENT) / RATE_HZ
    begins = await speech_begins(in_room(echo(400, -12)), EchoCanceller(Played()), vad)
    assert [begin for begin in begins if begin > ends] == []


@pytest.mark.parametrize("tones_hz", [(160,), (440,), (262, 330, 392)])
async def test_a_voice_that_only_hums_is_not_taken_for_found_in_a_caller(
    vad: SileroVad, tones_hz: tuple[int, ...]
) -> None:
    seconds = np.arange(len(AGENT)) / RATE_HZ
    hum = np.round(sum(np.sin(2 * np.pi * tone_hz * seconds) for tone_hz in tones_hz) * 4000)
    words = at(recorded("stop").astype(float), BEGINS / RATE_HZ + 1.5)
    canceller = EchoCanceller(Played(hum))
    alone = await speech_begins(words, EchoCanceller(Played(np.zeros(1))), vad)
    assert await speech_begins(words, canceller, vad) == alone
    assert not canceller.echoes


@pytest.mark.parametrize("name", ["what_time", "who_am_i", "calls/plain-01", "calls/plain-08"])
async def test_other_words_than_the_agents_are_no_echo(vad: SileroVad, name: str) -> None:
    words = recorded(name).astype(float)
    canceller = EchoCanceller(Played())
    assert await speech_begins(at(words, BEGINS / RATE_HZ + 0.6) + at(words, BEGINS / RATE_HZ + 4), canceller, vad)
    assert not canceller.echoes
