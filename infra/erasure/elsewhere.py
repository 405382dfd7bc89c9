"""A session's data outside the log: captured sound, its recording, its tapes, dead letters, caches."""

from typing import Any

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from contracts.topology import (
    AUDIO,
    DEAD,
    DEAD_LETTER,
    JOURNAL,
    RECORDINGS,
    audio_subjects,
    is_fact_subject,
    journal_subject,
    recording_subject,
    session_of,
)
from infra.erasure.receipt import SessionReceipt
from infra.erasure.stored import overwrite
from infra.log.dead_letters import SUBJECT_HEADER
from infra.log.stream_reader import stored_messages
from infra.memory.response_cache import forget_user
from infra.session.recordings import drop


async def erase_sound(nc: Client, receipt: SessionReceipt) -> None:
    """Remove the session's captured sound (in the server's memory)."""
    js: Any = nc.jetstream()
    subjects = audio_subjects(receipt.session_id)
    try:
        info = await js.stream_info(AUDIO, subjects_filter=subjects)
    except NotFoundError:
        return
    receipt.sound_frames += sum((info.state.subjects or {}).values())
    await js.purge_stream(AUDIO, subject=subjects)


async def erase_recording(nc: Client, receipt: SessionReceipt) -> None:
    """Overwrite the session's recording, chunk by chunk."""
    sizes: dict[int, int] = {}
    try:
        async for chunk in stored_messages(nc, RECORDINGS, recording_subject(receipt.session_id)):
            sizes[chunk.sequence] = len(chunk.data)
    except NotFoundError:
        return
    receipt.recording_chunks += await overwrite(nc, RECORDINGS, sizes)
    receipt.recording_bytes += sum(sizes.values())
    await drop(nc, receipt.session_id)


async def erase_tapes(nc: Client, receipt: SessionReceipt) -> None:
    """Overwrite what actors took in, chunk by chunk: models' answers, recalled turns and errors have words in them."""
    sizes: dict[int, int] = {}
    try:
        async for chunk in stored_messages(nc, JOURNAL, journal_subject(receipt.session_id, "*")):
            sizes[chunk.sequence] = len(chunk.data)
    except NotFoundError:
        return
    receipt.tape_chunks += await overwrite(nc, JOURNAL, sizes)
    receipt.tape_bytes += sum(sizes.values())


async def erase_dead_letters(nc: Client, receipt: SessionReceipt) -> None:
    """Overwrite the session's dead letters."""
    found = [
        letter.sequence
        async for letter in stored_messages(nc, DEAD, DEAD_LETTER.address.pattern)
        if is_fact_subject(subject := letter.headers.get(SUBJECT_HEADER, ""))
        and session_of(subject) == receipt.session_id
    ]
    receipt.dead_letters += await overwrite(nc, DEAD, found)


def _is_of(session_id: str, subject: str) -> bool:
    return is_fact_subject(subject) and session_of(subject) == session_id


async def forget_in_caches(nc: Client, user_id: str) -> dict[str, int]:
    """Remove a user's answers from the response cache; return how many, by cache."""
    return {"response cache": await forget_user(nc, user_id)}
