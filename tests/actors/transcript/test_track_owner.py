import asyncio
import signal
from typing import cast

import pytest

from actors.transcript.event_writer import EventWriter
from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from contracts import events as e
from contracts.audio import InFrame
from infra.log.event_log import append, facts_after, now_ns
from infra.log.taped_log import LiveLog
from infra.tape.untaped import Untaped
from tests.actors.transcript.conftest import Owners
from tests.actors.transcript.track_of import PARTICIPANT, SESSION, TRACK, Caller, has, only, words
from tests.servers import NatsServer
from tests.speech import crowd, recorded, silence

pytestmark = pytest.mark.engines

AGENT = "Once upon a time there was a ship that sailed across the wide blue sea."


def the_turn(facts: list[e.Event]) -> e.TurnEnded:
    turns = only(facts, e.TurnEnded)
    assert len(turns) == 1
    return cast(e.TurnEnded, turns[0])


async def test_speech_becomes_facts_in_order_and_the_turn_ends_with_its_evidence(
    caller: Caller, owners: Owners
) -> None:
    await owners.start()
    await caller.speak(recorded("what_time"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    kinds = [type(fact).__name__ for fact in facts if not isinstance(fact, e.TranscriptRevised)]
    assert kinds == [
        "SessionOpened",
        "TrackPublished",
        "SpeechStarted",
        "SpeechEnded",
        "UtteranceTranscribed",
        "TurnEnded",
    ]
    turn = the_turn(facts)
    assert words(turn.text) == "what time is it"
    assert turn.evidence is not None
    assert turn.evidence.silence_ms >= turn.evidence.required_silence_ms
    revision = cast(e.TranscriptRevised, only(facts, e.TranscriptRevised)[-1])
    assert (revision.text, revision.settled) == (turn.text, True)
    assert revision.speech_ended_ns == turn.evidence.speech_ended_ns
    assert len({fact.turn_id for fact in facts[2:]}) == 1


async def test_a_pause_in_mid_sentence_does_not_end_the_turn(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.speak(recorded("calls/pause-03"), silence(1500))
    turn = the_turn(await caller.until(has(e.TurnEnded)))
    assert words(turn.text) == "i was thinking about going to the beach"
    assert len(turn.utterance_ids) == 2


async def test_a_click_ends_no_turn(caller: Caller, owners: Owners) -> None:
    owner = await owners.start()
    await caller.speak(silence(300), recorded("cough"), silence(1500))
    await caller.unpublish_track()
    await asyncio.wait_for(owner, 10)
    assert only(await caller.facts(), e.TurnEnded) == []


async def test_speech_in_no_language_of_the_engine_is_no_turn_and_the_log_says_why(
    caller: Caller, owners: Owners
) -> None:
    await owners.start()
    await caller.speak(recorded("foreign/fr"), silence(1500))
    await caller.speak(recorded("what_time"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    dismissed = cast(list[e.UtteranceDismissed], only(facts, e.UtteranceDismissed))
    assert {fact.reason for fact in dismissed} <= {"language", "unlikely"}
    assert any(fact.reason == "language" and fact.language == "en" and fact.text for fact in dismissed)
    assert words(the_turn(facts).text) == "what time is it"


async def test_a_crowd_is_no_turn_and_does_not_stop_the_agent(caller: Caller, owners: Owners) -> None:
    owner = await owners.start()
    await caller.reply(AGENT)
    await caller.speak(crowd(8_000), silence(1500))
    await caller.unpublish_track()
    await asyncio.wait_for(owner, 30)
    facts = await caller.facts()
    assert only(facts, e.TurnEnded) == only(facts, e.TurnInterrupted) == []
    assert len(only(facts, e.InterruptionDismissed)) == len(only(facts, e.SpeechStarted))


async def test_the_open_turn_ends_when_the_track_does(caller: Caller, owners: Owners) -> None:
    owner = await owners.start()
    await caller.speak(recorded("what_time"))
    await caller.unpublish_track()
    await asyncio.wait_for(owner, 10)
    assert words(the_turn(await caller.facts()).text) == "what time is it"


async def test_a_caller_who_vanishes_in_mid_word_has_ended_the_turn(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.speak(recorded("story")[:32_000])
    assert words(the_turn(await caller.until(has(e.TurnEnded))).text).startswith("can you please tell me")


async def test_the_answer_to_a_turn_that_another_owner_has_ended_is_not_interrupted_by_it(
    caller: Caller, owners: Owners
) -> None:
    owner = await owners.start()
    await caller.speak(recorded("what_time"))
    started = cast(e.SpeechStarted, only(await caller.until(has(e.SpeechStarted)), e.SpeechStarted)[0])
    about = {"session_id": SESSION, "time_ns": now_ns(), "turn_id": started.turn_id, "participant_id": PARTICIPANT}
    await append(caller.broker, e.TurnEnded(**about, event_id="te", text="What time is it?", source="speech"))
    await caller.reply(AGENT)
    await caller.speak(silence(2000))
    await caller.unpublish_track()
    await asyncio.wait_for(owner, 10)
    facts = await caller.facts()
    assert only(facts, e.TurnInterrupted) == only(facts, e.InterruptionDismissed) == []
    assert len(only(facts, e.TurnEnded)) == 1


async def test_a_turn_that_ended_unseen_interrupts_nothing_any_more(caller: Caller) -> None:
    about = {"session_id": SESSION, "time_ns": now_ns(), "turn_id": "turn-1", "participant_id": PARTICIPANT}
    view = SessionState()
    for fact in await facts_after(caller.broker, SESSION):
        view.apply(fact)
    await append(caller.broker, e.TurnEnded(**about, event_id="te", text="What time is it?", source="speech"))
    await caller.reply(AGENT)
    tapes = Untaped()
    voice = EventWriter(LiveLog(caller.broker, tapes), TapedSound(tapes.of(SESSION), TRACK), SESSION, TRACK, view)
    await voice.append_expected(e.TurnInterrupted(**about, event_id="ti", reply_id="r-1", text="What time is it?"))
    assert only(await caller.facts(), e.TurnInterrupted) == []


async def test_words_over_the_agent_interrupt_it_and_become_a_turn(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.reply(AGENT)
    await caller.speak(recorded("stop"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    assert cast(e.SpeechStarted, only(facts, e.SpeechStarted)[0]).over_reply_id == "r-1"
    assert cast(e.TurnInterrupted, only(facts, e.TurnInterrupted)[0]).reply_id == "r-1"
    assert words(the_turn(facts).text).startswith("stop wait")


async def test_a_backchannel_over_the_agent_is_dismissed_and_no_turn(caller: Caller, owners: Owners) -> None:
    owner = await owners.start()
    await caller.reply(AGENT)
    await caller.speak(recorded("okay"), silence(1500))
    dismissed = only(await caller.until(has(e.InterruptionDismissed)), e.InterruptionDismissed)[0]
    assert cast(e.InterruptionDismissed, dismissed).reason == "backchannel"
    await caller.unpublish_track()
    await asyncio.wait_for(owner, 10)
    assert only(await caller.facts(), e.TurnEnded) == []


async def test_broken_and_foreign_frames_change_nothing(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.send(b"\xc1rubbish")
    await caller.send(InFrame("t-1", 10**15, now_ns(), b"\0\0" * 320).pack())
    await caller.send(InFrame("t-0", 0, now_ns(), b"\x11\x22" * 16_000).pack())
    await caller.speak(recorded("what_time"), silence(1500))
    assert words(the_turn(await caller.until(has(e.TurnEnded))).text) == "what time is it"


async def test_a_new_owner_goes_on_in_mid_utterance_and_each_fact_is_there_once(caller: Caller, owners: Owners) -> None:
    await owners.start()
    sound = recorded("calls/plain-02")
    await caller.speak(sound[:20_000])
    await caller.until(has(e.SpeechStarted))
    await owners.crash()
    await caller.speak(sound[20_000:], silence(300))
    await owners.start()
    await caller.speak(silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    assert words(the_turn(facts).text) == "can you tell me a little about yourself"
    for kind in (e.SpeechStarted, e.SpeechEnded, e.UtteranceTranscribed):
        assert len(only(facts, kind)) == 1


async def test_a_new_owner_in_the_closing_silence_ends_the_turn_once(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.speak(recorded("what_time"), silence(320))
    await caller.until(lambda facts: has(e.UtteranceTranscribed)(facts) or has(e.TurnEnded)(facts))
    await owners.crash()
    await owners.start()
    await caller.speak(silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    assert words(the_turn(facts).text) == "what time is it"
    assert len(only(facts, e.UtteranceTranscribed)) == 1


async def test_two_owners_at_once_end_a_turn_once(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await owners.start()
    await caller.speak(recorded("what_time"), silence(1500))
    await caller.until(has(e.TurnEnded))
    await owners.crash()
    facts = await caller.facts()
    assert len(only(facts, e.TurnEnded)) == 1
    assert len(only(facts, e.SpeechStarted)) == 1


async def test_typed_text_in_between_does_not_stop_the_owner(caller: Caller, owners: Owners) -> None:
    await owners.start()
    await caller.speak(recorded("what_time"))
    typed = e.TurnEnded(
        event_id="te", session_id=SESSION, time_ns=now_ns(), participant_id="p-1", text="hi", source="text"
    )
    await append(caller.broker, typed)
    await caller.speak(silence(1500))
    facts = await caller.until(has(e.TurnEnded, 2))
    assert words(cast(e.TurnEnded, only(facts, e.TurnEnded)[1]).text) == "what time is it"


async def test_after_an_outage_of_nats_it_goes_on(caller: Caller, owners: Owners, nats_server: NatsServer) -> None:
    await owners.start()
    await caller.speak(recorded("what_time"), silence(1500))
    await caller.until(has(e.TurnEnded))
    await nats_server.stop(signal.SIGKILL)
    await nats_server.start()
    await caller.speak(silence(800), recorded("hello"), silence(1500))
    facts = await caller.until(has(e.TurnEnded, 2))
    assert words(cast(e.TurnEnded, only(facts, e.TurnEnded)[1]).text) == "hello how are you today"
