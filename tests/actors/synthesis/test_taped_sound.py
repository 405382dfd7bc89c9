"""Pieces of sound on the tape: as long as they were, with the same word ends, and without the sound."""

from hypothesis import given
from hypothesis import strategies as st

from actors.synthesis.taped_sound import _Pieces
from infra.engines.chain import EngineFailure
from infra.engines.voice import SynthesizedSound
from infra.spoken.pipeline import spoken

RATES = st.sampled_from([16_000, 22_050, 24_000, 48_000])
ENDS = st.lists(st.floats(0, 100) | st.integers(0, 10**6).map(lambda samples: samples / 22_050), max_size=5).map(tuple)
SAID = st.sampled_from([None, spoken("It is $12.75."), spoken("Hello.")])
SOUNDS = st.builds(SynthesizedSound, st.integers(0, 500).map(lambda n: bytes(2 * n)), RATES, st.just("local"), ENDS)


@given(st.lists(SOUNDS, max_size=6), SAID)
def test_pieces_come_back_from_what_is_on_the_tape(sounds: list[SynthesizedSound], said: object) -> None:
    parts = [SynthesizedSound(s.pcm, s.sample_rate_hz, s.engine, s.word_ends_s, said) for s in sounds]  # type: ignore[arg-type]
    written, read = _Pieces(), _Pieces()
    assert [read.unpack(written.pack(part)) for part in parts] == parts


def test_failures_come_back_too() -> None:
    failure = EngineFailure("piper", "no line", "used local", "local")
    assert _Pieces().unpack(_Pieces().pack(failure)) == failure
