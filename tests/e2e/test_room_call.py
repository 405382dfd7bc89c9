"""A call through a room of a real LiveKit server and every process: WebRTC in, WebRTC out, every fact in the log."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contracts import events as e
from infra.livekit.naming import participant_of_identity, session_of_room
from infra.system.supervisor import Supervisor
from infra.telemetry.turns import trace_id_of
from tests.bridge.livekit.bridge_process import BridgeProcess, faststream_run, running_bridge
from tests.bridge.livekit.guest import Guest
from tests.e2e.the_log import facts_of, said_more_than_once
from tests.e2e.the_traces import edges, roots, stages_of, trace_of
from tests.infra.telemetry.otlp_receiver import Receiver
from tests.livekit_server import LiveKitServer, running_livekit
from tests.speech import recorded, silence
from tests.waiting import until, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

GREETING = "Hello, this is Daredevil speaking."


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def media(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveKitServer]:
    async with running_livekit(tmp_path_factory.mktemp("livekit")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def rooms(
    system: Supervisor, media: LiveKitServer, collector: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BridgeProcess]:
    log: Path = tmp_path_factory.mktemp("bridge") / "bridge.log"
    settings = {
        "nats_url": system.addresses.nats_url,
        "livekit_url": media.url,
        "livekit_api_key": media.api_key,
        "livekit_api_secret": media.api_secret,
        "greeting": GREETING,
        "room_empty_s": 1,
        "otlp_endpoint": collector.endpoint,
    }
    async with running_bridge(log, faststream_run, **settings) as bridge:
        yield bridge
    print(bridge.log())


async def facts_with(system: Supervisor, session_id: str, kind: type[e.Event], count: int = 1) -> list[e.Event]:
    """Wait until a session has so many facts of a kind; return all there are."""

    async def facts() -> list[e.Event]:
        return [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]

    async def are_there() -> bool:
        return sum(isinstance(fact, kind) for fact in await facts()) >= count

    await until_async(are_there, 60, kind.__name__)
    return await facts()


async def test_who_joins_is_greeted_without_having_said_a_word(
    media: LiveKitServer, rooms: BridgeProcess, system: Supervisor
) -> None:
    async with Guest.joined(media, "greeted", "ada") as ada:
        await ada.hears()
        facts = await facts_with(system, session_of_room(await ada.room.sid), e.PlaybackStarted)
    assert e.SpeechStarted not in map(type, facts)


async def test_what_is_said_in_a_room_is_answered_there(
    media: LiveKitServer, rooms: BridgeProcess, system: Supervisor, collector: Receiver
) -> None:
    async with Guest.joined(media, "answered", "Ada") as ada:
        session_id = session_of_room(await ada.room.sid)
        await facts_with(system, session_id, e.PlaybackFinished)
        await until(lambda: time.monotonic() - ada.loud_at[-1] > 1)
        ada.loud_at.clear()
        await ada.say(recorded("hello"))
        ended = time.monotonic()
        talking = asyncio.create_task(ada.say(silence(8000)))
        print("gap at the ear, s:", round(await ada.hears() - ended, 2))
        await facts_with(system, session_id, e.PlaybackFinished, count=2)
        talking.cancel()
    facts = await facts_with(system, session_id, e.SessionClosed)
    order = [
        e.SessionOpened,
        e.ParticipantJoined,
        e.TrackPublished,
        e.SpeechStarted,
        e.SpeechEnded,
        e.TurnEnded,
        e.TrackUnpublished,
        e.ParticipantLeft,
        e.SessionClosed,
    ]
    places = [next(i for i, fact in enumerate(facts) if isinstance(fact, kind)) for kind in order]
    assert places == sorted(places)
    (turn,) = [fact for fact in facts if isinstance(fact, e.TurnEnded)]
    assert "how are you" in turn.text.lower()
    assert turn.participant_id == participant_of_identity("Ada")
    finished = [fact for fact in facts if isinstance(fact, e.PlaybackFinished)]
    written = [fact for fact in facts if isinstance(fact, e.ReplyCompleted) and fact.finish == "completed"]
    assert finished[0].heard_text == GREETING
    assert {fact.heard_text for fact in finished} <= {fact.text for fact in written}
    assert not said_more_than_once([])
    spans = await trace_of(collector, session_id, turn.turn_id, *stages_of(turn))
    (root,) = roots(spans)
    assert (root.name, root.service) == ("turn", "daredevil-livekit-room")
    assert {("livekit-room", "transcript"), ("synthesis", "livekit-room")} <= edges(spans)
    own = [span for span in collector.spans if span.attributes.get("session.id") == session_id]
    turns = {fact.turn_id for fact in facts if fact.turn_id}
    assert {span.trace_id for span in own} <= {f"{trace_id_of(session_id, turn_id):032x}" for turn_id in (None, *turns)}
