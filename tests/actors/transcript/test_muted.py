"""A track that sends nothing is no job: it is one again as soon as its sound comes, whoever is there to hear it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import numpy as np
import pytest
from faststream.nats import NatsBroker

from actors.transcript import actor, engines
from actors.transcript import track_owner as track
from contracts import events as e
from contracts.topology import TRANSCRIPT, VOICE
from infra.log.connection import jetstream
from infra.log.event_log import append, now_ns
from infra.settings import Settings
from tests.actors.running import running
from tests.actors.transcript.scripted import LOUD, ScriptedEngines
from tests.actors.transcript.track_of import Caller, has, only
from tests.speech import silence
from tests.waiting import until_async

SPEECH = np.asarray(LOUD * np.sin(np.arange(16_000) / 8), np.int16)


@asynccontextmanager
async def a_transcript(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    def scripted(settings: Settings) -> ScriptedEngines:
        return ScriptedEngines([("What time is it?", 0)])

    monkeypatch.setattr(engines, "SpeechEngines", scripted)
    async with running(actor.make(), TRANSCRIPT, broker):
        yield


def published(session_id: str) -> e.TrackPublished:
    about = {"event_id": f"{session_id}:tp", "session_id": session_id, "time_ns": now_ns()}
    return e.TrackPublished(**about, track_id="t-1", participant_id="p-1")


async def jobs(broker: NatsBroker) -> int:
    return (await jetstream(broker).consumer_info(VOICE, TRANSCRIPT)).num_ack_pending or 0


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
async def test_tracks_of_nobody_and_muted_ones_are_no_jobs_and_are_heard_once_their_sound_comes(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(track, "NOBODY_S", 0.2)
    monkeypatch.setattr(track, "SILENT_S", 0.5)

    async def none_left() -> bool:
        return await jobs(broker) == 0

    for n in range(40):
        await append(broker, published(f"nobody-{n}"))
    caller = Caller(broker)
    if known:
        await caller.open_session()
    await caller.publish_track()
    async with a_transcript(broker, monkeypatch):
        await until_async(none_left, within_s=20)
        await caller.speak(SPEECH, silence(1500))
        turn = cast(e.TurnEnded, only(await caller.until(has(e.TurnEnded)), e.TurnEnded)[0])
        assert turn.text == "What time is it?"
        assert await jobs(broker) == 1
        assert only(await caller.facts(), e.HearingRestarted) == []


@pytest.mark.slow
@pytest.mark.parametrize("spoken_while_down", [False, True])
async def test_a_muted_track_is_heard_from_its_first_word_by_a_process_that_did_not_give_it_up(
    broker: NatsBroker,
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    spoken_while_down: bool,
) -> None:
    monkeypatch.setattr(track, "SILENT_S", 0.5)

    async def none_left() -> bool:
        return await jobs(broker) == 0

    async with a_transcript(broker, monkeypatch):
        await until_async(none_left, within_s=20)
    if spoken_while_down:
        await caller.speak(SPEECH)
    async with a_transcript(broker, monkeypatch):
        if not spoken_while_down:
            await caller.speak(SPEECH)
        await caller.speak(silence(1500))
        facts = await caller.until(has(e.TurnEnded))
    assert cast(e.TurnEnded, only(facts, e.TurnEnded)[0]).text == "What time is it?"
    assert cast(e.SpeechStarted, only(facts, e.SpeechStarted)[0]).start_sample == 0
    assert only(facts, e.SpeechLost) == only(facts, e.HearingRestarted) == []
