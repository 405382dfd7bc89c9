"""The engines, loaded once, and a caller on a log of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker

from actors.transcript.engines import SpeechEngines
from actors.transcript.track_owner import TrackOwner
from contracts import events as e
from infra.process.tasks import ended
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.transcript.track_of import PARTICIPANT, SESSION, TRACK, Caller


@pytest.fixture(scope="session")
def ears() -> SpeechEngines:
    ears = SpeechEngines(Settings())
    asyncio.run(ears.warm_up())
    return ears


@pytest.fixture
async def caller(broker: NatsBroker) -> Caller:
    caller = Caller(broker)
    await caller.open_session()
    await caller.publish_track()
    return caller


class Owners:
    """Starts owners of the caller's track and ends them, as a crash would: nothing more is said."""

    def __init__(self, caller: Caller, ears: SpeechEngines) -> None:
        self._caller = caller
        self._ears = ears
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> "asyncio.Task[None]":
        published = next(fact for fact in await self._caller.facts() if isinstance(fact, e.TrackPublished))
        assert (published.session_id, published.track_id, published.participant_id) == (SESSION, TRACK, PARTICIPANT)
        task = asyncio.create_task(TrackOwner(self._caller.broker, self._ears, published, Untaped()).run())
        self.tasks.append(task)
        return task

    async def crash(self) -> None:
        await ended(*self.tasks)


@pytest.fixture
async def owners(caller: Caller, ears: SpeechEngines) -> AsyncIterator[Owners]:
    owners = Owners(caller, ears)
    yield owners
    await owners.crash()
