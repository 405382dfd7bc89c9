"""What the tapes of calls weigh, from the journal of a real log."""

import json
from dataclasses import asdict

from faststream.nats import NatsBroker

from infra.bench.journal import journal_figures
from infra.log.connection import connection
from infra.log.event_log import append
from infra.log.tapes import tapes_of
from infra.tape.live import LiveTapes
from tests.infra.log.copies import session_closed, turn_ended
from tests.infra.log.test_tapes import until_stored


async def test_bytes_are_counted_by_actor_and_kind_and_lost_chunks_by_their_gap(broker: NatsBroker) -> None:
    await append(broker, turn_ended(0))
    await append(broker, session_closed())
    tapes, tape = tapes_of(broker), tapes_of(broker).of("s-1")
    assert isinstance(tapes, LiveTapes)
    for number in range(100):
        tape.took("tick", number)
        if number == 50:
            await tapes.finish()
            tape.took("odd", object())  # cannot be noted: a number is left out
    tape.took("answer", [0, "words " * 40])
    await tapes.finish()
    await until_stored(broker, tapes.written)
    figures = await journal_figures(connection(broker), ["s-1"])
    assert (figures.sessions, figures.deliveries, figures.missing) == (1, 101, 1)
    assert set(figures.by_kind) == {"test tick", "test answer"}
    assert 0 < figures.chunk_bytes < figures.raw_bytes
    assert figures.by_actor == {"test": figures.chunk_bytes}
    assert figures.cpu_s > 0
    assert len(figures.lines()) == 6
    assert json.loads(json.dumps(asdict(figures)))["by_actor"] == figures.by_actor
