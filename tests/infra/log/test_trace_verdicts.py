"""Which turns are kept is decided alike by every process, from the facts as they are stored."""

import pytest
from faststream.nats import NatsBroker
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts import events as e
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import dead_letter
from infra.log.event_log import append
from infra.log.trace_verdicts import traces_kept
from infra.telemetry.export import Export
from infra.telemetry.turns import trace_id_of
from infra.telemetry.verdicts import Verdict
from tests.infra.log.copies import turn_ended
from tests.waiting import until


class Noting(Export):
    """An export that notes what it is told."""

    def __init__(self, ratio: float = 0.0) -> None:
        exporter: SpanExporter = InMemorySpanExporter()
        super().__init__(exporter, ratio, slow_ms=1000)
        self.told: list[tuple[int, Verdict]] = []

    def decide(self, trace_id: int, verdict: Verdict) -> None:
        self.told.append((trace_id, verdict))


def started(gap_ms: float, session: str = "s-1") -> e.Event:
    ids = {"event_id": f"{session}-{gap_ms}", "session_id": session, "turn_id": "t1", "time_ns": 1}
    return e.PlaybackStarted.model_validate(ids | {"reply_id": "r1", "gap_ms": gap_ms})


async def test_every_process_hears_that_a_turn_was_slow_and_keeps_its_session_s_trace_too(broker: NatsBroker) -> None:
    one, other = Noting(), Noting()
    async with traces_kept(connection(broker), one), traces_kept(connection(broker), other):
        await append(broker, started(300))
        await append(broker, started(1300))
        await until(lambda: bool(one.told and other.told))
    assert one.told == other.told == [(trace_id_of("s-1", "t1"), "slow"), (trace_id_of("s-1", None), "slow")]


async def test_a_turn_that_no_handler_could_take_is_kept(broker: NatsBroker) -> None:
    export = Noting()
    turn = turn_ended(1)
    async with traces_kept(connection(broker), export):
        subscription = await jetstream(broker).pull_subscribe("voice.*.turn.ended", "reasoning", stream="VOICE")
        await append(broker, turn)
        (message,) = await subscription.fetch(1)
        await dead_letter(jetstream(broker), "reasoning", message, "it failed")
        await until(lambda: bool(export.told))
    assert export.told[0] == (trace_id_of("s-1", turn.turn_id), "failed")


@pytest.mark.parametrize("export", [None, Noting(ratio=1.0)])
async def test_where_nothing_or_everything_is_kept_nothing_is_heard(broker: NatsBroker, export: Noting | None) -> None:
    nc = connection(broker)
    before = len(nc._subs)
    async with traces_kept(nc, export):
        assert len(nc._subs) == before
