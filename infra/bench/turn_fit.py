"""Fits the small model of a turn's end to labelled pauses, and chooses thresholds, with speakers held out."""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from actors.transcript.patience import (
    FEATURES,
    MOST_ODDS,
    Lengths,
    Patience,
    TurnWeights,
    features,
    is_question,
    is_waited_for,
)
from infra.bench.turn_events import TurnEvent

Floats = npt.NDArray[np.float64]

FOLDS = 8
FEW_SPEAKERS = 40
"""With fewer, one of eight parts may have half of the pauses."""
RIDGE = 1.0
STEPS = 50
LEAST = 10
"""Fewer ends or pauses than this fit nothing."""

CUTS: dict[Patience, tuple[float, float]] = {"quick": (0.10, 0.18), "balanced": (0.05, 0.10), "patient": (0.02, 0.06)}
"""Shares of pauses within a sentence that may be answered after the shortest, and after the middle silence."""


class TooFewEvents(ValueError):
    """There are not enough ends and pauses to fit anything."""


def fitted(events: Sequence[TurnEvent]) -> dict[str, float]:
    """Return the weights of a logistic regression, in which ends and pauses count alike. Raises TooFewEvents."""
    usable = _usable(events)
    ends = sum(event.is_end for event in usable)
    if min(ends, len(usable) - ends) < LEAST:
        raise TooFewEvents(
            f"{ends} ends and {len(usable) - ends} pauses within a sentence are too few: {LEAST} of each are needed"
        )
    return _fitted(usable)


def _usable(events: Sequence[TurnEvent]) -> list[TurnEvent]:
    return [event for event in events if event.end_probability is not None and (event.is_end or event.is_mid_pause)]


def _fitted(usable: Sequence[TurnEvent]) -> dict[str, float]:
    ends = sum(event.is_end for event in usable)
    table = _table(usable)
    mean, spread = table.mean(0), np.maximum(table.std(0), 1e-6)
    x = np.column_stack([np.ones(len(usable)), (table - mean) / spread])
    y = np.array([float(event.is_end) for event in usable])
    count = np.where(y == 1, len(y) / (2 * ends), len(y) / (2 * (len(y) - ends)))
    b = _newton(x, y, count)
    weights = b[1:] / spread
    bias = float(b[0] - (weights * mean).sum())
    return {"bias": round(bias, 3), **{name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)}}


def _newton(x: Floats, y: Floats, count: Floats) -> Floats:
    """Return the coefficients of a ridge logistic regression: Newton's method, the first column is not held back."""
    held = np.full(x.shape[1], RIDGE)
    held[0] = 0.0
    b: Floats = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ b, -30, 30)))
        slope = x.T @ (count * (p - y)) + held * b
        curve = (x * (count * p * (1 - p))[:, None]).T @ x + np.diag(held + 1e-9)
        step = np.linalg.solve(curve, slope)
        b = b - step
        if np.abs(step).max() < 1e-8:
            break
    return b


def _table(events: Sequence[TurnEvent]) -> Floats:
    rows = [features(event.text, event.end_probability or 0.0) for event in events]
    return np.array([[row[name] for name in FEATURES] for row in rows])


def scores(events: Sequence[TurnEvent], weights: dict[str, float]) -> Floats:
    """Return the score of each event; one that no model has scored is the lowest."""
    found: Floats = _table(events) @ np.array([weights[name] for name in FEATURES]) + weights["bias"]
    found[[event.end_probability is None for event in events]] = -np.inf
    return found


def held_out_scores(events: Sequence[TurnEvent]) -> Floats:
    """Return the score of each event by weights that were fitted without its speaker. Raises TooFewEvents."""
    fitted(events)
    found = np.full(len(events), -np.inf)
    of_fold = np.array(_folds([event.speaker for event in events]))
    for fold in set(of_fold.tolist()):
        inside = np.flatnonzero(of_fold == fold)
        others = _usable([event for event, at in zip(events, of_fold, strict=True) if at != fold])
        if len({event.is_end for event in others}) < 2:
            raise TooFewEvents("all ends, or all pauses within a sentence, are of one speaker")
        found[inside] = scores([events[int(place)] for place in inside], _fitted(others))
    return found


def _folds(speakers: Sequence[str]) -> list[int]:
    """Return who are held out together: some of many speakers, of few each alone, so that enough are left."""
    names = sorted(set(speakers))
    if len(names) < FEW_SPEAKERS:
        return [names.index(speaker) for speaker in speakers]
    return [zlib.crc32(speaker.encode()) % FOLDS for speaker in speakers]


def decided(events: Sequence[TurnEvent], found: Floats, patience: Patience = "balanced") -> Floats:
    """Return the scores as a policy goes by them.

    Words that it waits for whatever their score have the lowest, questions that are taken for whole the highest.
    """
    waited_for = np.array([is_waited_for(event.text) for event in events], dtype=bool)
    asked = [is_question(event.text, event.end_probability, patience) for event in events]
    scores_of: Floats = np.where(waited_for, -MOST_ODDS, np.where(asked, MOST_ODDS, found))
    return scores_of


def chosen(events: Sequence[TurnEvent], found: Floats, base: TurnWeights) -> dict[str, Lengths]:
    """Return the lengths of each patience, with the thresholds that cut the share of pauses that it may."""
    lengths: dict[str, Lengths] = {}
    for patience, (at_once, at_middle) in CUTS.items():
        by_policy = decided(events, found, patience)
        pauses = np.array([score for event, score in zip(events, by_policy, strict=True) if event.is_mid_pause])
        sure, between = (threshold(pauses, share) for share in (at_once, at_middle))
        lengths[patience] = replace(base.lengths[patience], sure=round(sure, 2), between=round(min(sure, between), 2))
    return lengths


def threshold(pauses: Floats, share: float) -> float:
    """Return the score that this share of the pauses has at least, between those of two pauses.

    Where no score is asked it is a step above the others, or below them: halfway to `MOST_ODDS` nothing has a score.
    """
    scored = pauses[np.abs(pauses) < MOST_ODDS]
    if not len(scored):
        return 0.0
    return float(np.quantile(np.clip(pauses, scored.min() - 1, scored.max() + 1), 1 - share))
