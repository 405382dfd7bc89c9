from dataclasses import asdict

from infra.bench.draft_cost import blocks_of, draft_cost
from infra.bench.draft_use import DraftUse
from infra.bench.gap import CallFigures
from infra.bench.machine_use import MachineUse
from infra.cli.json_output import OUTPUTS


def some_calls(turns: int, gap_ms: float, drafts: DraftUse | None = None) -> list[CallFigures]:
    use = drafts or DraftUse()
    return [CallFigures("a.wav", False, "a", "a", gap_ms=gap_ms, turns=1, drafts=use) for _ in range(turns)]


def used(cpu_s: float, read: float | None, written: float | None) -> MachineUse:
    return MachineUse(seconds=10, cores={"llm": cpu_s / 10}, tokens_read=read, tokens_written=written)


def test_a_call_with_drafts_is_compared_with_one_without() -> None:
    with_drafts = [
        (some_calls(2, 500, DraftUse(1, 0, 20, 0)), used(3, 100, 50)),
        (some_calls(2, 500, DraftUse(2, 1, 20, 10)), used(3, 100, 70)),
    ]
    cost = draft_cost(1, with_drafts, [(some_calls(4, 900), used(4, 160, 80))])
    assert (cost.with_drafts.turns, cost.without.turns) == (4, 4)
    assert (cost.cpu, cost.tokens_read, cost.tokens_written) == (1.5, 1.25, 1.5)
    assert cost.tokens == round((50 + 30) / (40 + 20), 2)
    assert cost.with_drafts.drafts == DraftUse(6, 2, 80, 20)
    OUTPUTS["bench drafts"].model().model_validate(asdict(cost))


def test_tokens_that_the_models_server_does_not_tell_are_not_known() -> None:
    cost = draft_cost(1, [(some_calls(1, 500), used(1, None, None))], [(some_calls(1, 500), used(1, 10, 10))])
    assert (cost.tokens, cost.tokens_read, cost.cpu) == (None, None, 1)


def test_without_an_answer_nothing_is_compared() -> None:
    assert draft_cost(1, [([], used(1, 1, 1))], [([], used(1, 1, 1))]).cpu is None


def test_a_drift_of_the_machine_hits_both_sides() -> None:
    first, second = blocks_of(5)
    assert (list(range(5))[first], list(range(5))[second]) == ([0, 1, 2], [3, 4])
