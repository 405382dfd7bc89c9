"""When a session ends that a tool of the agent has asked to end: once all that it has to say was heard. Pure."""

from contracts import events as e

PATIENCE_S = 60.0
"""After this it ends in any case: the rest of an answer may never come."""


class LastWords:
    """What is left to be said or heard, and whether the session is to end after it."""

    def __init__(self) -> None:
        self._wanted: e.EndRequested | None = None
        self._drafts: set[str] = set()
        self._left: set[str] = set()
        self._remarks: set[str] = set()
        """What was asked to be said, and is not yet a reply."""

    def apply(self, event: e.Event) -> None:
        """Apply the next fact; applying one again changes nothing that matters."""
        match event:
            case e.EndRequested():
                self._wanted = self._wanted or event
            case e.RemarkRequested():
                self._remarks.add(event.event_id)
            case e.ReplyStarted(draft=True):
                self._drafts.add(event.reply_id)
            case e.ReplyStarted():
                self._remarks.discard(event.cause_id or "")
                self._left.add(event.reply_id)
            case e.ReplyCommitted() if event.reply_id in self._drafts:
                self._drafts.discard(event.reply_id)
                self._left.add(event.reply_id)
            case e.ReplyCompleted(clauses=0) | e.ReplyDiscarded() | e.PlaybackFinished() | e.PlaybackInterrupted():
                self._drafts.discard(event.reply_id)
                self._left.discard(event.reply_id)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left to be said or heard."""
        return not self._left and not self._remarks

    def reason_to_end(self, now_ns: int) -> str:
        """Return why the session ends now, empty if it goes on."""
        if self._wanted is None:
            return ""
        is_late = now_ns - self._wanted.time_ns > PATIENCE_S * 1e9
        return self._wanted.reason if self.is_quiet or is_late else ""
