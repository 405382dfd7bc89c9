import json
from collections.abc import Iterable

import numpy as np
import pytest

from infra.bench.gap import CallFigures, CallPlan
from infra.bench.greeting import Greeting, measure_greetings
from infra.bench.greeting import summarise as greeting_figures
from infra.bench.interruption import Interruption, interruptions_of, measure_interruptions, silent_after
from infra.bench.interruption import summarise as interruption_figures
from infra.bench.paired import added, as_json_text, measure_pairs
from infra.caller import CallFailed, CallResult, MeasuredTurn, PlayedReply, ScriptedUtterance, Sound
from infra.caller.result import SaidUtterance
from infra.caller.talk import OnFact, ignore_fact

RATE_HZ = 24_000


def line(*loud_s: tuple[float, float], seconds: float = 6) -> Sound:
    """What was heard: a hum between each two moments."""
    samples = np.zeros(round(seconds * RATE_HZ), np.int16)
    for begin_s, end_s in loud_s:
        samples[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)] = 5000
    return Sound(samples, RATE_HZ)


def over() -> Sound:
    """An interruption with 0.1 s of silence before its first sound."""
    return line((0.1, 0.5), seconds=0.6)


class StandInDial:
    """Gives a prepared result, or fails."""

    def __init__(self, *results: CallResult | CallFailed) -> None:
        self._results = list(results)
        self.said: list[list[ScriptedUtterance]] = []

    async def __call__(
        self, utterances: Iterable[ScriptedUtterance], *, user_id: str = "caller", on_fact: OnFact = ignore_fact
    ) -> CallResult:
        self.said.append(list(utterances))
        result = self._results.pop(0)
        if isinstance(result, CallFailed):
            raise result
        return result


def test_silence_is_what_follows_the_last_sound_by_more_than_a_pause_between_words() -> None:
    heard = line((1, 2.0), (2.2, 2.5), (3.5, 4))
    assert silent_after(heard, 1.5) == pytest.approx(1.0, abs=0.001)
    assert silent_after(heard, 3.0) is None
    assert silent_after(line(), 1) is None
    assert silent_after(line((1, 6)), 2) == pytest.approx(4, abs=0.001)


def a_call(stopped: bool, *loud_s: tuple[float, float]) -> CallResult:
    result = CallResult("s-1", RATE_HZ, said=[SaidUtterance(0.3, 1, 1.1), SaidUtterance(3.0, 3.5, 3.6)])
    result.replies = [PlayedReply("r0", "t0", 2.0, 100, stopped)]
    result.answer = line(*loud_s)
    return result


def test_an_interruption_lasts_from_the_callers_first_sound_to_the_agents_last() -> None:
    (one,) = interruptions_of(a_call(True, (2.0, 3.3), (4.5, 6)), over())
    assert one.silent_ms == pytest.approx(200, abs=1)


def test_an_agent_that_went_on_or_was_silent_anyway_is_reported_as_such() -> None:
    assert interruptions_of(a_call(False, (2.0, 5)), over())[0].problem == "the agent went on"
    assert interruptions_of(a_call(True, (2.0, 2.5)), over())[0].problem == "the agent was not speaking just then"


def speech(number: int, at_s: float, over_reply: bool = True) -> dict[str, object]:
    data = {"utterance_id": f"u{number}", "start_sample": round(at_s * 16_000)}
    return {"name": "SpeechStarted", "data": data | ({"over_reply_id": "r0"} if over_reply else {})}


def test_speech_over_a_reply_while_the_caller_says_nothing_is_an_echo() -> None:
    call = a_call(True, (2.0, 3.3), (4.5, 6))
    call.facts = [
        speech(1, 0.4, over_reply=False),
        speech(2, 2.2),
        speech(3, 3.1),
        speech(4, 4.8),
        {"name": "TurnInterrupted", "data": {"utterance_id": "u3"}},
        {"name": "TurnInterrupted", "data": {"utterance_id": "u4"}},
    ]
    (one,) = interruptions_of(call, over())
    assert (one.false_pauses, one.false_interruptions) == (2, 1)
    figures = interruption_figures([one, one])
    assert (figures.false_pauses, figures.false_interruptions) == (4, 2)


async def test_interruptions_share_calls_and_a_call_that_fails_is_one_of_them() -> None:
    dial = StandInDial(CallFailed("the room was closed"), a_call(True, (2.0, 3.3)))
    told: list[Interruption] = []
    found = await measure_interruptions(dial, over(), over(), 2, told.append)
    assert [one.problem for one in found] == ["the room was closed", ""]
    assert [len(said) for said in dial.said] == [3, 2]
    assert dial.said[0][0].after_reply_ms is None
    assert dial.said[0][1].after_reply_ms != dial.said[0][2].after_reply_ms
    figures = interruption_figures(found)
    assert (figures.tried, figures.stopped, figures.problems) == (2, 1, ["the room was closed"])
    assert figures.p50_ms == figures.max_ms == pytest.approx(200, abs=1)


async def test_a_greeting_is_timed_from_the_first_try_to_connect() -> None:
    greeted, silent = CallResult("s-1", RATE_HZ, connect_s=0.4), CallResult("s-2", RATE_HZ)
    greeted.replies = [PlayedReply("r0", "", 0.75, 100, False)]
    told: list[Greeting] = []
    found = await measure_greetings(StandInDial(greeted, silent, CallFailed("no agent came")), 3, told.append)
    assert found[0].greeting_ms == 1150
    assert "DAREDEVIL_GREETING" in found[1].problem
    assert found[2].problem == "no agent came"
    figures = greeting_figures(found)
    assert (figures.joins, figures.greeted, figures.p95_ms, figures.connect_p50_ms) == (3, 1, 1150, 400)


def answered(gap_ms: float | None) -> CallFigures:
    return CallFigures("a.wav", False, "hello", "hello", gap_ms=gap_ms)


def test_what_a_door_adds_is_reported_over_the_calls_that_both_answered() -> None:
    pairs = [(answered(500), answered(600)), (answered(700), answered(820)), (answered(None), answered(900))]
    figures = added(pairs)
    assert (figures.pairs, figures.answered_at_both) == (3, 2)
    assert (figures.first_median_ms, figures.second_median_ms, figures.added_to_median_ms) == (600, 710, 110)
    assert figures.added_p50_ms == 110
    told = json.loads(as_json_text(pairs))
    assert told["doors"]["livekit"]["groups"]["plain"]["calls"] == 3


async def test_paired_calls_take_turns_in_being_first() -> None:
    def a_result() -> CallResult:
        result = CallResult("s-1", RATE_HZ, said=[SaidUtterance(0.3, 1.3, 1.5)])
        result.turns = [MeasuredTurn("t0", "Hello there.", "r0", gap_ms=500)]
        return result

    order: list[str] = []
    plans = [CallPlan(f"{n}.wav", over(), 100, "hello") for n in range(3)]
    one, two = (StandInDial(*(a_result() for _ in plans)) for _ in range(2))
    pairs = await measure_pairs(
        one, two, plans, lambda _: order.append("first"), lambda _: order.append("second"), rest_s=0
    )
    assert order == ["first", "second", "second", "first", "first", "second"]
    assert [(at_one.wav, at_two.wav) for at_one, at_two in pairs] == [(f"{n}.wav", f"{n}.wav") for n in range(3)]
