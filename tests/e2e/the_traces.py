"""The traces that a system has sent, as a collector sees them."""

import pytest

from contracts import events as e
from infra.telemetry.turns import trace_id_of
from tests.infra.telemetry.otlp_receiver import ReceivedSpan, Receiver
from tests.waiting import until

END_OF_TURN = "end-of-turn model"
_STAGES = ("turn", "speech", "recognition", "end of turn", "reply", "node retrieve", "synthesis", "playback")
MODEL = ("node generate", "chat local")
BY_TEXT = ("turn", "reply", "chat local", "playback")


def stages_of(turn: e.TurnEnded) -> tuple[str, ...]:
    """Return the spans that a spoken turn has.

    On a busy machine the longest silence may have passed before the end-of-turn model was asked.
    """
    return (*_STAGES, END_OF_TURN) if times_asked(turn) else _STAGES


def times_asked(turn: e.TurnEnded) -> int:
    """Return how often the end-of-turn model was asked about a turn."""
    return sum(bool(opinion.asked_ns) for opinion in turn.evidence.opinions) if turn.evidence is not None else 0


async def trace_of(collector: Receiver, session_id: str, turn_id: str | None, *names: str) -> list[ReceivedSpan]:
    """Return the spans of a turn once it is whole: those of these names are there, and the parents of all."""
    trace_id = f"{trace_id_of(session_id, turn_id):032x}"

    def spans() -> list[ReceivedSpan]:
        return [span for span in collector.spans if span.trace_id == trace_id]

    def is_whole() -> bool:
        known = {span.span_id for span in spans()}
        has_parents = all(span.parent_id in known for span in spans() if span.parent_id)
        return has_parents and {*names} <= {span.name for span in spans()}

    try:
        await until(is_whole, 20)
    except AssertionError:
        pytest.fail(f"{names} are not all in {sorted({span.name for span in spans()})}, or parents are missing")
    return spans()


def edges(spans: list[ReceivedSpan]) -> set[tuple[str, str]]:
    """Return which service calls which, as Jaeger's service map finds it."""
    service = {span.span_id: span.service.removeprefix("daredevil-") for span in spans}
    pairs = {(service[span.parent_id], service[span.span_id]) for span in spans if span.parent_id}
    return {(caller, called) for caller, called in pairs if caller != called}


def roots(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    return [span for span in spans if not span.parent_id]
