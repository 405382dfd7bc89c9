"""A door takes no session while its calls need all that there is; a few calls on a busy machine are no reason."""

import asyncio

import pytest
from faststream.nats import NatsBroker

from bridge.call import admission
from bridge.call.admission import Pressure, SessionAdmission, own_part_ms
from contracts import events as e
from contracts.topology import BRIDGE
from infra.cli.doors import ANY_LOAD
from infra.log.event_log import append
from infra.process.system_cpu import CpuUse
from infra.settings import Settings
from tests.contracts.samples import sample
from tests.waiting import until

CORES = 2.0


def pressure() -> Pressure:
    return Pressure(most_lag_s=0.3, most_late_ms=3_000, cores=CORES)


def answered(measured: Pressure, sessions: int, late_ms: float, until_s: float) -> None:
    for at_s in range(int(until_s)):
        measured.answers.note(f"s-{at_s % sessions}", late_ms, at_s)


def loaded(
    measured: Pressure, used_cores: float, from_s: float, for_s: float, is_behind: bool = False, waited: float = 0.1
) -> None:
    now_s = from_s
    while now_s <= from_s + for_s:
        measured.note_load(CpuUse(used_cores, waited), is_behind, now_s)
        now_s += 2.0


def test_calls_that_use_all_cores_leave_no_room_until_they_use_less() -> None:
    measured = pressure()
    answered(measured, sessions=5, late_ms=200, until_s=100)
    loaded(measured, used_cores=1.95, from_s=80, for_s=20)
    assert measured.problem == "its calls need all of the CPU"
    loaded(measured, used_cores=1.0, from_s=102, for_s=4)
    assert measured.problem  # for a moment less: calls come and go
    loaded(measured, used_cores=1.0, from_s=108, for_s=16)
    assert measured.problem == ""


@pytest.mark.parametrize("used_cores", [0.5, 2.0])
def test_two_calls_always_find_room(used_cores: float) -> None:
    measured = pressure()
    answered(measured, sessions=2, late_ms=9_000, until_s=60)
    loaded(measured, used_cores, from_s=30, for_s=30, is_behind=True, waited=0.9)
    assert measured.problem == ""


def test_a_cpu_that_other_programs_take_leaves_no_room() -> None:
    measured = pressure()
    answered(measured, sessions=3, late_ms=200, until_s=60)
    loaded(measured, used_cores=0.8, from_s=40, for_s=20, waited=0.8)
    assert measured.problem == "its processes wait for the CPU"


def test_sessions_that_have_ended_do_not_count() -> None:
    measured = pressure()
    answered(measured, sessions=3, late_ms=9_000, until_s=60)
    measured.answers.forget("s-1")
    loaded(measured, used_cores=2.0, from_s=40, for_s=20, waited=0.9)
    assert measured.problem == ""


def test_answers_that_are_late_or_speech_that_waits_in_several_calls_leave_no_room() -> None:
    late = pressure()
    answered(late, sessions=3, late_ms=4_000, until_s=60)
    loaded(late, used_cores=0.5, from_s=50, for_s=10)
    assert late.problem == "its answers come late"
    behind = pressure()
    answered(behind, sessions=3, late_ms=300, until_s=60)
    loaded(behind, used_cores=0.5, from_s=50, for_s=10, is_behind=True)
    assert behind.problem == "speech is recognised later than it is spoken"


def test_an_event_loop_that_is_late_leaves_no_room_and_one_long_import_does_not_matter() -> None:
    measured = pressure()
    for tick in range(40):
        measured.note_lag(2.0 if tick == 20 else 0.0, tick * 0.25)
    assert measured.problem == ""
    for tick in range(40, 80):
        measured.note_lag(0.5, tick * 0.25)
    assert measured.problem == "its event loop is late"
    for tick in range(80, 140):
        measured.note_lag(0.01, tick * 0.25)
    assert measured.problem == ""


def test_a_door_that_is_measured_takes_any_load_and_still_says_what_the_machine_carries() -> None:
    measured = Pressure(most_lag_s=0.3, most_late_ms=3_000, cores=CORES, refuses=False)
    answered(measured, sessions=5, late_ms=9_000, until_s=100)
    loaded(measured, used_cores=2.0, from_s=40, for_s=60, is_behind=True, waited=0.9)
    for tick in range(40):
        measured.note_lag(2.0, 100 + tick * 0.25)
    assert measured.problem == ""
    assert measured.calls_carried == pytest.approx(4.5, rel=0.02)


def test_the_settings_of_benchmarks_let_any_number_of_calls_begin_at_once() -> None:
    door = SessionAdmission(NatsBroker(), BRIDGE, Settings.model_validate(ANY_LOAD))
    assert [door.call_refusal(f"s-{n}") for n in range(500)] == [""] * 500
    assert not door.is_full


def test_how_many_calls_are_carried_follows_from_what_the_present_ones_use() -> None:
    measured = pressure()
    assert measured.calls_carried is None
    answered(measured, sessions=3, late_ms=200, until_s=60)
    loaded(measured, used_cores=0.6, from_s=0, for_s=60)
    assert measured.calls_carried == pytest.approx(9.0, rel=0.02)  # 0.2 cores each, of 1.8


def test_silence_and_engines_elsewhere_are_not_this_systems_doing() -> None:
    parts = e.LatencyParts(
        endpointing_ms=900,
        stt_ms=100,
        first_token_ms=1_900,
        clause_ms=100,
        first_audio_ms=300,
        bus_ms=10,
        playback_ms=40,
    )
    assert own_part_ms(parts, Settings()) == 2_410
    assert own_part_ms(parts, Settings(llm="openai:gpt-5")) == 410
    assert own_part_ms(parts, Settings(llm="openai:gpt-5,local", stt="deepgram.STT", tts="openai.TTS")) == 2_010


@pytest.mark.slow
async def test_answers_of_all_doors_are_heard(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LOOK_S", 0.05)
    door = SessionAdmission(broker, BRIDGE, Settings(overload_answer_ms=500))
    await door.open()
    parts = e.LatencyParts(stt_ms=100, first_token_ms=900)
    started = sample(e.PlaybackStarted).model_copy(update={"parts": parts})
    for n in range(3):
        await append(broker, started.model_copy(update={"session_id": f"s-{n}", "event_id": f"e-{n}"}))
    await until(lambda: door.problem == "its answers come late")
    assert "try again in a minute" in door.refusal
    await door.close()
    await asyncio.wait_for(door.close(), 1)
