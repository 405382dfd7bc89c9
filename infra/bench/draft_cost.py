"""What drafts cost: the same calls with drafts and without, in tokens of the local model and in CPU. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.bench.draft_use import DraftUse
from infra.bench.gap import CallFigures, summarise
from infra.bench.machine_use import MachineUse

Block = tuple[Sequence[CallFigures], MachineUse]
"""Calls, and what was used while they were placed."""


@dataclass(frozen=True, slots=True)
class Side:
    """With drafts, or without; per call are the calls that were answered: the same calls are placed at both."""

    calls: int
    failed: int
    turns: int
    early: int
    median_ms: float
    p95_ms: float
    drafts: DraftUse
    cpu_s_per_call: float
    cpu_s_per_call_of: dict[str, float]
    """The same for each part of the system."""
    tokens_read_per_call: float | None
    """Tokens that the local model had to read: without those in its cache, with those of summaries, of questions that
    were read while they were being said, and of scores. None if it is not known."""
    tokens_written_per_call: float | None


@dataclass(frozen=True, slots=True)
class DraftCost:
    """With drafts against without: multiples of the CPU time and of the tokens of a call; None if not known."""

    at_once: int
    with_drafts: Side
    without: Side
    cpu: float | None
    tokens_read: float | None
    tokens_written: float | None
    tokens: float | None
    """Read and written together."""


def blocks_of(plans_count: int) -> tuple[slice, slice]:
    """Return the halves in which calls are placed: with, without, without, with, so that a drift hits both alike."""
    half = (plans_count + 1) // 2
    return slice(0, half), slice(half, plans_count)


def draft_cost(at_once: int, with_drafts: Sequence[Block], without: Sequence[Block]) -> DraftCost:
    """Compare the blocks of calls with drafts and those without."""
    one, other = side_of(with_drafts), side_of(without)
    return DraftCost(
        at_once=at_once,
        with_drafts=one,
        without=other,
        cpu=_times(one.cpu_s_per_call, other.cpu_s_per_call),
        tokens_read=_times(one.tokens_read_per_call, other.tokens_read_per_call),
        tokens_written=_times(one.tokens_written_per_call, other.tokens_written_per_call),
        tokens=_times(_both(one), _both(other)),
    )


def side_of(blocks: Sequence[Block]) -> Side:
    """Return the figures of one side."""
    calls = [call for figures, _ in blocks for call in figures]
    uses = [use for _, use in blocks]
    all_calls = summarise(calls)
    answered = len(calls) - all_calls.failed
    parts = sorted({part for use in uses for part in use.cores})
    return Side(
        calls=len(calls),
        failed=all_calls.failed,
        turns=sum(call.turns for call in calls),
        early=all_calls.early,
        median_ms=all_calls.median_ms,
        p95_ms=all_calls.p95_ms,
        drafts=all_calls.drafts,
        cpu_s_per_call=_per(sum(use.cpu_s() for use in uses), answered),
        cpu_s_per_call_of={part: _per(sum(use.cpu_s(part) for use in uses), answered) for part in parts},
        tokens_read_per_call=_tokens([use.tokens_read for use in uses], answered),
        tokens_written_per_call=_tokens([use.tokens_written for use in uses], answered),
    )


def _per(amount: float, calls: int) -> float:
    return round(amount / calls, 3) if calls else 0.0


def _tokens(counts: Sequence[float | None], calls: int) -> float | None:
    known = [count for count in counts if count is not None]
    return _per(sum(known), calls) if calls and len(known) == len(counts) else None


def _both(side: Side) -> float | None:
    if side.tokens_read_per_call is None or side.tokens_written_per_call is None:
        return None
    return side.tokens_read_per_call + side.tokens_written_per_call


def _times(one: float | None, other: float | None) -> float | None:
    return round(one / other, 2) if one is not None and other else None
