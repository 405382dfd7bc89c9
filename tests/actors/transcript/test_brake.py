"""The brake against loops: by itself, and on a microphone that repeats the agent though its sound is not known."""

from typing import cast

import pytest

from actors.transcript.barge_in import Reason
from actors.transcript.brake import Brake
from contracts import events as e
from tests.actors.transcript.conftest import Owners
from tests.actors.transcript.track_of import Caller, has, only, words
from tests.speech import recorded, silence


def test_two_repetitions_in_a_row_end_the_pausing() -> None:
    brake = Brake()
    brake.dismissed("echo")
    assert not brake.is_on
    brake.dismissed("echo")
    assert brake.is_on


def test_an_interruption_that_proves_to_be_the_agents_words_counts_as_one() -> None:
    brake = Brake()
    brake.interrupted(repeats=True)
    brake.dismissed("echo")
    assert brake.is_on
    brake.interrupted(repeats=True)
    assert brake.is_on


def test_a_noise_between_two_repetitions_does_not_matter() -> None:
    brake = Brake()
    brake.dismissed("echo")
    brake.dismissed("no-words")
    brake.dismissed("echo")
    assert brake.is_on
    brake.dismissed("no-words")
    assert brake.is_on


@pytest.mark.parametrize("reason", ["backchannel", "unaddressed"])
def test_somebodys_own_words_release_it(reason: Reason) -> None:
    brake = Brake()
    for _ in range(2):
        brake.dismissed("echo")
    brake.dismissed(reason)
    assert not brake.is_on
    brake.dismissed("echo")
    assert not brake.is_on, "it is counted anew"


def test_an_interruption_with_words_of_its_own_releases_it() -> None:
    brake = Brake()
    for _ in range(2):
        brake.dismissed("echo")
    brake.interrupted(repeats=False)
    assert not brake.is_on


AGENT = "Can you tell me a little about yourself? What is the weather like today? My brother lives in a small house."


@pytest.mark.engines
async def test_a_microphone_that_repeats_the_agent_pauses_it_twice_and_stop_is_heard(
    caller: Caller, owners: Owners
) -> None:
    await owners.start()
    await caller.reply(AGENT)
    for number, name in enumerate(("calls/plain-02", "calls/plain-06", "calls/plain-02"), start=1):
        await caller.speak(recorded(name), silence(1200))
        facts = await caller.until(has(e.InterruptionDismissed, number))
    assert {cast(e.InterruptionDismissed, fact).reason for fact in only(facts, e.InterruptionDismissed)} == {"echo"}
    assert len(only(facts, e.SpeechStarted)) == 2, "the third time playback goes on"
    assert not only(facts, e.TurnInterrupted)
    assert not only(facts, e.TurnEnded)

    await caller.speak(recorded("stop"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    assert len(only(facts, e.TurnInterrupted)) == 1
    assert len(only(facts, e.SpeechStarted)) == 3
    (turn,) = only(facts, e.TurnEnded)
    assert words(cast(e.TurnEnded, turn).text).startswith("stop wait")


@pytest.mark.engines
async def test_while_it_is_on_words_of_ones_own_interrupt_once_they_are_over(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.reply(AGENT)
    for number in (1, 2):
        await caller.speak(recorded("calls/plain-06"), silence(1200))
        await caller.until(has(e.InterruptionDismissed, number))
    await caller.speak(recorded("calls/plain-08"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    (turn,) = only(facts, e.TurnEnded)
    assert words(cast(e.TurnEnded, turn).text) == "please remind me to call my mother"
    assert len(only(facts, e.TurnInterrupted)) == 1
    assert len(only(facts, e.SpeechStarted)) == len(only(facts, e.SpeechEnded)) == 3
