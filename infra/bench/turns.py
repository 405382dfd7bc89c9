"""What a policy for the end of a turn does to labelled pauses: how long ends wait, and which pauses it cuts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from actors.transcript.patience import PATIENCES, Lengths, Patience, SpokenSoFar, TurnWeights, is_question, required
from infra.bench.statistics import percentile
from infra.bench.turn_events import TurnEvent
from infra.bench.turn_fit import Floats, TooFewEvents, chosen, decided, fitted, held_out_scores, threshold

Silence = Callable[[TurnEvent], float]
"""The silence (ms) after which a policy takes a turn for over."""

DRAWS = 400
SEED = 1
TOLD_SHARES = (0.05, 0.10, 0.20)
SHARES = (0.02, 0.04, 0.05, 0.08, 0.10, 0.15, 0.20, 0.30)


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """One policy over some events; silences in ms, shares from 0 to 1."""

    ends: int
    pauses: int
    at_once: float
    """Ends that wait for the shortest silence only."""
    median_ms: float
    mean_ms: float
    p90_ms: float
    cut_600: float
    """Pauses within a sentence that it would answer if they lasted 0.6 s."""
    cut_1000: float
    cut_real: float | None
    """Of the pauses whose real length is known, those that it answers; None without any."""
    cut_sentence_600: float | None
    """Pauses of 0.6 s after a whole sentence that it answers; None without any."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of the curve: with this threshold so many pauses are answered at once, and so many ends."""

    threshold: float
    pauses_cut: float
    ends_at_once: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with the middle 90 % of its values over draws of speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TurnsFigures:
    """A set of labelled pauses: `held_out` are by weights fitted without the speaker, `kinds` by source."""

    events: int
    speakers: int
    scored: int
    area: Interval | None = None
    """Area under the curve, ends against pauses within a sentence; None with too few to hold speakers out."""
    end_probability_area: float | None = None
    """The same for the language model's probability alone."""
    policies: dict[str, PolicyFigures] = field(default_factory=dict)
    """By patience, with the weights and thresholds in force."""
    held_out: dict[str, PolicyFigures] = field(default_factory=dict)
    at_once: dict[str, Interval] = field(default_factory=dict)
    """Ends committed at once where 5 %, 10 % and 20 % of the pauses are cut, by held-out scores.

    Here and in the curve, words that are waited for whatever their score are never committed at once.
    """
    curve: list[CurvePoint] = field(default_factory=list)
    kinds: dict[str, dict[str, PolicyFigures]] = field(default_factory=dict)


def words_of_event(event: TurnEvent) -> SpokenSoFar:
    """Return what the policy knows of it: what the agent had said is not part of a set."""
    return SpokenSoFar(event.text, event.end_probability)


def policy_figures(events: Sequence[TurnEvent], silence: Silence, short_ms: float) -> PolicyFigures:
    """Return what a policy does to events."""
    ends = [silence(event) for event in events if event.is_end]
    pauses = [(event, silence(event)) for event in events if event.is_mid_pause]
    real = [ms < event.pause_ms for event, ms in pauses if event.pause_ms is not None]
    after_sentence = [silence(event) < 600 for event in events if event.after_sentence and not event.is_end]
    return PolicyFigures(
        ends=len(ends),
        pauses=len(pauses),
        at_once=_share([ms <= short_ms for ms in ends]) or 0.0,
        median_ms=round(percentile(ends, 0.5), 1),
        mean_ms=round(sum(ends) / len(ends), 1) if ends else 0.0,
        p90_ms=round(percentile(ends, 0.9), 1),
        cut_600=_share([ms < 600 for _, ms in pauses]) or 0.0,
        cut_1000=_share([ms < 1000 for _, ms in pauses]) or 0.0,
        cut_real=_share(real),
        cut_sentence_600=_share(after_sentence),
    )


def _share(found: Sequence[bool]) -> float | None:
    return round(sum(found) / len(found), 4) if found else None


def by_weights(patience: Patience, weights: TurnWeights) -> Silence:
    """Return the policy of a patience with these weights."""
    return lambda event: required(words_of_event(event), patience, weights).silence_ms


def held_out_policies(events: Sequence[TurnEvent], base: TurnWeights, found: Floats) -> dict[str, PolicyFigures]:
    """Return the figures of each patience with scores and thresholds of other speakers.

    The thresholds of a speaker's events are chosen on the pauses of all others. Words that are waited for whatever
    their score wait here too, and questions that are taken for whole do not.
    """
    speakers = np.array([event.speaker for event in events])
    figures: dict[str, PolicyFigures] = {}
    lengths_without: dict[str, dict[str, Lengths]] = {}
    for speaker in sorted(set(speakers)):
        kept = np.flatnonzero(speakers != speaker)
        lengths_without[speaker] = chosen([events[int(at)] for at in kept], found[kept], base)
    score_of = {(event.event_id, event.text): float(score) for event, score in zip(events, found, strict=True)}
    for patience in PATIENCES:

        def silence(event: TurnEvent, patience: Patience = patience) -> float:
            lengths = lengths_without[event.speaker][patience]
            reason = required(words_of_event(event), patience, base).reason
            if reason in ("hesitation", "number", "list"):
                return lengths.long_ms
            if reason == "greeting":
                return lengths.middle_ms
            score = score_of[event.event_id, event.text]
            if score >= lengths.sure or is_question(event.text, event.end_probability, patience):
                return lengths.short_ms
            return lengths.middle_ms if score >= lengths.between else lengths.long_ms

        figures[patience] = policy_figures(events, silence, base.lengths[patience].short_ms)
    return figures


def area(found: Floats, is_end: Sequence[bool]) -> float:
    """Return the area under the curve: how often an end has the higher score of an end and a pause, ties half."""
    ends = np.array([score for score, end in zip(found, is_end, strict=True) if end])
    pauses = np.sort([score for score, end in zip(found, is_end, strict=True) if not end])
    below = np.searchsorted(pauses, ends, "left")
    upto = np.searchsorted(pauses, ends, "right")
    return float((below + upto).sum() / 2 / (len(ends) * len(pauses)))


def at_once(found: Floats, is_end: Sequence[bool], share: float) -> float:
    """Return the share of ends above the threshold at which this share of the pauses is cut."""
    pauses = np.sort([score for score, end in zip(found, is_end, strict=True) if not end])[::-1]
    threshold = pauses[min(int(share * len(pauses)), len(pauses) - 1)]
    ends = [score > threshold for score, end in zip(found, is_end, strict=True) if end]
    return sum(map(bool, ends)) / len(ends)


def curve(found: Floats, is_end: Sequence[bool]) -> list[CurvePoint]:
    """Return points of the curve: pauses cut against ends committed at once."""
    pauses = np.array([score for score, end in zip(found, is_end, strict=True) if not end])
    points = []
    for share in SHARES:
        least = threshold(pauses, share)
        cut = float((pauses > least).mean())
        ends = [score > least for score, end in zip(found, is_end, strict=True) if end]
        points.append(CurvePoint(round(least, 3), round(cut, 4), round(sum(map(bool, ends)) / len(ends), 4)))
    return points


def bootstrapped(
    events: Sequence[TurnEvent], found: Floats, measure: Callable[[Floats, Sequence[bool]], float]
) -> Interval:
    """Return a measure with its interval over draws of speakers, each with all of their events."""
    random = np.random.default_rng(SEED)
    of_speaker: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        of_speaker.setdefault(event.speaker, []).append(place)
    names = sorted(of_speaker)
    values = []
    for _ in range(DRAWS):
        places = [place for name in random.choice(names, len(names)) for place in of_speaker[name]]
        ends = [events[place].is_end for place in places]
        if any(ends) and not all(ends):
            values.append(measure(found[places], ends))
    whole = measure(found, [event.is_end for event in events])
    return Interval(round(whole, 3), round(percentile(values, 0.05), 3), round(percentile(values, 0.95), 3))


def turns_figures(events: Sequence[TurnEvent], weights: TurnWeights) -> TurnsFigures:
    """Measure a set. Where there are too few silences to hold speakers out, only the policies are told."""
    scored = [event for event in events if event.end_probability is not None]
    figures = TurnsFigures(
        events=len(events),
        speakers=len({event.speaker for event in events}),
        scored=len(scored),
        policies=figures_of(events, weights),
        kinds={
            kind: figures_of([event for event in events if event.kind == kind], weights)
            for kind in sorted({event.kind for event in events})
        },
    )
    try:
        return _with_held_out(figures, scored, weights)
    except TooFewEvents:
        return figures


def _with_held_out(figures: TurnsFigures, scored: Sequence[TurnEvent], weights: TurnWeights) -> TurnsFigures:
    """Return the figures with those of weights that were fitted without the speaker. Raises TooFewEvents."""
    all_scores = held_out_scores(scored)
    places = [place for place, event in enumerate(scored) if event.is_end or event.is_mid_pause]
    told, found = [scored[place] for place in places], all_scores[places]
    is_end = [event.is_end for event in told]
    by_policy = decided(told, found)
    probabilities = np.array([event.end_probability or 0.0 for event in told])
    return replace(
        figures,
        area=bootstrapped(told, found, area),
        end_probability_area=round(area(probabilities, is_end), 3),
        held_out=held_out_policies(scored, weights, all_scores),
        at_once={f"{share:.0%}": bootstrapped(told, by_policy, partial(at_once, share=share)) for share in TOLD_SHARES},
        curve=curve(by_policy, is_end),
    )


def refitted(events: Sequence[TurnEvent], base: TurnWeights, source: str) -> TurnWeights:
    """Return weights fitted to events, with the silences of `base` and thresholds by scores that were held out.

    Raises TooFewEvents.
    """
    scored = [event for event in events if event.end_probability is not None]
    return TurnWeights(fitted(scored), chosen(scored, held_out_scores(scored), base), source)


def figures_of(events: Sequence[TurnEvent], weights: TurnWeights) -> dict[str, PolicyFigures]:
    """Return the figures of each patience."""
    return {
        patience: policy_figures(events, by_weights(patience, weights), weights.lengths[patience].short_ms)
        for patience in PATIENCES
    }
