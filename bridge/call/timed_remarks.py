"""What the agent says because time has passed: into a silence, and at the end of the time that a call has. Pure."""

from collections.abc import Iterator

from contracts import events as e
from contracts.answers import Cause, answer
from contracts.profile import AgentProfile

SILENCE, TIME_LIMIT = "silence", "time-limit"
"""What asks for the remark; the session ends with the second as its reason."""


class TimedRemarks:
    """Follows who speaks, and says which remarks are due.

    What is asked into a silence is asked once, until somebody speaks again.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._profile: AgentProfile | None = None
        self._opened_ns = 0
        self._quiet_since_ns = 0
        self._last_id = ""
        self._speaking: set[str] = set()
        self._asked_for: str | None = None
        self._is_over = False

    def apply(self, event: e.Event) -> None:
        """Apply the next fact; applying one again changes nothing that matters."""
        match event:
            case e.SessionOpened():
                self._profile, self._opened_ns = event.profile, event.time_ns
                self._is_quiet_since(event)
            case e.HandedOver():
                self._profile = event.profile
            case e.SpeechStarted():
                self._speaking.add(event.track_id)
                self._is_quiet_since(event)
            case e.SpeechEnded():
                self._speaking.discard(event.track_id)
                self._quiet_since_ns = max(self._quiet_since_ns, event.time_ns)
            case e.TrackUnpublished():
                self._speaking.discard(event.track_id)
            case e.TurnEnded():
                self._is_quiet_since(event)
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                self._quiet_since_ns = max(self._quiet_since_ns, event.time_ns)
            case e.RemarkRequested(requested_by="silence"):
                self._asked_for = event.cause_id
            case e.RemarkRequested(requested_by="time-limit"):
                self._is_over = True

    def _is_quiet_since(self, event: e.Event) -> None:
        self._quiet_since_ns = max(self._quiet_since_ns, event.time_ns)
        self._last_id = event.event_id

    def due(self, now_ns: int, is_quiet: bool) -> Iterator[e.Event]:
        """Yield what is to be appended; `is_quiet` if the agent has nothing to say."""
        profile = self._profile
        if profile is None or self._is_over:
            return
        if profile.time_limit_s and now_ns - self._opened_ns > profile.time_limit_s * 1e9:
            self._is_over = True
            if profile.time_limit_text.strip():
                yield self._remark(self._session_id, TIME_LIMIT, profile.time_limit_text, now_ns)
            cause = Cause(self._session_id)
            yield answer(
                cause,
                e.EndRequested,
                time_ns=now_ns,
                id_from=f"{self._session_id} {TIME_LIMIT}",
                reason=TIME_LIMIT,
                requested_by=TIME_LIMIT,
            )
            return
        is_asked = self._asked_for == self._last_id
        is_silent = is_quiet and not self._speaking and bool(profile.silence_after_s) and not is_asked
        if is_silent and now_ns - self._quiet_since_ns > (profile.silence_after_s or 0) * 1e9:
            self._asked_for = self._last_id
            yield self._remark(self._last_id, SILENCE, profile.silence_text, now_ns)

    def _remark(self, cause_id: str, by: str, text: str, now_ns: int) -> e.RemarkRequested:
        cause = Cause(self._session_id, cause_id)
        id_from = f"{cause_id} {by}"
        return answer(cause, e.RemarkRequested, time_ns=now_ns, id_from=id_from, text=text, requested_by=by)
