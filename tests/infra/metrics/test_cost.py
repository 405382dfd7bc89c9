"""What metrics cost a call: the same minute of facts with and without a reader, in turns."""

import statistics
import time

import pytest

from contracts import events as e
from infra.metrics import table as t
from infra.metrics.sessions import MeasuredSessions
from tests.contracts.samples import sample
from tests.infra.metrics.measured import read_metrics

TURN = (
    (e.SpeechStarted, 1),
    (e.TranscriptRevised, 6),
    (e.UtteranceTranscribed, 1),
    (e.ReplyStarted, 1),
    (e.ReplyClauseWritten, 4),
    (e.TurnEnded, 1),
    (e.ClauseSynthesized, 4),
    (e.PlaybackStarted, 1),
    (e.ReplyCompleted, 1),
    (e.PlaybackFinished, 1),
    (e.ToolReturned, 1),
)
"""The facts of an exchange, and how many of each."""

TURNS_A_MINUTE = 10
MOST_OF_A_CORE = 0.005


def cpu_s_of_a_minute() -> float:
    """Count the facts of a minute of talk, and measure the storing and handling of each; return the CPU time."""
    facts = [sample(event) for _ in range(TURNS_A_MINUTE) for event, number in TURN for _ in range(number)]
    sessions = MeasuredSessions()
    began_s = time.process_time()
    for fact in facts:
        t.APPEND_TIME.record(0.003, "nats", "publish", "VOICE", "")
        for durable in ("persistence", "reasoning", "synthesis"):
            t.HANDLING_TIME.record(0.01, "nats", "process", durable, "")
        sessions.count(fact, fact.time_ns)
    return time.process_time() - began_s


@pytest.mark.alone
def test_metrics_of_a_call_take_less_than_half_a_percent_of_a_core() -> None:
    more_s = []
    for _ in range(7):
        without_s = cpu_s_of_a_minute()
        with read_metrics():
            more_s.append(cpu_s_of_a_minute() - without_s)
    assert statistics.median(more_s) / 60 < MOST_OF_A_CORE
