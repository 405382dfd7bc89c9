"""The figures of memory, measured on a small table."""

import random
from collections import Counter
from pathlib import Path

import pytest

from infra.bench.memory import measure_memory, sentence, whose


def test_most_turns_are_of_ordinary_users_and_one_has_very_many() -> None:
    turns = Counter(whose(100_000))
    assert turns.most_common(1)[0][0] == "heaviest"
    assert 7_000 < turns["heaviest"] < 9_000
    assert 1_500 < turns["regular-0"] < 2_500
    assert 150 < turns["user-0"] < 350


def test_sentences_differ() -> None:
    drawn = random.Random(1)
    assert len({sentence(drawn, ("My {} is {}.",)) for _ in range(50)}) > 40


@pytest.mark.slow
async def test_it_reports_times_and_recall(tmp_path: Path) -> None:
    figures = await measure_memory(1_000, 20, tmp_path, False, lambda _: None)
    assert figures.recall == 1
    assert 0 < figures.p50_ms <= figures.p95_ms <= figures.max_ms
    assert figures.heaviest_turns > 50
