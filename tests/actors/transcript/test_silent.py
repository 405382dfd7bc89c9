"""Silent tracks: each copy of transcript waits for their sound, and stops when their session ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker

from actors.transcript.actor import listen
from actors.transcript.silent import SilentTracks
from contracts import events as e
from contracts.topology import (
    SILENT_TRACKS,
)
from infra.log.connection import jetstream
from infra.log.event_log import append, deliver_again, now_ns
from tests.actors.transcript.track_of import Caller
from tests.speech import silence
from tests.waiting import until, until_async


class Copy:
    """One copy of transcript, as far as silent tracks go."""

    def __init__(self, broker: NatsBroker) -> None:
        self.taken: list[str] = []
        self.tracks = SilentTracks(broker, self._take)
        self.live = listen(broker, self.tracks)

    async def _take(self, track: e.TrackPublished, revision: int) -> None:
        self.taken.append(track.track_id)


@pytest.fixture
async def copies(broker: NatsBroker) -> AsyncIterator[list[Copy]]:
    copies = [Copy(broker), Copy(broker)]
    for copy in copies:
        await copy.live.open()
        await copy.tracks.open()
    yield copies
    for copy in copies:
        await copy.tracks.close()
        await copy.live.close()


async def track_of(caller: Caller) -> e.TrackPublished:
    return next(fact for fact in await caller.facts() if isinstance(fact, e.TrackPublished))


async def silent(broker: NatsBroker) -> int:
    return (await jetstream(broker).stream_info(f"KV_{SILENT_TRACKS.name}")).state.messages


async def test_the_first_sound_is_noticed_by_the_copy_that_gave_the_track_up_and_by_others(
    broker: NatsBroker, caller: Caller, copies: list[Copy]
) -> None:
    await copies[0].tracks.add(await track_of(caller))
    await until(lambda: len(copies[1].tracks) == 1, 5, "the other copy does not know of it")
    await caller.speak(silence(100))
    await until(lambda: copies[0].taken == copies[1].taken == ["t-1"], 5, "not taken")

    async def none() -> bool:
        return await silent(broker) == 0

    await until_async(none, 5, "it is still held to be silent")
    await caller.speak(silence(100))
    assert copies[0].taken == copies[1].taken == ["t-1"]


@pytest.mark.parametrize("end", ["session", "track"])
async def test_what_has_ended_is_waited_for_no_more(
    broker: NatsBroker, caller: Caller, copies: list[Copy], end: str
) -> None:
    await copies[0].tracks.add(await track_of(caller))
    await until(lambda: len(copies[1].tracks) == 1, 5, "the other copy does not know of it")
    if end == "track":
        await caller.unpublish_track()
    else:
        await append(broker, e.SessionClosed(event_id="sc", session_id="s-1", time_ns=now_ns(), reason="hangup"))
    await until(lambda: not any(len(copy.tracks) for copy in copies), 5, "still waited for")
    await caller.speak(silence(100))
    assert copies[0].taken == copies[1].taken == []


async def test_what_has_ended_while_no_copy_was_there_is_forgotten(broker: NatsBroker, caller: Caller) -> None:
    first, second = Copy(broker), Copy(broker)
    await first.tracks.open()
    await first.tracks.add(await track_of(caller))
    await first.tracks.close()
    await caller.unpublish_track()
    await second.tracks.open()

    async def none() -> bool:
        return await silent(broker) == 0

    await until_async(none, 5, "it is still held to be silent")
    assert len(second.tracks) == 0
    await second.tracks.close()


async def test_of_several_copies_the_wish_to_hear_a_track_is_stored_once(broker: NatsBroker, caller: Caller) -> None:
    track = await track_of(caller)
    before = (await jetstream(broker).stream_info("VOICE")).state.messages
    await asyncio.gather(*(deliver_again(broker, track, "silent-1") for _ in range(3)))
    assert (await jetstream(broker).stream_info("VOICE")).state.messages == before + 1
