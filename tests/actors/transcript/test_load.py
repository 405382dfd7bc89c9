"""A process whose recognition is behind says so, and leaves new tracks to copies that are not."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faststream.nats import NatsBroker

from actors.transcript.actor import answer_requests
from actors.transcript.engines import SpeechEngines
from actors.transcript.load import HearingLoad
from contracts import events as e
from infra.engines.lane import Lane
from tests.actors.transcript.conftest import Owners
from tests.actors.transcript.track_of import Caller, has, only
from tests.speech import recorded, silence
from tests.waiting import until


def ears(behind: bool) -> Any:
    return SimpleNamespace(behind=lambda: behind, waited_s=lambda: 2.0 * behind)


async def test_a_track_is_refused_only_if_this_copy_is_behind_and_another_is_not(broker: NatsBroker) -> None:
    behind, full, free = (HearingLoad(broker, ears(state)) for state in (True, True, False))
    async with answer_requests(broker, behind):
        assert not await behind.refuses()
        async with answer_requests(broker, full):
            assert not await behind.refuses()
            async with answer_requests(broker, free):
                assert await behind.refuses()
                assert not await free.refuses()


async def test_falling_behind_and_catching_up_are_logged_once(
    broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"behind": True}
    load = HearingLoad(
        broker, cast(SpeechEngines, SimpleNamespace(behind=lambda: state["behind"], waited_s=lambda: 2.0))
    )
    await load.open()
    try:
        await until(lambda: "behind real time" in caplog.text)
        state["behind"] = False
        await until(lambda: len(caplog.messages) == 2)
    finally:
        await load.aclose()
    assert caplog.messages[-1] == "recognition has caught up"


@pytest.mark.engines
async def test_words_that_come_late_are_a_fact_and_all_come(
    caller: Caller, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = asyncio.Event()
    real = Lane.behind
    monkeypatch.setattr(Lane, "behind", lambda self: not late.is_set() or real(self))
    await owners.start()
    await caller.speak(silence(300), recorded("what_time"), silence(1500))
    facts = await caller.until(has(e.TurnEnded))
    late.set()
    assert len(only(facts, e.RecognitionFellBehind)) == 1
