"""`daredevil say --door livekit` on a machine where nothing runs yet: LiveKit server, door and actors, all real."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from infra.caller import read_wav
from infra.system.livekit import LiveKitMissing, livekit_server_path

# A recording said in a room is shown by tests/infra/caller/test_room.py, a `say` that starts its system by
# test_own_agents.py, a room of a whole system by test_room_call.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.asyncio(loop_scope="package")]

DATA = Path(__file__).parent.parent / "data"


async def test_a_recording_is_said_in_a_room_and_answered(tmp_path: Path) -> None:
    try:
        livekit_server_path(os.environ.get("DAREDEVIL_LIVEKIT_SERVER", ""))
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAREDEVIL_")}
    server = {"DAREDEVIL_LIVEKIT_SERVER": os.environ.get("DAREDEVIL_LIVEKIT_SERVER", "")}
    say = ("say", str(DATA / "hello.wav"), "--door", "livekit", "--json", "--out", str(tmp_path / "answer.wav"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *say),
        env={**ours, **server, "DAREDEVIL_DATA_DIR": str(tmp_path / "data"), "DAREDEVIL_POSTGRES_URL": "off"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(150):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    told = json.loads(output)
    (turn,) = told["turns"]
    assert told["session_id"].startswith("lk-")
    assert "how are you" in turn["text"].lower()
    assert turn["heard_text"]
    assert turn["gap_ms"] > 0
    answer = read_wav(tmp_path / "answer.wav")
    assert abs(answer.samples[int(told["replies"][0]["started_at_s"] * answer.rate_hz) :]).max() > 1000
