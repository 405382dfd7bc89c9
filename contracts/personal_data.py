"""Which fields of which events hold words: what a person said or wrote, what was derived from it, and who they are.

Erasure removes every fact in which one of these fields is filled, and all of a session's tapes (`contracts.journal`):
results of engines have words in them, whatever their kind. A new event or text field needs a line
in `WORDS` or its name in `PLAIN`; a test checks this.
"""

from collections.abc import Mapping
from typing import Any

from contracts import events as e

WORDS: dict[type[e.Event], tuple[str, ...]] = {
    # The prompt may have been written for this person.
    e.SessionOpened: ("user_id", "profile"),
    e.ParticipantJoined: ("name", "identity", "attributes", "time_zone"),
    # Keys may be a card's number.
    e.DtmfReceived: ("digit",),
    e.TranscriptRevised: ("text",),
    e.UtteranceTranscribed: ("text",),
    e.UtteranceDismissed: ("text",),
    e.TurnEnded: ("text",),
    e.TurnInterrupted: ("text",),
    e.InterruptionDismissed: ("text",),
    # The agent's own word, but one that its profile may have from a person.
    e.OpenerCued: ("text",),
    e.OpenerPlayed: ("text",),
    e.RemarkRequested: ("text",),
    # A guard may quote in its errors what it was given.
    e.TurnGuarded: ("text", "replacement", "error"),
    e.ClauseGuarded: ("text", "replacement", "error"),
    e.ReplyStarted: ("text", "context"),
    e.ReplyClauseWritten: ("text",),
    e.ToolCalled: ("arguments", "caller"),
    e.ToolReturned: ("result", "error"),
    # Who settled it is one of ours, but may be named.
    e.ToolSettled: ("result", "error", "by"),
    e.HandedOver: ("profile", "say", "summary"),
    e.ReplyCompleted: ("text", "written"),
    e.ReplyDiscarded: ("written",),
    e.ClauseSynthesized: ("text",),
    e.PlaybackFinished: ("heard_text",),
    e.PlaybackInterrupted: ("heard_text",),
    # Words can be guessed from an embedding.
    e.TurnRecorded: ("user_text", "written_text", "heard_text", "user_id", "speaker", "embedding"),
    e.SummaryRevised: ("summary",),
    e.SummaryWritten: ("summary", "topics", "action_items"),
    # Providers repeat prompts in their errors.
    e.EngineFailed: ("error",),
    e.HearingRestarted: ("error",),
}

PLAIN = frozenset(
    {
        *("event_id", "session_id", "cause_id", "turn_id", "participant_id", "track_id", "utterance_id", "reply_id"),
        *("over_reply_id", "utterance_ids", "memories", "call_id", "recording_id", "through_turn_id"),
        *("addressed_id", "same_as_turn_id", "resume_digest", "forked_from"),
        *("door", "kind", "origin", "source", "reason", "cause", "finish", "sentiment", "skeleton"),
        *("waited_for", "problem", "evidence"),
        *("tool", "outcome", "idempotency_key", "requested_by", "guard", "decision", "from_agent", "to_agent"),
        *("engine", "model", "embedding_model", "actor", "action", "codec", "location"),
        *("appended_by", "build", "engines", "language"),
        # A digest of words: nobody can find them again from it, as they are too many.
        "request",
    }
)
"""Text fields that never hold words, in any event: ids, names of our parts, and our own reasons."""


def bears_words(event_class: type[e.Event], fields: Mapping[str, Any]) -> bool:
    """Return whether an event of this class with these fields holds anybody's words.

    True for a field that this version does not know: a newer version may have put words there.
    """
    if not fields.keys() <= event_class.model_fields.keys():
        return True
    return any(fields.get(name) for name in WORDS.get(event_class, ()))
