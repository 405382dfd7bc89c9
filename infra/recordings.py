"""Recordings of sessions: the chunks of stream RECORDINGS, read back as one sound, or dropped.

A recording is stereo Opus at 48 kHz, people on the left and the agent on the right; its sample 0 is the moment of
SessionOpened.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from nats.aio.client import Client

from contracts.topology import RECORDINGS, recording_subject

Samples = npt.NDArray[np.int16]


class NoRecording(LookupError):
    """Nothing was recorded of this session, or it was dropped."""


async def webm_of(nc: Client, session_id: str) -> bytes:
    """Return the recording as a WebM file, as far as it is stored. Raises NoRecording, nats errors."""
    raise NoRecording(f"nothing was recorded of session {session_id}")


async def pcm_of(nc: Client, session_id: str) -> tuple[Samples, int]:
    """Return the decoded recording, int16 `[samples, 2]`, and its rate in Hz. Raises NoRecording, nats errors."""
    raise NoRecording(f"nothing was recorded of session {session_id}")


async def drop(nc: Client, session_id: str) -> int:
    """Remove a session's recording for ever; return how many chunks it had. Raises nats errors."""
    js: Any = nc.jetstream()
    info = await js.stream_info(RECORDINGS, subjects_filter=recording_subject(session_id))
    chunks = sum((info.state.subjects or {}).values())
    await js.purge_stream(RECORDINGS, subject=recording_subject(session_id))
    return chunks
