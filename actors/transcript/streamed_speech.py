"""Speech that is streamed to an engine while it is spoken, and to the next one if that fails, with the sound so far."""

import asyncio
import logging
import time
from collections.abc import Callable

import numpy as np

from actors.transcript.sound import Samples
from actors.transcript.turn import SoundGiven
from infra.engines.chain import ASKED_AGAIN, EngineFailure, EngineTooSlow
from infra.engines.stt import ASKED, Recognition, SpeechToText
from infra.engines.word_stream import WordStream
from infra.engines.words import Words
from infra.log.event_log import now_ns
from infra.process.error_text import error_text, kind_of

log = logging.getLogger(__name__)


class StreamedSpeech:
    """Speech from sample `start` on, given to one stream after the other; the words are all of the last one's.

    So no word of a stream that failed counts twice, or is lost with it. `over` completes with the words, or with None
    if no engine that streams is left: then `samples` are recognised as a whole. `woken` is called when anything
    changes, `failed` with each failure.
    """

    def __init__(
        self,
        engines: SpeechToText,
        start: int,
        woken: Callable[[], None],
        failed: Callable[[EngineFailure, int], None],
    ) -> None:
        """Open the first stream, if an engine that streams is to be asked now."""
        self._engines = engines
        self._woken = woken
        self._failed = failed
        self._sound: list[Samples] = []
        self._streams: list[WordStream] = []
        self._stream: WordStream | None = None
        """The last of them, which hears the speech now."""
        self._given_up: set[str] = set()
        """Engines that are not asked again for this speech."""
        self._asked_again = False
        self._is_ended = False
        self._ended_s = 0.0
        self._asked_ns = 0
        self.start = start
        self.end = start
        """Up to where sound was given."""
        self.engine = ""
        """The engine that hears it now."""
        self.over: asyncio.Future[Recognition | None] = asyncio.get_running_loop().create_future()
        self._next()

    @property
    def has_given_up(self) -> bool:
        """Whether no engine that streams is left."""
        return self.over.done() and not self.over.cancelled() and self.over.result() is None

    @property
    def samples(self) -> Samples:
        """All sound that was given."""
        return np.concatenate(self._sound) if self._sound else np.zeros(0, np.int16)

    @property
    def given(self) -> SoundGiven:
        """The sound that was given, and when the last of it was."""
        return SoundGiven(self.start, self.end, self._asked_ns)

    @property
    def words(self) -> Words:
        """The words so far, final or not."""
        return self._stream.words if self._stream is not None else Words("")

    @property
    def is_final(self) -> bool:
        """Whether words have come since the last pause, and all are final."""
        return self._stream is not None and self._stream.is_final

    def push(self, samples: Samples) -> None:
        """Give it the sound that follows."""
        if not len(samples) or self._is_ended:
            return
        self._sound.append(samples)
        self.end += len(samples)
        self._asked_ns = now_ns()
        if self._stream is not None:
            self._stream.push(samples.tobytes())

    def flush(self) -> None:
        """Ask for the words so far, because the speaker pauses."""
        if self._stream is not None and not self._is_ended:
            self._stream.flush()

    def finish(self) -> None:
        """Tell it that no more sound follows."""
        self._is_ended, self._ended_s = True, time.perf_counter()
        if self._stream is not None:
            self._stream.end()

    async def aclose(self) -> None:
        """Close the streams."""
        self._stream = None
        self.over.cancel()
        await asyncio.gather(*(stream.aclose() for stream in self._streams))

    def _next(self) -> None:
        name = self._engines.streaming(self._given_up)
        if name is None:
            self._stream, self.engine = None, ""
            self._complete(None)
            return
        self.engine = name
        stream = self._stream = self._engines.stream(name, self._woken)
        self._streams.append(stream)
        if self._sound:
            stream.push(self.samples.tobytes())
        if self._is_ended:
            stream.end()
        stream.result.add_done_callback(lambda _: self._ended(stream, name))

    def _ended(self, stream: WordStream, name: str) -> None:
        if stream is not self._stream or stream.result.cancelled():
            return
        error = stream.result.exception()
        if error is None:
            self._engines.stream_ended(name, well=True)
            spent_ms = (time.perf_counter() - self._ended_s) * 1000
            words = stream.result.result()
            self._complete(Recognition(words.text, name, spent_ms, words.confidence, words.language))
            return
        self._report(name, error, is_cut_off=stream.has_answered and not isinstance(error, EngineTooSlow))
        self._next()

    def _report(self, name: str, error: BaseException, is_cut_off: bool) -> None:
        """Report a failure. An engine that had answered is asked again, once: connections are cut off now and then."""
        if is_cut_off and not self._asked_again:
            self._asked_again = True
            failure = EngineFailure(name, error_text(error), ASKED_AGAIN, name)
        else:
            self._given_up.add(name)
            self._engines.stream_ended(name, well=False)
            following = self._engines.next_engine(self._given_up)
            action = ASKED.format(following) if following else ASKED_AGAIN
            failure = EngineFailure(name, error_text(error), action, following or name)
        log.warning("speech to text %s failed (%s): %s", name, kind_of(failure.error), failure.action)
        self._failed(failure, self.end)

    def _complete(self, recognition: Recognition | None) -> None:
        if not self.over.done():
            self.over.set_result(recognition)
        self._woken()
