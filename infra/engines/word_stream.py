"""One stretch of speech, streamed to an engine of LiveKit's interface while it is being spoken.

What an engine owes is clear only at the end: after the last sound it ends its stream, or says final words and then
nothing more, and no words are left that are not final. Whatever else ends a stream is a failure, and somebody else must
hear the same sound: an engine that was cut off has lost words that nobody can name.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.types import APIConnectOptions

from infra.engines.chain import EngineRaised, EngineTooSlow
from infra.engines.deepgram import ALL_SENT, pass_on_the_end
from infra.engines.words import SAMPLE_RATE_HZ, Words, words_of
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only

log = logging.getLogger(__name__)

QUIET_S = 0.4
"""A stream that has said final words after its last sound, and nothing more for this long, owes none."""

COVERED_S = 1.0
"""Final words that end this long before the end of the sound may be followed by others: the engine says where."""

CLOSE_S = 2.0
"""How long a plugin may take to close its stream; then it is left to itself."""

INTERIM = (stt.SpeechEventType.INTERIM_TRANSCRIPT, stt.SpeechEventType.PREFLIGHT_TRANSCRIPT)


class WordStream:
    """An open stream: `push` sound, `flush` in a pause, `end`; `words` are those so far, `result` has them at the end.

    Within the event loop. Nothing here raises what an engine raises: `result` fails with it. `changed` is called
    whenever there are other words, and at the end.
    """

    def __init__(self, engine: "stt.STT[Any]", ends_within_s: float, changed: Callable[[], None]) -> None:
        """Open the stream. `ends_within_s` is how long it may take to connect, and to end after its last sound."""
        self._ends_within_s = ends_within_s
        self._changed = changed
        self._finals: list[stt.SpeechEvent] = []
        self._interim: stt.SpeechEvent | None = None
        self._pushed_s = 0.0
        self._is_ended = False
        self._is_quiet = False
        """Whether it has said final words after its last sound, and no others since."""
        self._deadline: asyncio.Timeout | None = None
        self._ends_at_s: float | None = None
        self.has_answered = False
        """Whether anything came from the engine."""
        self.is_final = False
        """Whether words have come since the last pause, and all are final."""
        self.result: asyncio.Future[Words] = asyncio.get_running_loop().create_future()
        self._stream: stt.RecognizeStream | None = None
        self._task: asyncio.Task[None] | None = None
        try:
            # No retries in the plugin: they would go on without the sound that was lost with the connection.
            self._stream = engine.stream(conn_options=APIConnectOptions(max_retry=0, timeout=ends_within_s))
        except Exception as error:  # whatever a plugin raises
            self._fail(error)
            return
        pass_on_the_end(self._stream)
        self._task = asyncio.create_task(self._read(self._stream), name="stream of speech to text")

    @property
    def words(self) -> Words:
        """The words so far, final or not."""
        return words_of([*self._finals, *([self._interim] if self._interim is not None else [])])

    def push(self, pcm: bytes) -> None:
        """Give it the next sound: int16 mono at 16 kHz."""
        self._pushed_s += len(pcm) / 2 / SAMPLE_RATE_HZ
        self._ask(lambda stream: stream.push_frame(rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(pcm) // 2)))

    def flush(self) -> None:
        """Ask for the words of what was pushed: the speaker pauses."""
        self.is_final = False
        self._ask(lambda stream: stream.flush())

    def end(self) -> None:
        """Tell it that no more sound follows."""
        self._ask(lambda stream: stream.end_input())
        self._is_ended = True
        self._ends_at_s = asyncio.get_running_loop().time() + self._ends_within_s
        if self._deadline is not None and not self.result.done():
            self._deadline.reschedule(self._ends_at_s)

    async def aclose(self) -> None:
        """Close it; its result is cancelled if there is none."""
        self.result.cancel()
        if self._task is not None:
            await ended(self._task)

    def _ask(self, do: "Callable[[stt.RecognizeStream], None]") -> None:
        if self._stream is None or self.result.done():
            return
        try:
            do(self._stream)
        except Exception as error:  # closed by the plugin, which says why to whoever reads it
            log.debug("speech to text takes no more sound: %r", error)

    async def _read(self, stream: stt.RecognizeStream) -> None:
        try:
            with own_cancellation_only():
                async with asyncio.timeout_at(self._ends_at_s) as self._deadline:
                    async for event in stream:
                        if self._is_ended and event.request_id == ALL_SENT:
                            break
                        self._take(event)
            if stream._task.cancelled():
                raise CancelledElsewhere("the stream was cancelled within the plugin")
            self._give()
        except Exception as error:
            is_late = self._deadline is not None and self._deadline.expired()
            if is_late and self._is_quiet:
                self._give()
            else:
                too_slow = EngineTooSlow(f"it did not end within {self._ends_within_s:g} s of the last sound")
                self._fail(too_slow if is_late else error)
        finally:
            await _closed(stream)

    def _take(self, event: stt.SpeechEvent) -> None:
        self.has_answered = True
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            self._finals.append(event)
            self._interim, self.is_final = None, True
        elif event.type in INTERIM:
            self._interim = event if words_of([event]).text else None
            self.is_final = False
        elif event.type is stt.SpeechEventType.END_OF_SPEECH:
            self._interim = None  # what it had guessed since the last final words were none
        else:
            return
        if self._ends_at_s is not None and self._deadline is not None:
            self._is_quiet = self._interim is None and (self._is_quiet or self._covers_all(event))
            quiet_at_s = asyncio.get_running_loop().time() + QUIET_S
            self._deadline.reschedule(min(self._ends_at_s, quiet_at_s) if self._is_quiet else self._ends_at_s)
        self._changed()

    def _covers_all(self, event: stt.SpeechEvent) -> bool:
        """Return whether these are final words up to the end of the sound, as far as the engine says where they end."""
        if event.type is not stt.SpeechEventType.FINAL_TRANSCRIPT or not event.alternatives:
            return False
        end_s = event.alternatives[0].end_time
        return end_s <= 0 or end_s >= self._pushed_s - COVERED_S

    def _give(self) -> None:
        if not self._is_ended:
            self._fail(EngineRaised("the stream ended before the speech did"))
        elif self._interim is not None:
            self._fail(EngineRaised("the stream ended with words that were not final"))
        elif not self.result.done():
            self.result.set_result(words_of(self._finals))
            self._changed()

    def _fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)
            self.result.exception()  # it is read later, or never
            self._changed()


async def _closed(stream: stt.RecognizeStream) -> None:
    closing = asyncio.ensure_future(stream.aclose())
    try:
        await asyncio.wait([closing], timeout=CLOSE_S)
    finally:
        if not closing.done():
            closing.cancel()
        elif not closing.cancelled():
            closing.exception()
