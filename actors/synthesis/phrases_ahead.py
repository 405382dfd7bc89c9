"""The sound of phrases with which answers often begin, made before they are needed, while nobody waits for sound."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.codec import Undecodable, decode
from contracts.events import ReplyClauseWritten
from contracts.topology import event_subjects
from infra.engines.phrases import MOST_WORDS, OPENERS
from infra.engines.tts import TextToSpeech
from infra.log.log_streams import has_log, streams_of_log
from infra.log.stream_reader import stored_messages
from infra.spoken.pipeline import ENGLISH

log = logging.getLogger(__name__)

LAST_FACTS = 20_000
"""How far back in each stream of the log first clauses are counted: some hundred conversations."""
MOST_OF_LOG = 60
"""With the openers about three seconds of CPU."""
REST_SHARE = 4
"""After each phrase it rests this many times as long as that took: a fifth of a core at most."""
LOOK_AGAIN_S = 0.2


def frequent(clauses: Iterable[ReplyClauseWritten]) -> list[str]:
    """Return the short first clauses that occur in several replies, the most frequent first."""
    replies = {clause.reply_id: " ".join(clause.text.split()) for clause in clauses if clause.index == 0}
    counts = Counter(text for text in replies.values() if 0 < len(text.split()) <= MOST_WORDS)
    return [text for text, count in counts.most_common(MOST_OF_LOG) if count > 1]


async def frequent_in_log(nc: Client) -> list[str]:
    """Return the first clauses that were written most often of late; none if the log cannot be read now."""
    subjects = event_subjects(ReplyClauseWritten)
    found: list[ReplyClauseWritten] = []
    try:
        for stream in (await streams_of_log(nc)).names if await has_log(nc) else ():
            newest = (await nc.jetstream().stream_info(stream)).state.last_seq
            async for message in stored_messages(nc, stream, subjects, max(1, newest + 1 - LAST_FACTS)):
                found.append(_clause(message.subject, message.data))
        return frequent(found)
    except (NatsError, TimeoutError, OSError, Undecodable) as error:
        log.debug("first clauses are not read from the log: %r", error)
        return []


def _clause(subject: str, data: bytes) -> ReplyClauseWritten:
    event = decode(subject, data)
    assert isinstance(event, ReplyClauseWritten)
    return event


async def make_ahead(chains: Sequence[TextToSpeech], texts: Sequence[str], is_busy: Callable[[], bool]) -> None:
    """Let voices that keep the sound of phrases make it for these texts, while nothing else is being made."""
    for chain in chains:
        for text in dict.fromkeys(texts):
            while is_busy():  # noqa: ASYNC110 - clauses come and go; nobody waits for this
                await asyncio.sleep(LOOK_AGAIN_S)
            begun_s = time.monotonic()
            await chain.make_ahead(text)
            await asyncio.sleep(REST_SHARE * (time.monotonic() - begun_s))


async def make_frequent_ahead(
    nc: Client, chains: Sequence[TextToSpeech], is_busy: Callable[[], bool], opener: str = ""
) -> None:
    """Let the voices make ahead what the log says most often, and before that openers if they are English."""
    english = [chain for chain in chains if chain.voices and chain.voices[0].language.lower().startswith(ENGLISH)]
    if opener:
        await make_ahead(chains, (opener,), is_busy)
    await make_ahead(english, OPENERS, is_busy)
    await make_ahead(chains, await frequent_in_log(nc), is_busy)
