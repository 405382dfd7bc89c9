"""The figures of published replays, on a real NATS."""

from faststream.nats import NatsBroker

from infra.bench.replay_publish import measure
from infra.log.connection import connection
from infra.log.event_log import append
from infra.log.nats_reach import connect_once
from infra.replay.recorded_session import recorded_session
from tests.infra.erasure.talk import session
from tests.servers import NatsServer


async def test_every_fact_is_received_and_its_distance_compared(broker: NatsBroker, nats_server: NatsServer) -> None:
    for session_id in ("s-1", "s-2"):
        for fact in session(session_id, "sam"):
            await append(broker, fact)
    sessions = [await recorded_session(connection(broker), session_id) for session_id in ("s-1", "s-2")]
    receiver = await connect_once(nats_server.url)
    figures = await measure(connection(broker), receiver, sessions, at_least=500)
    await receiver.close()
    assert figures.facts == sum(len(each.messages) for each in sessions)
    assert 0 < figures.distance_p50_ms <= figures.distance_p95_ms <= figures.distance_worst_ms
    assert figures.facts_per_s > 0
