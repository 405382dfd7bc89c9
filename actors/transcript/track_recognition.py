"""Recognition for one track, beside its decisions: started here, collected when done, ignored when overtaken.

Where the engine streams, speech is given to it while it is spoken (`StreamedSpeech`); otherwise as a whole, in runs.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Literal, TypeVar

from actors.transcript import pieces
from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES
from actors.transcript.engines import Recogniser, SpeechEngines
from actors.transcript.guesses import Guess, TrackGuesses
from actors.transcript.pieces import RecognitionLoad
from actors.transcript.plausible import heard, speaks_otherwise
from actors.transcript.recognition_failures import Loss, RecognitionFailures
from actors.transcript.sound import Samples, TrackSound
from actors.transcript.streamed_speech import StreamedSpeech
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_streams import TrackStreams, segment_sound
from actors.transcript.turn import OpenTurn, SoundGiven, Utterance, UtterancePiece, spoken_words
from infra.engines.chain import EngineFailure
from infra.engines.lane import Overloaded, Rank, Run
from infra.engines.stt import Recognition, as_plain
from infra.engines.turn_detector import HEARD_SAMPLES
from infra.log.event_log import now_ns
from infra.process.tasks import ended, result_or_none
from infra.settings import Settings

TAIL_SAMPLES = WINDOW_SAMPLES
"""Silence after the last voiced window that it is given, as much as has passed when a pause is noticed.

Over 65 recordings (721 words, two voices) Moonshine made 65 mistakes with 32 ms, 66 with 64, 73 with 96, 70 with 125.
"""

SHORTEST_SAMPLES = 100 * SAMPLES_PER_MS

TOLD_SAMPLES = 300 * SAMPLES_PER_MS
"""Less than this after a guess holds no word: nothing is lost."""

T = TypeVar("T")


class TrackRecognition:
    """Runs of speech to text and end of turn for one track; `woken` is set when one is done."""

    def __init__(
        self, ears: SpeechEngines, settings: Settings, session_id: str, woken: asyncio.Event, taped: TapedSound
    ) -> None:
        interims, self._finals = ears.speech_to_text(settings)
        self._end_of_turn = ears.turn_detector(settings).track()
        self._session_id = session_id
        self._woken = woken
        self._taped = taped
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runs: set[Run[Recognition]] = set()
        self._load = RecognitionLoad()
        can_be_final = interims is self._finals and self._finals.engines.local
        self.guesses = TrackGuesses(interims, can_be_final, self._submit, self._load, taped)
        """Guesses at the words while they are said."""
        self.speaks_otherwise = False
        """Whether the speaker's last words were in another language than the engine's."""
        self.failures = RecognitionFailures(taped)
        """What went wrong."""
        self.streams = TrackStreams(self._finals.engines, woken, taped, self.failures)
        """Speech that is recognised while it is spoken."""

    def begin_turn(self) -> None:
        """Reset the cost of a turn's recognition."""
        self._load.clear()

    def settle(self, sound: TrackSound, utterance: Utterance, heard_to: int, closed: bool = False) -> bool:
        """Ask for the words that count of the utterance so far, if it is time; return whether that was done now."""
        if utterance.end is None or utterance.settling is not None:
            return False
        length, silence = utterance.end - utterance.segment_start, heard_to - utterance.end
        if utterance.speech is not None:
            utterance.settling = self.streams.piece_after_pause(sound, utterance, heard_to, closed)
            return utterance.settling is not None
        guess = self.guesses.words_of_pause(utterance)
        if guess is not None and length < pieces.LONGEST_SAMPLES:
            utterance.settling = self._guessed_piece(guess, utterance.end)
            return True
        if not closed and not pieces.may_settle(self._load, length, silence):
            return False
        self._cut(sound, utterance, utterance.end)
        # Not what has arrived beyond: how much that is differs from run to run, and the words with it.
        end = min(utterance.end + TAIL_SAMPLES, heard_to)
        utterance.settling = self._piece(sound, utterance, utterance.end, end, Rank.TURN)
        return True

    def close(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Start to recognise the words of an utterance that is over."""
        self.settle(sound, utterance, heard_to, closed=True)
        if utterance.end is not None:
            self._load.kept += max(0, utterance.end - utterance.segment_start)

    def ask_whether_over(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Run the end-of-turn model on the sound up to `heard_to`, in the pause that begins at `utterance.end`."""
        assert utterance.end is not None
        if utterance.asking is not None and not utterance.asking.done():
            return
        self.collect(utterance)
        utterance.asked += 1
        samples = sound.cut(heard_to - HEARD_SAMPLES, heard_to)
        utterance.asked_over = _given(samples, min(heard_to, sound.end))
        self._taped.took("asked-opinion", [utterance.start, heard_to])
        utterance.asking = self._start(self._end_of_turn.probability(samples))

    def cut_if_long(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Cut speech without a pause at its quietest place, and start the run over what lies before it."""
        if utterance.end is not None:
            return
        if utterance.speech is None:
            self._cut(sound, utterance, heard_to)
        elif (piece := self.streams.piece_if_long(utterance, heard_to)) is not None:
            self._keep(utterance, piece)

    def resumed(self, utterance: Utterance, heard_to: int) -> None:
        """When speech continues after a pause, keep what lies before it as a piece, or drop the run over it."""
        self.collect(utterance)
        piece = utterance.settling
        if utterance.end is None or piece is None:
            return
        pause = heard_to - WINDOW_SAMPLES - utterance.end
        if piece.was_streamed or pieces.is_cut_at(self._load, utterance.end - utterance.segment_start, pause):
            if piece.run is not None:
                piece.run.rank = Rank.PIECE
            self._keep(utterance, piece)
            return
        if piece.text:
            utterance.interim, utterance.interim_to = piece.text, utterance.end
            utterance.interim_given = piece.given
        self._overtaken(piece.run)

    def collect(self, utterance: Utterance) -> None:
        """Collect the results that are available."""
        self.guesses.collect()
        self.streams.collect(utterance, self.speaks_otherwise)
        if utterance.asking is not None and utterance.asking.done():
            probability = result_or_none(utterance.asking)
            self._taped.took("opinion", [utterance.start, probability])
            if probability is not None:
                # The model's opinion varies; of two, the surer has proved right more often.
                utterance.probability = max(probability, utterance.probability or 0.0)
                if utterance.asked_over is not None and utterance.end is not None:
                    utterance.opinions.append(utterance.asked_over.opinion(utterance.end, probability, now_ns()))
            utterance.asking = None
        last = utterance.settling
        for piece in (*utterance.pieces, *([last] if last is not None else [])):
            self._take(utterance, piece)
        if last is None or last.text is None or utterance.text is not None:
            return
        if all(piece.text is not None for piece in utterance.pieces):
            utterance.recognition, utterance.recognised_ns = last.recognition, now_ns()
            utterance.text = utterance.whole_text()

    async def finish(self, turn: OpenTurn) -> None:
        """Wait for the runs that the turn needs, and collect their results."""
        for utterance in turn.utterances:
            self.collect(utterance)
            while waited_for := _waited_for(utterance):
                await asyncio.wait(waited_for)
                self.collect(utterance)

    async def aclose(self) -> None:
        """Drop the waiting runs; a started run ends by itself."""
        self.guesses.drop()
        for run in list(self._runs):
            self._overtaken(run)
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        await ended(*tasks)
        await self.streams.aclose()
        await self._end_of_turn.aclose()

    def _take_streamed(self, utterance: Utterance, piece: UtterancePiece, speech: StreamedSpeech) -> None:
        if not speech.over.done():
            return
        piece.speech = None
        self.streams.close(speech)
        recognition = None if speech.over.cancelled() else speech.over.result()
        if recognition is not None:
            self._took_words(utterance, piece, heard(recognition, speech.samples, False, self.speaks_otherwise))
            return
        *before, last = pieces.split(speech.samples)
        parts = []
        start = piece.start
        for samples in before:
            run = self._submit(self._finals, Rank.TURN, samples, start, start + len(samples))
            parts.append(UtterancePiece(start, start + len(samples), run, given=piece.given))
            start += len(samples)
        piece.start, piece.run = start, self._submit(self._finals, Rank.TURN, last, start, piece.end)
        place = utterance.pieces.index(piece) if piece in utterance.pieces else len(utterance.pieces)
        utterance.pieces[place:place] = parts

    def _cut(self, sound: TrackSound, utterance: Utterance, end: int) -> None:
        """Cut speech that is too long for a run at quiet places, and start the runs over what lies before them."""
        while end - utterance.segment_start >= pieces.LONGEST_SAMPLES:
            start = utterance.segment_start
            place = start + max(1, pieces.quietest(sound.cut(start, start + pieces.LONGEST_SAMPLES)))
            self._keep(utterance, self._piece(sound, utterance, place, place, Rank.PIECE))

    def _guessed_piece(self, guess: Guess, end: int) -> UtterancePiece:
        """Return the speech up to `end`, whose words were asked for when the voice fell silent."""
        self.guesses.take(guess)
        self._taped.took("asked-words", [guess.segment_start, end, guess.to])
        return UtterancePiece(guess.segment_start, end, guess.run, given=replace(guess.given, noticed_ns=now_ns()))

    def _piece(self, sound: TrackSound, utterance: Utterance, end: int, sound_to: int, rank: Rank) -> UtterancePiece:
        self.guesses.drop()
        samples = segment_sound(sound, utterance, sound_to)
        self._taped.took("asked-words", [utterance.segment_start, end, sound_to])
        start = utterance.segment_start
        run = self._submit(self._finals, rank, samples, start, end) if len(samples) >= SHORTEST_SAMPLES else None
        given = _given(samples, min(sound_to, sound.end)) if run is not None else None
        return UtterancePiece(start, end, run, utterance.interim, utterance.interim_to, given=given)

    def _keep(self, utterance: Utterance, piece: UtterancePiece) -> None:
        utterance.pieces.append(piece)
        self._load.kept += piece.end - piece.start
        utterance.segment_start, utterance.interim, utterance.settling = piece.end, "", None
        utterance.speech, utterance.in_whole = None, False
        self.guesses.start_anew()

    def _take(self, utterance: Utterance, piece: UtterancePiece) -> None:
        if piece.text is not None:
            return
        if piece.speech is not None:
            self._take_streamed(utterance, piece, piece.speech)
        elif piece.run is None:
            piece.text = piece.guess
        elif piece.run.result.done():
            self._take_result(utterance, piece, piece.run.result)

    def _take_result(self, utterance: Utterance, piece: UtterancePiece, result: "asyncio.Future[Recognition]") -> None:
        try:
            recognition = result.result()
        except (Exception, asyncio.CancelledError) as error:  # a future's, not this task's: its run was given up
            reason: Literal["engine", "overload"] = "overload" if isinstance(error, Overloaded) else "engine"
            self._taped.took("words-lost", [piece.start, piece.end, reason])
            self._lose(utterance, piece, reason)
            return
        self._took_words(utterance, piece, recognition)

    def _took_words(self, utterance: Utterance, piece: UtterancePiece, recognition: Recognition) -> None:
        piece.recognition = recognition
        self._taped.took("words", [piece.start, piece.end, as_plain(recognition)])
        self.failures.recognised(recognition.engine, self._finals.engines.first, piece.start, piece.end)
        if utterance.contested_reply is None:  # over the agent's voice it may be misheard
            self.speaks_otherwise = speaks_otherwise(self.speaks_otherwise, recognition)
        piece.text = spoken_words(recognition.text)

    def _lose(self, utterance: Utterance, piece: UtterancePiece, reason: Literal["engine", "overload"]) -> None:
        piece.text = piece.guess
        start = max(piece.start, piece.guess_to) if piece.guess else piece.start
        if piece.end - start >= (TOLD_SAMPLES if piece.guess else 1):
            utterance.lost_samples += piece.end - start
            self.failures.lost(Loss(utterance, start, piece.end, reason))

    def _overtaken(self, run: Run[Recognition] | None) -> None:
        """Drop a run that no longer matters: if it is waiting, it never starts."""
        if run is None:
            return
        if run.started:
            self._load.extra += int(run.seconds * 1000) * SAMPLES_PER_MS
        self._finals.lane.drop(run)

    def _submit(self, recogniser: Recogniser, rank: Rank, samples: Samples, start: int, end: int) -> Run[Recognition]:
        async def failed(failure: EngineFailure) -> None:
            self.failures.failed(failure, start, end)

        run = recogniser.submit(self._session_id, rank, samples, failed, lambda: self.speaks_otherwise)
        self._runs.add(run)
        run.result.add_done_callback(lambda _: self._ended(run))
        return run

    def _ended(self, run: Run[Recognition]) -> None:
        self._runs.discard(run)
        self._woken.set()

    def _start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._woken.set()


def _waited_for(utterance: Utterance) -> list[asyncio.Future[Any]]:
    """Return what has to be done before the utterance's words are known, and what is thought of its end."""
    last = [utterance.settling] if utterance.settling is not None else []
    pieces_left = [piece for piece in (*utterance.pieces, *last) if piece.text is None]
    waited_for: list[asyncio.Future[Any]] = [piece.run.result for piece in pieces_left if piece.run is not None]
    waited_for += [piece.speech.over for piece in pieces_left if piece.speech is not None]
    return [*waited_for, *([utterance.asking] if utterance.asking is not None else [])]


def _given(samples: Samples, end: int) -> SoundGiven:
    """Return that these samples, up to `end`, are given to an engine now."""
    return SoundGiven(end - len(samples), end, now_ns())
