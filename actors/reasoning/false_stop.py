"""An interruption that proved to be none: the reply continues where it stopped, not from its start. Pure."""

from actors.reasoning.session_state import Reply, Session, heard_by
from infra.session.addressing import words_of
from infra.session.signals import is_signal

ANSWER_WORDS = 4
"""Cut off at most this many words before the end of its question, the agent counts as having asked it."""


def rest_after(session: Session, turn_id: str, text: str, time_ns: int) -> str:
    """Return the rest of the reply that this turn stopped without taking the floor; else an empty text.

    `text` is what the turn proved to be: empty, or a listener's "go on". The same words after a question are
    its answer. `time_ns` is when that was known.
    """
    words = words_of(text)
    if words and not is_signal(words):
        return ""
    stopped = [reply for reply in session.replies.values() if reply.stopped_turn_id == turn_id and reply.granted]
    if not stopped or _said_since(session, stopped[-1], turn_id):
        return ""
    rest = _unheard(stopped[-1], time_ns)
    return "" if words and _has_asked(stopped[-1], rest) else rest


def _said_since(session: Session, stopped: Reply, turn_id: str) -> bool:
    """Return whether another answer followed the reply that was stopped."""
    replies = list(session.replies.values())
    later = replies[replies.index(stopped) + 1 :]
    return any(reply.granted and reply.turn_id != turn_id for reply in later)


def _unheard(reply: Reply, time_ns: int) -> str:
    written, heard = reply.written, heard_by(reply, time_ns).rstrip()
    if written.startswith(heard):
        return written[len(heard) :].lstrip(" ,;:.!?\n")
    return " ".join(written.split()[len(heard.split()) :])


def _has_asked(reply: Reply, rest: str) -> bool:
    """Return whether the listener has heard a question to its end, or nearly."""
    written = reply.written.rstrip(" \n\"'\u201d\u2019)*")
    if written.endswith("?") and len(rest.split()) <= ANSWER_WORDS:
        return True
    return written[: len(written) - len(rest)].rstrip().endswith("?") if rest else False
