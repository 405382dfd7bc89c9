"""What goes wrong while a track is heard: lost speech, failed engines, recognition behind real time."""

from actors.transcript.engines import SpeechEngines
from actors.transcript.event_writer import EventWriter
from actors.transcript.track_events import TrackEvents
from actors.transcript.track_recognition import TrackRecognition
from infra.engines.chain import EngineFailure
from infra.engines.vad import TrackVad


class Troubles:
    """Appends each trouble of one track once; `turn_id` is the open turn's, if one is open."""

    def __init__(
        self, ears: SpeechEngines, recognising: TrackRecognition, vad: TrackVad, writer: EventWriter, facts: TrackEvents
    ) -> None:
        self._ears = ears
        self._recognising = recognising
        self._vad = vad
        self._writer = writer
        self._facts = facts
        self._vad_failure_said = False
        self._behind_said = False

    async def say_losses(self) -> None:
        """Append which speech was not recognised."""
        for loss in self._recognising.failures.take_losses():
            fact = self._facts.speech_lost(loss.utterance.started, loss.start, loss.end, loss.reason)
            await self._writer.append(fact)

    async def say_if_behind(self, turn_id: str | None) -> None:
        """Append, once each time, that recognition falls behind while somebody speaks."""
        behind = self._ears.behind()
        if behind and not self._behind_said and turn_id is not None:
            await self._writer.append(self._facts.fell_behind(self._ears.waited_s(), "guesses are left out"))
            self._behind_said = True
        self._behind_said = self._behind_said and behind

    async def say_failures(self, turn_id: str | None) -> None:
        """Append which engines have failed, and what was done about it."""
        for failed in self._recognising.failures.take_failures():
            place = f"{failed.start}-{failed.end}"
            await self._writer.append(self._facts.engine_failed(failed.failure, place, failed.n, turn_id))
        if self._vad.failure is not None and not self._vad_failure_said:
            self._vad_failure_said = True
            failure = EngineFailure("silero", self._vad.failure, "loudness was taken for speech")
            await self._writer.append(self._facts.engine_failed(failure, "", 0, turn_id))
