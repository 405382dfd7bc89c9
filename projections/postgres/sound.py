"""The bytes of recordings, which are stored outside the log."""

from nats.aio.client import Client

from infra.session.recordings import NoRecording, webm_of
from projections.postgres.filling import Sound


def sound_from(nc: Client) -> Sound:
    """Return a function that fetches the recording of a session, None if it was dropped."""

    async def sound(session_id: str) -> bytes | None:
        try:
            return await webm_of(nc, session_id) or None
        except NoRecording:
            return None

    return sound
