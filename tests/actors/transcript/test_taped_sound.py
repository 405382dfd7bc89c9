"""What the tape holds of a track's sound can be read back, and takes about a byte a frame and a window."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.transcript.taped_sound import (
    LEVELS,
    MOST_BYTES,
    FrameCame,
    TapedSound,
    WindowsJudged,
    packed,
    quantised,
    unpacked,
)
from contracts.audio import InFrame
from infra.tape.untaped import Untaped

BEGIN = FrameCame(0, 0, 0)


class _Notes(Untaped):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[str, bytes]] = []

    def took(self, kind: str, payload: bytes = b"", at_ns: int | None = None) -> None:
        self.taken.append((kind, payload))


def frame(first_sample: int, received_ms: int, samples: int = 320) -> InFrame:
    return InFrame("mic", first_sample, received_ms * 1_000_000, bytes(2 * samples))


frames = st.builds(FrameCame, st.integers(0, 2**40), st.integers(1, 48_000), st.integers(0, 2**42))


@given(st.lists(st.one_of(frames, st.binary(min_size=1, max_size=16).map(WindowsJudged))))
def test_what_is_packed_is_unpacked(entries: list[FrameCame | WindowsJudged]) -> None:
    last, data = BEGIN, b""
    for entry in entries:
        if isinstance(entry, WindowsJudged):
            data += bytes([128 + len(entry.levels)]) + entry.levels
        else:
            data, last = data + packed(last, entry), entry
    assert unpacked(data, BEGIN) == entries


@given(st.binary(max_size=60))
def test_rubbish_is_refused_or_read_but_never_worse(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert len(unpacked(data, BEGIN)) <= len(data)


@given(st.floats(0, 1))
def test_a_probability_is_decided_on_as_it_is_kept(probability: float) -> None:
    level, decided_on = quantised(probability)
    assert quantised(decided_on) == (level, decided_on)
    assert abs(decided_on - probability) <= 0.5 / LEVELS + 1e-9


def test_a_regular_frame_takes_one_byte() -> None:
    first, second = FrameCame(3200, 320, 1_000), FrameCame(3520, 320, 1_020)
    assert packed(first, second) == bytes([20])


def test_frames_and_windows_are_kept_in_order_and_go_to_the_tape_when_something_else_is_noted() -> None:
    notes = _Notes()
    sound = TapedSound(notes, "mic")
    sound.frames([frame(0, 1_000), frame(320, 1_019)])
    assert sound.window(0.4) == 102 / LEVELS
    sound.window(1.0)
    assert notes.taken == []
    sound.flush()
    ((kind, data),) = notes.taken
    assert kind == "sound:mic"
    assert unpacked(data, BEGIN) == [FrameCame(0, 320, 1_000), FrameCame(320, 320, 1_019), WindowsJudged(b"\x66\xff")]


def test_sound_without_any_decision_goes_to_the_tape_as_well() -> None:
    notes = _Notes()
    sound = TapedSound(notes, "mic")
    for _ in range(MOST_BYTES):
        sound.window(0.0)
    sound.flush()
    windows = [each for _, data in notes.taken for each in unpacked(data, BEGIN) if isinstance(each, WindowsJudged)]
    assert len(notes.taken) == 2
    assert sum(len(each.levels) for each in windows) == MOST_BYTES


def test_something_else_is_noted_after_the_sound_before_it() -> None:
    notes = _Notes()
    sound = TapedSound(notes, "mic")
    sound.window(0.0)
    sound.took("words", ["yes"])
    assert [kind for kind, _ in notes.taken] == ["sound:mic", "words"]


@pytest.mark.parametrize("data", [b"\x80", b"\x81", b"\x7f\xc0", b"\x91\x00"])
def test_a_mark_without_what_it_announces_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(data, BEGIN)
