"""The events that the owner of a track appends; their ids are derived from what they are about."""

from collections.abc import Sequence
from typing import Any, TypeVar

from actors.transcript.patience import Required
from actors.transcript.turn import SoundGiven
from contracts import events as e
from contracts.answers import answer
from contracts.audio import IN_SAMPLE_RATE_HZ
from contracts.ids import derive_id
from infra.engines.chain import EngineFailure
from infra.engines.stt import Recognition
from infra.log.event_log import now_ns

About = TypeVar("About", bound=e.Event)


class TrackEvents:
    """Creates the events of one track. The same speech gives the same ids, whoever owns the track."""

    def __init__(self, track: e.TrackPublished) -> None:
        self._track = track
        self._participant_id = track.participant_id

    def turn_id(self, start_sample: int) -> str:
        """Return the id of the turn whose first utterance begins at `start_sample`."""
        return derive_id(self._track.event_id, "Turn", start_sample)

    def speech_started(self, start_sample: int, turn_id: str, over_reply_id: str | None) -> e.SpeechStarted:
        """Return the beginning of an utterance; the other events about it refer to it."""
        return answer(
            self._track,
            e.SpeechStarted,
            time_ns=now_ns(),
            id_n=start_sample,
            turn_id=turn_id,
            utterance_id=self.utterance_id(start_sample),
            track_id=self._track.track_id,
            participant_id=self._participant_id,
            start_sample=start_sample,
            over_reply_id=over_reply_id,
        )

    def revised(
        self,
        started: e.SpeechStarted,
        number: int,
        text: str,
        settled: bool,
        speech_ended_ns: int | None,
        given: SoundGiven | None = None,
        pauses: tuple[int, ...] = (),
    ) -> e.TranscriptRevised:
        """Return a hypothesis of the turn's words; the last ones are of the sound `given` to the engine."""
        return self._about(
            started,
            e.TranscriptRevised,
            number,
            utterance_id=started.utterance_id,
            revision=number,
            text=text,
            settled=settled,
            speech_ended_ns=speech_ended_ns,
            pauses=pauses,
            **_heard(given),
        )

    def speech_ended(self, started: e.SpeechStarted, end_sample: int, speech_ended_ns: int) -> e.SpeechEnded:
        """Return the end of an utterance."""
        return self._about(
            started,
            e.SpeechEnded,
            utterance_id=started.utterance_id,
            track_id=started.track_id,
            start_sample=started.start_sample,
            end_sample=end_sample,
            speech_ended_ns=speech_ended_ns,
        )

    def transcribed(
        self,
        started: e.SpeechStarted,
        end_sample: int,
        text: str,
        recognition: Recognition | None,
        given: SoundGiven | None = None,
    ) -> e.UtteranceTranscribed:
        """Return an utterance's final words, of the sound `given` to the engine; empty if it had none."""
        return self._about(
            started,
            e.UtteranceTranscribed,
            utterance_id=started.utterance_id,
            text=text,
            start_sample=started.start_sample,
            end_sample=end_sample,
            engine=recognition.engine if recognition else "",
            engine_ms=recognition.engine_ms if recognition else 0,
            **_heard(given),
        )

    def speech_lost(self, started: e.SpeechStarted, start: int, end: int, reason: str) -> e.SpeechLost:
        """Return the event that the words of `[start, end)` are lost."""
        return self._about(
            started,
            e.SpeechLost,
            start,
            utterance_id=started.utterance_id,
            track_id=started.track_id,
            start_sample=start,
            end_sample=end,
            reason=reason,
        )

    def utterance_dismissed(
        self, started: e.SpeechStarted, end_sample: int, implausible: Recognition | None
    ) -> e.UtteranceDismissed:
        """Return the event that an utterance is no speech to the agent: its text is implausible, or holds no words.

        All speech that becomes part of no turn ends with this event, or with a dismissed interruption.
        """
        recognition = implausible or Recognition("", "", 0, dismissed="no-words")
        return self._about(
            started,
            e.UtteranceDismissed,
            utterance_id=started.utterance_id,
            reason=recognition.dismissed,
            text=recognition.dismissed_text,
            confidence=recognition.confidence,
            speech_ms=max(0, end_sample - started.start_sample) * 1000 / IN_SAMPLE_RATE_HZ,
            language=recognition.language,
            over_reply_id=started.over_reply_id,
        )

    def turn_ended(
        self,
        first: e.SpeechStarted,
        utterances: Sequence[e.SpeechStarted],
        text: str,
        evidence: e.TurnEvidence,
        lost_ms: float = 0,
    ) -> e.TurnEnded:
        """Return the end of the turn that `first` began."""
        return self._about(
            first,
            e.TurnEnded,
            utterance_ids=tuple(started.utterance_id for started in utterances),
            text=text,
            evidence=evidence,
            lost_ms=lost_ms,
        )

    def opener_cued(
        self, started: e.SpeechStarted, text: str, silence_ms: float, required: Required, speech_ended_ns: int
    ) -> e.OpenerCued:
        """Return the event that the agent may begin with its opener."""
        return self._about(
            started,
            e.OpenerCued,
            reply_id=derive_id(started.event_id, "Opener"),
            text=text,
            reason=required.reason,
            score=None if required.score is None else round(required.score, 3),
            silence_ms=silence_ms,
            required_silence_ms=required.silence_ms,
            speech_ended_ns=speech_ended_ns,
        )

    def opener_retracted(self, cued: e.OpenerCued, went_on_ns: int) -> e.OpenerRetracted:
        """Return the event that the caller went on after an opener was cued."""
        return answer(
            cued,
            e.OpenerRetracted,
            time_ns=now_ns(),
            participant_id=self._participant_id,
            reply_id=cued.reply_id,
            went_on_ns=went_on_ns,
        )

    def turn_interrupted(
        self, started: e.SpeechStarted, reply_id: str, speech_ms: float, text: str
    ) -> e.TurnInterrupted:
        """Return the event that an utterance was a barge-in."""
        return self._about(
            started,
            e.TurnInterrupted,
            reply_id=reply_id,
            utterance_id=started.utterance_id,
            speech_ms=max(0.0, speech_ms),
            text=text,
        )

    def interruption_dismissed(
        self, started: e.SpeechStarted, reply_id: str, reason: str, speech_ms: float, text: str
    ) -> e.InterruptionDismissed:
        """Return the event that an utterance was no barge-in, and why."""
        return self._about(
            started,
            e.InterruptionDismissed,
            reply_id=reply_id,
            utterance_id=started.utterance_id,
            reason=reason,
            speech_ms=max(0.0, speech_ms),
            text=text,
        )

    def echo_heard(self, sample: int, reply_id: str) -> e.InterruptionDismissed:
        """Return the event that this track hears a reply's own sound, ignored from `sample` on; once per reply."""
        return answer(
            self._track,
            e.InterruptionDismissed,
            time_ns=now_ns(),
            id_name=f"EchoHeard:{reply_id}",
            participant_id=self._participant_id,
            reply_id=reply_id,
            utterance_id=self.utterance_id(sample),
            reason="echo",
        )

    def hearing_restarted(self, problem: str) -> e.HearingRestarted:
        """Return the event that the track's owner was replaced; the time makes each a fact of its own."""
        return answer(
            self._track,
            e.HearingRestarted,
            time_ns=(time_ns := now_ns()),
            id_n=time_ns,
            track_id=self._track.track_id,
            participant_id=self._participant_id,
            error=problem[:500],
        )

    def fell_behind(self, waited_s: float, action: str) -> e.RecognitionFellBehind:
        """Return the event that recognition is behind real time; the time makes each a fact of its own."""
        return answer(
            self._track,
            e.RecognitionFellBehind,
            time_ns=(time_ns := now_ns()),
            id_n=time_ns,
            track_id=self._track.track_id,
            participant_id=self._participant_id,
            waited_ms=1000 * waited_s,
            action=action,
        )

    def engine_failed(self, failure: EngineFailure, place: str, n: int, turn_id: str | None) -> e.EngineFailed:
        """Return the event that an engine failed for the `n`-th time at a `place` of the track: one failure, one id."""
        return answer(
            self._track,
            e.EngineFailed,
            time_ns=now_ns(),
            id_name=f"EngineFailed:{failure.engine}:{place}",
            id_n=n,
            turn_id=turn_id,
            actor="transcript",
            engine=failure.engine,
            error=failure.error,
            action=failure.action,
        )

    def _about(self, started: e.SpeechStarted, event_class: type[About], n: int = 0, **fields: Any) -> About:
        fields["participant_id"] = self._participant_id
        return answer(started, event_class, time_ns=now_ns(), id_n=n, **fields)

    def utterance_id(self, start_sample: int) -> str:
        """Return the id of the utterance that starts there: the same for whoever hears it."""
        return f"{self._track.track_id}-{start_sample}"


def _heard(given: SoundGiven | None) -> dict[str, Any]:
    if given is None:
        return {}
    return {
        "heard_from_sample": max(0, given.start),
        "heard_to_sample": given.end,
        "asked_ns": given.asked_ns,
        "noticed_ns": given.noticed_ns,
    }
