"""What the log says was heard is what a guest heard, to 20 ms: read off the sound itself."""

import statistics
from typing import TypeVar

import pytest

from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import RATE_HZ, Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.sweep import Recording, say_sweep
from tests.waiting import until

pytestmark = pytest.mark.alone
"""Beside other tests the guest's own ear is late by more than what is measured."""

EXACT_TO_MS = 20
PACKET_MS = 20
"""What is not heard at an edge where the network loses a packet of Opus, as a busy machine makes it do now and then."""
BEGINNINGS = ("begun", "resumed")
REPLY_S = 4.0
WHOLE_REPLY_S = 1.5

Kind = TypeVar("Kind", bound=e.Event)


async def listening(invite: Invite, agent: Agent) -> tuple[Guest, Recording, str]:
    ada = await invite(identity="ada")
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    await until(lambda: ada.states[-1:] == ["listening"])
    return ada, await Recording.of(ada), session_id


async def nth(agent: Agent, session_id: str, kind: type[Kind], count: int) -> Kind:
    """Wait until there are `count` facts of a kind; return the last of them."""
    facts = await facts_with(agent, session_id, kind, count=count)
    return [fact for fact in facts if isinstance(fact, kind)][-1]


async def speech(agent: Agent, session_id: str, n: int) -> dict[str, str]:
    """Somebody speaks over the reply; return what names it."""
    names = {"participant_id": "ada", "turn_id": f"t-{n}", "utterance_id": f"u-{n}"}
    await agent.append(e.SpeechStarted, session_id, track_id="track", start_sample=0, **names)
    return names


def ms(samples: int) -> float:
    return samples * 1000 / RATE_HZ


def assert_exact(heard_minus_logged_ms: list[tuple[str, float]]) -> None:
    print("heard minus logged, ms:", *(f"{what} {by:+.1f}" for what, by in heard_minus_logged_ms))
    for what in {what for what, _ in heard_minus_logged_ms}:
        of_these = [by for each, by in heard_minus_logged_ms if each == what]
        assert abs(statistics.median(of_these)) <= EXACT_TO_MS, (what, of_these)
        missing = [by if what in BEGINNINGS else -by for by in of_these]
        assert -EXACT_TO_MS <= min(missing) <= max(missing) <= EXACT_TO_MS + PACKET_MS, (what, of_these)


async def test_where_a_reply_pauses_goes_on_and_is_cut_off_is_what_the_guest_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    _, heard, session_id = await listening(invite, agent)
    off: list[tuple[str, float]] = []
    for n, pause_after_ms in enumerate((300, 1111, 2020), start=1):
        reply_id = f"r-{n}"
        await say_sweep(agent, session_id, reply_id, REPLY_S)
        await heard.hears_to(pause_after_ms)
        cough = await speech(agent, session_id, 2 * n)
        paused = await nth(agent, session_id, e.PlaybackPaused, count=2 * n - 1)
        off.append(("paused", await heard.last_heard_ms() - ms(paused.played_samples)))

        heard.forget()
        await agent.append(e.InterruptionDismissed, session_id, **cough, reply_id=reply_id, reason="no-words")
        await heard.hears_to(ms(paused.played_samples) + 500)
        off.append(("resumed", heard.heard_from_ms() - ms(paused.played_samples)))
        turn = await speech(agent, session_id, 2 * n + 1)
        await agent.append(e.TurnInterrupted, session_id, **turn, reply_id=reply_id)
        cut = await nth(agent, session_id, e.PlaybackInterrupted, count=n)
        off.append(("cut off", await heard.last_heard_ms() - ms(cut.played_samples)))
        heard.forget()
    assert_exact(off)


async def test_where_a_written_turn_cuts_a_reply_off_without_a_pause_is_what_the_guest_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, heard, session_id = await listening(invite, agent)
    off: list[tuple[str, float]] = []
    for n, cut_after_ms in enumerate((505, 1490), start=1):
        await say_sweep(agent, session_id, f"r-{n}", REPLY_S)
        await heard.hears_to(cut_after_ms)
        await ada.room.local_participant.send_text("stop", topic="lk.chat")
        cut = await nth(agent, session_id, e.PlaybackInterrupted, count=n)
        off.append(("cut off", await heard.last_heard_ms() - ms(cut.played_samples)))
        heard.forget()
    assert_exact(off)


async def test_a_reply_that_is_said_to_be_over_was_heard_to_its_end(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    _, heard, session_id = await listening(invite, agent)
    await say_sweep(agent, session_id, "r-1", WHOLE_REPLY_S)
    finished = await nth(agent, session_id, e.PlaybackFinished, count=1)
    assert ms(finished.played_samples) == WHOLE_REPLY_S * 1000
    assert_exact([("begun", heard.heard_from_ms()), ("over", await heard.last_heard_ms() - WHOLE_REPLY_S * 1000)])
