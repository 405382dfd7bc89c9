"""An owner that anything but its track's end has ended is replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from faststream.nats import NatsBroker

from actors.transcript import actor
from actors.transcript import track_owner as track
from actors.transcript.engines import SpeechEngines
from actors.transcript.track_listener import TrackListener
from contracts import events as e
from contracts.topology import TRANSCRIPT, VOICE
from infra.log.connection import jetstream
from infra.process.tasks import ended
from infra.settings import settings
from infra.tape.untaped import Untaped
from tests.actors.running import running
from tests.actors.transcript.conftest import Owners
from tests.actors.transcript.track_of import Caller, has, only, words
from tests.servers import NatsServer
from tests.speech import recorded, silence
from tests.stepping import Injected, with_cancellation

pytestmark = pytest.mark.engines


@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_an_owner_goes_on_wherever_something_else_was_cancelled(
    caller: Caller, ears: SpeechEngines, at: int
) -> None:
    published = cast(e.TrackPublished, only(await caller.facts(), e.TrackPublished)[0])
    injected = Injected(at)
    owner = asyncio.ensure_future(
        with_cancellation(track.TrackOwner(caller.broker, ears, published, Untaped()).run(), injected)
    )
    try:
        speaking = asyncio.create_task(caller.speak(silence(300), recorded("what_time"), silence(1500)))
        facts = await caller.until(lambda facts: has(e.TurnEnded)(facts) and injected.done)
        await speaking
        assert words(cast(e.TurnEnded, only(facts, e.TurnEnded)[0]).text) == "what time is it"
        assert not owner.done()
        facts = await caller.until(has(e.HearingRestarted))
        assert "CancelledElsewhere" in cast(e.HearingRestarted, only(facts, e.HearingRestarted)[0]).error
        for kind in (e.SpeechStarted, e.SpeechEnded, e.UtteranceTranscribed, e.TurnEnded):
            assert len(only(facts, kind)) == 1
    finally:
        await ended(owner)


async def test_sound_that_ends_every_owner_is_left_behind_and_told(
    caller: Caller, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "FAILED_REST_S", (0.01, 0.01))
    real = TrackListener._hear

    async def poisoned(self: TrackListener, max_windows: int) -> None:
        await real(self, max_windows)
        if self._turn is not None and self._heard_to < 60_000:
            raise ZeroDivisionError("this sound")

    monkeypatch.setattr(TrackListener, "_hear", poisoned)
    await owners.start()
    await caller.speak(recorded("what_time"), silence(2500))
    facts = await caller.until(has(e.SpeechLost))
    assert {cast(e.SpeechLost, fact).reason for fact in only(facts, e.SpeechLost)} == {"restart"}


@asynccontextmanager
async def a_transcript(server: NatsServer, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
    settings.cache_clear()
    async with running(actor.make(), TRANSCRIPT, broker):
        yield
    settings.cache_clear()


async def test_an_owner_that_anybody_cancels_is_replaced_and_hears_on(
    broker: NatsBroker, caller: Caller, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_transcript(nats_server, broker, monkeypatch):
        sound = recorded("calls/plain-02")
        await caller.speak(silence(300), sound[:20_000])
        await caller.until(has(e.SpeechStarted))
        (owner,) = [task for task in asyncio.all_tasks() if task.get_name() == "track t-1"]
        owner.cancel()
        await caller.speak(sound[20_000:], silence(1500))
        facts = await caller.until(has(e.TurnEnded))
        info = await jetstream(broker).consumer_info(VOICE, TRANSCRIPT)
    assert words(cast(e.TurnEnded, only(facts, e.TurnEnded)[0]).text) == "can you tell me a little about yourself"
    assert len(only(facts, e.HearingRestarted)) == 1
    assert info.num_ack_pending == 1
