"""The streams of one track's speech: opened when speech begins, ended in a pause, collected as words come."""

import asyncio

from actors.transcript import pieces
from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES
from actors.transcript.plausible import heard
from actors.transcript.recognition_failures import RecognitionFailures
from actors.transcript.sound import Samples, TrackSound
from actors.transcript.streamed_speech import StreamedSpeech
from actors.transcript.taped_sound import TapedSound
from actors.transcript.turn import Utterance, UtterancePiece, spoken_words
from infra.engines.chain import EngineFailure
from infra.engines.stt import Recognition, SpeechToText, as_plain

LEAD_SAMPLES = 100 * SAMPLES_PER_MS
"""Sound before the first voiced window that the recogniser is given.

Over 250 telephone prompts (1,935 words) Moonshine made 198 mistakes with 200 ms, 174 with 100, 172 with 32, 180 with
none. After more silence it writes commas where sentences end (of 22 ends 13 with 200 ms, 2 with 100, none with 32). It
writes fewer at pauses, too, where they tell that somebody will go on: 34, 20 and 8 of 52.
"""

OVER_REPLY_LEAD_SAMPLES = 300 * SAMPLES_PER_MS
"""The same for speech over the agent's voice, whose beginning is noticed later: of "Stop" the voice detector took the
vowel for it, 176 ms after the "s", so that with 100 ms of lead "Top" was heard. Without a reply it takes the "s".
"""

END_PAUSE_SAMPLES = 6 * WINDOW_SAMPLES
"""Silence (192 ms) that ends a stream: stops within words and between them are shorter, the end of a turn is longer."""

LONGEST_SAMPLES = 30_000 * SAMPLES_PER_MS
"""Speech without a pause is streamed in stretches of this length: if an engine fails, the next one hears it all."""


class TrackStreams:
    """Streams of one track; `woken` is set when one has words or has ended."""

    def __init__(
        self, engines: SpeechToText, woken: asyncio.Event, taped: TapedSound, failures: RecognitionFailures
    ) -> None:
        self._engines = engines
        self._woken = woken
        self._taped = taped
        self._failures = failures
        self._open: set[StreamedSpeech] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._collected: tuple[str, bool] = ("", False)
        """The words of the newest stream that were collected last, and whether they were final."""

    def listen(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Give the sound up to `heard_to` to the engine, if one streams; open a stream when speech begins."""
        if utterance.closed or utterance.in_whole or utterance.settling is not None:
            return
        if utterance.speech is None and self._engines.streaming() is not None:
            utterance.speech = self._opened(sound, utterance, heard_to)
        speech = utterance.speech
        if speech is None or speech.has_given_up:
            utterance.speech, utterance.in_whole = None, True
            if speech is not None:
                self.close(speech)
            return
        speech.push(sound.cut(speech.end, heard_to))
        pause = heard_to - utterance.end if utterance.end is not None else 0
        if pause >= pieces.CUT_PAUSE_SAMPLES and not utterance.flushed:
            speech.flush()
            utterance.flushed = True

    def piece_after_pause(
        self, sound: TrackSound, utterance: Utterance, heard_to: int, closed: bool
    ) -> UtterancePiece | None:
        """Return what was streamed as a piece if the pause that begins at `utterance.end` ends it, or if it is over."""
        if utterance.speech is None or utterance.end is None:
            return None
        is_long = utterance.end - utterance.segment_start >= pieces.LONGEST_SAMPLES
        if not closed and heard_to - utterance.end < (WINDOW_SAMPLES if is_long else END_PAUSE_SAMPLES):
            return None
        utterance.speech.push(sound.cut(utterance.speech.end, heard_to))
        return self._ended(utterance, utterance.speech, utterance.end)

    def piece_if_long(self, utterance: Utterance, heard_to: int) -> UtterancePiece | None:
        """Return what was streamed as a piece if it is too long to be kept for another engine."""
        if utterance.speech is None or heard_to - utterance.segment_start < LONGEST_SAMPLES:
            return None
        return self._ended(utterance, utterance.speech, heard_to)

    def collect(self, utterance: Utterance, speaks_otherwise: bool) -> None:
        """Take the words that a stream has understood so far as the utterance's interim words."""
        speech = utterance.speech or (utterance.settling.speech if utterance.settling is not None else None)
        if speech is None or speech.over.done() or (speech.words.text, speech.is_final) == self._collected:
            return
        words, self._collected = speech.words, (speech.words.text, speech.is_final)
        guess = Recognition(words.text, speech.engine, 0, words.confidence, words.language)
        recognition = heard(guess, speech.samples, True, speaks_otherwise)
        self._taped.took("streamed", [utterance.segment_start, speech.end, as_plain(recognition), speech.is_final])
        text = spoken_words(recognition.text)
        utterance.interim_is_final = bool(text) and speech.is_final and utterance.end is not None
        if text:
            utterance.interim, utterance.interim_to, utterance.interim_given = text, speech.end, speech.given

    def close(self, speech: StreamedSpeech) -> None:
        """Close a stream that is not needed any more."""
        self._open.discard(speech)
        task = asyncio.create_task(speech.aclose(), name="closing a stream of speech to text")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close all streams."""
        for speech in list(self._open):
            self.close(speech)
        if self._closing:
            await asyncio.wait(self._closing)

    def _opened(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> StreamedSpeech:
        """Return a stream that is given what is known of the segment up to `heard_to`."""
        samples, start = segment_sound(sound, utterance, heard_to), utterance.segment_start
        first = min(heard_to, sound.end) - len(samples)
        self._taped.took("asked-stream", [start, heard_to])

        def failed(failure: EngineFailure, end: int) -> None:
            self._failures.failed(failure, start, end)

        speech = StreamedSpeech(self._engines, first, self._woken.set, failed)
        self._open.add(speech)
        self._collected = ("", False)
        speech.push(samples)
        return speech

    def _ended(self, utterance: Utterance, speech: StreamedSpeech, end: int) -> UtterancePiece:
        """Return the speech up to `end` as a piece: its stream gets no more sound, and owes its words."""
        speech.finish()
        utterance.speech = None
        start, guess, guess_to = utterance.segment_start, utterance.interim, utterance.interim_to
        self._taped.took("asked-words", [start, end, speech.end])
        return UtterancePiece(start, end, None, guess, guess_to, given=speech.given, speech=speech, was_streamed=True)


def segment_sound(sound: TrackSound, utterance: Utterance, end: int) -> Samples:
    """Return what is known of an utterance's sound from `segment_start` to `end`, with a lead before its first."""
    lead = OVER_REPLY_LEAD_SAMPLES if utterance.started.over_reply_id else LEAD_SAMPLES
    return sound.cut(utterance.segment_start - (0 if utterance.pieces else lead), end)
