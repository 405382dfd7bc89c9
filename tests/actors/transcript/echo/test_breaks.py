"""A reply whose playback breaks, beside a microphone that hears it: no speech of anybody's, and who speaks is heard."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.echo.replies import RepliesSound
from actors.transcript.endpointing import WINDOW_SAMPLES
from contracts import events as e
from contracts.audio import InFrame, OutFrame
from infra.engines.vad import SileroVad
from tests.actors.transcript.echo.listening import Listening, in_a_quiet_room
from tests.speech import RATE_HZ, recorded

pytestmark = pytest.mark.slow

Sound = npt.NDArray[np.float64]

NS = 1_000_000_000
OPENED_NS = 20_000 * NS
"""When the microphone's first sample was heard."""
AGENT = np.concatenate([recorded("story"), recorded("calls/plain-02"), recorded("calls/plain-05")])
BEGINS_S = 0.5
FRAME = RATE_HZ // 50

TO_DOOR_S, TO_CLIENT_S, FROM_DOOR_S = 0.015, 0.03, 0.005
"""How long frames and counts take to the door, sound to the client's loudspeaker, and facts from the door to here."""
PATIENCE_S = 0.25
"""After so much of a break that is not over the door says it."""


@dataclass(frozen=True)
class Break:
    """After `at_s` of a reply nothing is heard for `lasts_s`: its sound is late, or its client stands still."""

    at_s: float
    lasts_s: float
    cause: str = "late-sound"
    link_s: float = 0.0
    """How much longer everything takes between client and door."""

    @property
    def first(self) -> int:
        return int(self.at_s * RATE_HZ)

    @property
    def goes_on_s(self) -> float:
        return BEGINS_S + self.at_s + self.lasts_s


def ns(seconds: float) -> int:
    return OPENED_NS + round(seconds * NS)


def played(pause: Break) -> Sound:
    """Return what the loudspeaker plays, in the microphone's samples."""
    line = np.zeros(int((BEGINS_S + len(AGENT) / RATE_HZ + pause.lasts_s + 1.5) * RATE_HZ))
    for at_s, piece in ((BEGINS_S, AGENT[: pause.first]), (pause.goes_on_s, AGENT[pause.first :])):
        line[int(at_s * RATE_HZ) : int(at_s * RATE_HZ) + len(piece)] = piece
    return line


def echo(pause: Break, delay_ms: float, db: float) -> Sound:
    line = played(pause)
    delay = int(delay_ms * RATE_HZ / 1000)
    return np.concatenate([np.zeros(delay), line[: len(line) - delay]]) * 10 ** (db / 20)


def happens(playback: HeardPlayback, pause: Break) -> Iterator[tuple[float, Callable[[], None]]]:
    """Yield what comes to know of the reply's sound and of its playback, and when that comes here."""

    def fact(event: type[e.Event], said_s: float, **fields: object) -> tuple[float, Callable[[], None]]:
        names = {"event_id": event.__name__, "session_id": "s", "turn_id": "t", "reply_id": "r"}
        said = event.model_validate({**names, "time_ns": ns(said_s), **fields})
        here_s = said_s + FROM_DOOR_S
        return here_s, lambda: playback.take(said, ns(here_s))

    def sound(at_s: float, index: int, piece: npt.NDArray[np.int16]) -> tuple[float, Callable[[], None]]:
        frame = OutFrame("r", index, 0, RATE_HZ, piece.astype("<i2").tobytes(), True)
        return at_s, lambda: playback.add(frame, ns(at_s))

    to_door_s, to_client_s = TO_DOOR_S + pause.link_s, TO_CLIENT_S + pause.link_s
    late_s = BEGINS_S if pause.cause == "client" else pause.goes_on_s
    told_s = pause.goes_on_s + to_door_s
    begun_s, onset = BEGINS_S + to_door_s, int(np.flatnonzero(np.abs(AGENT.astype(int)) > 256)[0])
    yield fact(e.ReplyStarted, 0.3, text="")
    yield sound(BEGINS_S - to_client_s, 0, AGENT[: pause.first])
    yield sound(late_s - to_client_s, 1, AGENT[pause.first :])
    heard_ns = ns(BEGINS_S + onset / RATE_HZ)
    yield fact(e.PlaybackStarted, begun_s + onset / RATE_HZ, played_samples=onset, heard_ns=heard_ns)
    stopped_s = BEGINS_S + pause.at_s
    yield fact(
        e.PlaybackStalled,
        min(stopped_s + PATIENCE_S, told_s) if pause.cause == "late-sound" else told_s,
        played_samples=pause.first,
        heard_ns=ns(stopped_s),
        cause=pause.cause,
    )
    heard_ns = ns(pause.goes_on_s)
    yield fact(e.PlaybackResumed, told_s, played_samples=pause.first, heard_ns=heard_ns, paused_ms=pause.lasts_s * 1000)


async def speech_begins(microphone: Sound, pause: Break, vad: SileroVad) -> list[float]:
    """Return when speech is noticed, in seconds."""
    samples = in_a_quiet_room(microphone)
    playback = HeardPlayback(RepliesSound())
    listening = Listening(EchoCanceller(playback), vad)
    to_come = sorted(happens(playback, pause), key=lambda one: one[0])
    handled = 0
    for first in range(0, len(samples) - FRAME, FRAME):
        here_s = (first + FRAME) / RATE_HZ + TO_DOOR_S + pause.link_s
        while to_come and to_come[0][0] <= here_s:
            to_come.pop(0)[1]()
        pcm = samples[first : first + FRAME].astype("<i2").tobytes()
        playback.hear(InFrame("t", first, ns(here_s), pcm), ns(here_s))
        while first + FRAME - handled >= WINDOW_SAMPLES:
            await listening.hear(handled, samples[handled : handled + WINDOW_SAMPLES])
            handled += WINDOW_SAMPLES
    return listening.begins_s


@pytest.mark.parametrize("cause", ["late-sound", "client"])
@pytest.mark.parametrize("lasts_s", [0.3, 2.0])
@pytest.mark.parametrize(("delay_ms", "db"), [(60, -25), (60, -12), (250, -18)])
async def test_an_echo_is_no_speech_after_a_break_either(
    vad: SileroVad, delay_ms: float, db: float, lasts_s: float, cause: str
) -> None:
    pause = Break(2.0, lasts_s, cause)
    assert await speech_begins(echo(pause, delay_ms, db), pause, vad) == []


async def test_sound_that_is_long_on_its_way_does_not_make_the_path_unlearnt(vad: SileroVad) -> None:
    pause = Break(2.0, 0.9, link_s=0.11)
    assert await speech_begins(echo(pause, 60, -25), pause, vad) == []


@pytest.mark.parametrize("lasts_s", [0.5, 2.0])
@pytest.mark.parametrize("db", [-12, -25])
async def test_who_speaks_after_a_break_is_heard_as_soon_as_without_an_echo(
    vad: SileroVad, db: float, lasts_s: float
) -> None:
    pause = Break(2.0, lasts_s)
    stop = recorded("stop").astype(float)
    line = np.zeros(len(played(pause)))
    first = int((pause.goes_on_s + 0.5) * RATE_HZ)
    line[first : first + len(stop)] = stop[: len(line) - first]
    alone = await speech_begins(line, pause, vad)
    over = await speech_begins(line + echo(pause, 60, db), pause, vad)
    assert alone[0] - 0.05 <= over[0] <= alone[0] + 0.13
