"""With a share of no traces at all, a slow turn is still kept: whole, by every process, and with its session."""

from pathlib import Path

import pytest

from contracts import events as e
from infra.caller import place_call
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.e2e.the_traces import edges, roots, stages_of, trace_of
from tests.infra.telemetry.otlp_receiver import http_receiver
from tests.systems import running_system

# What is kept and what is not is shown by tests/infra/telemetry, whole traces by test_traces.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.asyncio(loop_scope="package")]


async def test_a_slow_turn_is_kept_whole_by_every_process(tmp_path: Path) -> None:
    with http_receiver() as collector:
        settings = {
            "DAREDEVIL_OTLP_ENDPOINT": collector.endpoint,
            "DAREDEVIL_TRACE_RATIO": "0",
            "DAREDEVIL_TRACE_SLOW_MS": "1",
            "DAREDEVIL_POSTGRES_URL": "off",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            **{f"DAREDEVIL_{engine}_TIMEOUT_S": "120" for engine in ("LLM", "STT", "TTS")},
        }
        async with running_system(tmp_path / "data", settings) as system:
            result = await place_call(system.page_url, [DATA / "story.wav"])
            facts = [fact.event for fact in await facts_of(system.nats_url, result.session_id)]
            (turn,) = [fact for fact in facts if isinstance(fact, e.TurnEnded)]
            spans = await trace_of(collector, result.session_id, turn.turn_id, *stages_of(turn))
            # The session's trace is kept with it: the turn links to that.
            of_the_session = await trace_of(collector, result.session_id, None, "session opened")
        (root,) = roots(spans)
        assert (root.name, root.service) == ("turn", "daredevil-bridge")
        assert root.links == (of_the_session[0].trace_id,)
        assert {
            ("bridge", "transcript"),
            ("transcript", "reasoning"),
            ("reasoning", "synthesis"),
            ("synthesis", "bridge"),
        } <= edges(spans)
