"""The parts of a run: where they end, what is silence, how loud they are."""

import numpy as np
import pytest

from infra.engines.piper_parts import FIRST_FRAMES, Level, RunPart, Samples, part_ends, trimmed

RATE_HZ = 10_000


def sound(*levels_and_lengths: tuple[float, int]) -> Samples:
    return np.concatenate([np.full(length, level, np.float32) for level, length in levels_and_lengths])


def heard(parts: list[Samples], tail_ms: int, known: bool = True) -> list[RunPart]:
    level = Level()
    level.note(1.0)
    run = level.of_parts() if known else level.of_whole()
    return list(trimmed(parts, len(parts), run, RATE_HZ, tail_ms))


def lengths(parts: list[RunPart]) -> list[int]:
    return [len(part.pcm) // 2 for part in parts]


def test_the_first_part_is_short_and_the_last_is_not_too_short() -> None:
    assert part_ends(30, 0) == [FIRST_FRAMES, 30]
    assert part_ends(FIRST_FRAMES + 5, 0) == [FIRST_FRAMES + 5]
    assert part_ends(80, 8) == [8 + FIRST_FRAMES, 80]
    ends = part_ends(1_000, 8)
    assert ends[0] == 8 + FIRST_FRAMES
    assert ends[-1] == 1_000
    assert ends == sorted(set(ends))


@pytest.mark.parametrize("cut", [1, 500, 1000, 1200, 1500, 3000, 6499])
def test_silence_is_trimmed_to_5_ms_before_and_what_the_mark_asks_for_behind(cut: int) -> None:
    whole = sound((0, 1000), (1, 500), (0, 5000))
    parts = heard([whole[:cut], whole[cut:]], tail_ms=100)
    assert sum(lengths(parts)) == 50 + 500 + 1000
    assert sum(part.left_out for part in parts) == 950
    assert [part.is_last for part in parts][-1]
    assert sum(part.is_last for part in parts) == 1


def test_silence_within_a_run_is_kept() -> None:
    parts = heard([sound((1, 100), (0, 200)), sound((0, 300), (1, 100))], tail_ms=0)
    assert lengths(parts) == [100, 600]


def test_a_run_without_sound_is_kept_as_it_is() -> None:
    assert lengths(heard([sound((0, 100))], 10)) == [100]
    assert lengths(heard([sound((0, 100)), sound((0, 50))], 10, known=False)) == [150]


def test_a_run_made_at_once_is_as_loud_as_it_may_be_and_one_in_parts_as_loud_as_usual() -> None:
    (alone,) = heard([sound((0.25, 100))], 0, known=False)
    assert np.abs(np.frombuffer(alone.pcm, np.int16)).max() == pytest.approx(0.9 * 32767, abs=1)
    (quiet,) = heard([sound((0.25, 100))], 0)
    assert np.abs(np.frombuffer(quiet.pcm, np.int16)).max() == pytest.approx(0.25 * 0.9 * 32767, abs=1)


def test_sound_that_turns_out_louder_than_usual_is_not_cut_off() -> None:
    _, loud = heard([sound((0.5, 100)), sound((1.5, 50), (2, 50))], 0)
    levels = sorted(set(np.frombuffer(loud.pcm, np.int16).tolist()))
    assert len(levels) == 2
    assert 0.9 * 32767 < levels[0] < levels[1] <= 32767


def test_without_runs_before_it_no_level_is_known() -> None:
    level = Level()
    assert not level.is_known
    level.note(0.0)
    assert not level.is_known
    level.note(0.5)
    assert level.is_known
