"""Decides what to do about an event: `session, event -> decisions`. Pure; handlers carry decisions out in order."""

from dataclasses import dataclass

from actors.reasoning.addressee import NotForUs, SpokenWords, not_for_us
from actors.reasoning.clauses import is_speakable
from actors.reasoning.endings import NOT_THAT
from actors.reasoning.false_stop import rest_after
from actors.reasoning.session_state import Reply, Session, Turn, turn_key
from contracts.events import (
    Event,
    RemarkRequested,
    SessionClosed,
    SessionOpened,
    TranscriptRevised,
    TurnEnded,
    UtteranceDismissed,
)
from contracts.ids import derive_id
from infra.session.people import several
from infra.session.same_words import normalised

_WORTH_ANOTHER_ATTEMPT = frozenset({"interrupted", "failed", "broken-off", "half-closed"})
"""A draft that ended this way is not the answer: the model may do better when the turn has ended."""
NOT_UNDERSTOOD = "Sorry, I could not make out what you said. Could you say it again, please?"
"""Spoken when all words of a turn are lost."""

NOT_FOR_US = "the turn is not for the agent"
SESSION_CLOSED = "the session has closed"
GUARDED = "the agent's guard does not let these words be answered"


LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}
"""Names of languages by the ISO 639-1 codes that engines report."""


@dataclass(frozen=True, slots=True)
class Start:
    """Write a new reply to `text`; a `fixed` one is said as it is, without a model."""

    reply_id: str
    turn_id: str
    text: str
    draft: bool = False
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Continue this event's own reply, which a process that has died had begun; if it is over, only its tools."""

    reply_id: str
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """The draft is the answer."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class Discard:
    """The reply must never be heard."""

    reply_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pass:
    """The turn is not for the agent: it is not answered."""

    ended: TurnEnded
    why: NotForUs


Decision = Start | Resume | Commit | Discard | Pass


def reply_id_of(cause: Event) -> str:
    """Return the id of the reply that an event leads to."""
    return derive_id(cause.event_id, "reply")


def only_language(code: str) -> str:
    """Return the answer to somebody whose language the engine does not understand; `code` is the one it does."""
    name = LANGUAGES.get(code.lower().partition("-")[0])
    known = f"I only understand {name}." if name else "I may not understand your language."
    return f"I am sorry, I did not understand that. {known}"


def decide(session: Session, event: Event, speculate: bool = True) -> tuple[Decision, ...]:
    """Return what to do about `event`, given the facts so far; possibly nothing."""
    if isinstance(event, SessionOpened):
        return _on_opened(session, event)
    if isinstance(event, TranscriptRevised):
        return _on_revised(session, event, speculate)
    if isinstance(event, TurnEnded):
        return _on_ended(session, event)
    if isinstance(event, UtteranceDismissed):
        return _on_dismissed(session, event)
    if isinstance(event, RemarkRequested):
        return _on_remark(session, event)
    if isinstance(event, SessionClosed):
        # Its turn may never end, because nobody listens any more.
        return tuple(Discard(reply.reply_id, SESSION_CLOSED) for reply in _drafts(session))
    return ()


def _own(session: Session, event: Event, fixed: str = "") -> tuple[Decision, ...] | None:
    """Return the decision of a redelivered event whose reply was begun; None if it was not."""
    reply = session.replies.get(reply_id_of(event))
    if reply is None:
        return None
    return (Resume(reply.reply_id, fixed),) if reply.alive or reply.has_open_tools else ()


def _on_opened(session: Session, event: SessionOpened) -> tuple[Decision, ...]:
    greeting = event.profile.greeting.strip()
    if (own := _own(session, event, greeting)) is not None:
        return own
    if session.closed or not is_speakable(greeting):
        return ()
    turn_id = derive_id(event.event_id, "turn")
    return (Start(reply_id_of(event), turn_id, text="", fixed=greeting),)


def _on_remark(session: Session, event: RemarkRequested) -> tuple[Decision, ...]:
    """Say it as it stands, in a turn of its own: the door plays it after what is being said."""
    if (own := _own(session, event, event.text)) is not None:
        return own
    if session.closed:
        return ()
    return (Start(reply_id_of(event), derive_id(event.event_id, "turn"), text="", fixed=event.text),)


def _on_dismissed(session: Session, event: UtteranceDismissed) -> tuple[Decision, ...]:
    """Discard what was begun on words that proved to be none; answer another language once."""
    is_foreign = session.other_language_id == event.event_id
    told = only_language(event.language) if is_foreign else rest_after(session, turn_key(event), "", event.time_ns)
    if (own := _own(session, event, told)) is not None:
        return own
    turn = session.turns.get(turn_key(event))
    known = " ".join(turn.transcribed.values()) if turn is not None else ""
    drafts = [reply for reply in _drafts(session) if reply.turn_id == turn_key(event)]
    idle = [reply for reply in drafts if not _answers(reply, turn_key(event), known)]
    discards = tuple(Discard(reply.reply_id, "what was heard was no speech") for reply in idle)
    # In company it may not be meant for the agent; a turn that has words is answered when it ends.
    if session.closed or not is_speakable(told) or (several(session.people) if is_foreign else known):
        return discards
    return (*discards, Start(reply_id_of(event), derive_id(event.event_id, "turn"), text="", fixed=told))


def _on_revised(session: Session, event: TranscriptRevised, speculate: bool) -> tuple[Decision, ...]:
    if (own := _own(session, event)) is not None:
        return own
    turn = session.turns.get(turn_key(event))
    is_stale = turn is not None and (turn.text is not None or turn.settled_id not in (None, event.event_id))
    if not event.settled or not speculate or session.closed or is_stale or not is_speakable(event.text):
        return ()
    if rest_after(session, turn_key(event), event.text, event.time_ns):
        return ()  # the reply goes on if nothing follows: there is nothing to prepare
    is_guarded = _guarded(session, event) in ("dropped", "answered")
    if is_guarded or not_for_us(session, _spoken(session, event)) is not None:
        mine = [reply for reply in _drafts(session) if reply.turn_id == turn_key(event)]
        return tuple(Discard(reply.reply_id, GUARDED if is_guarded else NOT_FOR_US) for reply in mine)
    drafts = [reply for reply in _drafts(session) if _is_by(session, reply, event.participant_id)]
    if any(_answers(reply, turn_key(event), event.text) for reply in drafts):
        return ()
    discards = tuple(Discard(reply.reply_id, "the caller said more") for reply in drafts)
    return (*discards, Start(reply_id_of(event), turn_key(event), event.text, draft=True))


def _on_ended(session: Session, event: TurnEnded) -> tuple[Decision, ...]:
    turn_id = turn_key(event)
    fixed = NOT_UNDERSTOOD if event.lost_ms and not is_speakable(event.text) else ""
    fixed = fixed or rest_after(session, turn_id, event.text, event.time_ns) or _guards_answer(session, event)
    if (own := _own(session, event, fixed)) is not None:
        return own
    mine = [reply for reply in session.replies.values() if reply.turn_id == turn_id and not reply.discarded]
    known = session.turns.get(turn_id)
    if any(reply.granted for reply in mine) or (known is not None and known.passed is not None):
        # A redelivery: the copy that handled it first may have died between its answer and the rest.
        return tuple(Discard(reply.reply_id, _why(reply, turn_id)) for reply in mine if not reply.granted)
    if not session.closed and (why := not_for_us(session, _spoken(session, event))) is not None:
        return (*(Discard(reply.reply_id, NOT_FOR_US) for reply in mine), Pass(event, why))
    if not session.closed and not fixed and _guarded(session, event) == "dropped":
        return (*(Discard(reply.reply_id, GUARDED) for reply in mine), Pass(event, NotForUs("guarded")))
    if _is_overtaken(session, event) or session.closed or not (fixed or is_speakable(event.text)):
        return tuple(Discard(reply.reply_id, "the turn needs no answer") for reply in mine)
    answer = None if fixed else next((reply for reply in mine if _answers(reply, turn_id, event.text)), None)
    others = [reply for reply in (*_drafts(session), *_unheard(session)) if reply is not answer]
    discards = tuple(Discard(reply.reply_id, _why(reply, turn_id)) for reply in others)
    if answer is not None:
        return (Commit(answer.reply_id), *discards)
    return (*discards, Start(reply_id_of(event), turn_id, event.text, fixed=fixed))


def _guarded(session: Session, event: TurnEnded | TranscriptRevised) -> str:
    """Return what the agent's guard has decided about these words; empty if nothing."""
    turn = session.turns.get(turn_key(event))
    found = turn.guard_of(event.text) if turn is not None else None
    return found.decision if found is not None else ""


def _guards_answer(session: Session, event: TurnEnded) -> str:
    """Return what the agent says instead of an answer; empty if its guard asks for nothing.

    Somebody who writes waits for an answer, also to words that are dropped.
    """
    decision, turn = _guarded(session, event), session.turns.get(turn_key(event))
    if decision == "answered" and turn is not None and (found := turn.guard_of(event.text)) is not None:
        return found.replacement
    by_text = session.profile is not None and not session.profile.speaks
    return NOT_THAT if decision == "dropped" and by_text else ""


def _why(reply: Reply, turn_id: str) -> str:
    return "the turn ended with other words" if reply.turn_id == turn_id else "another turn came first"


def _is_overtaken(session: Session, event: TurnEnded) -> bool:
    """Return whether a later turn that the agent answers is known, or another end of this one."""
    turns = list(session.turns.values())
    known = session.turns.get(turn_key(event))
    if known is None or known.ended_id is None:
        return False
    later = [turn for turn in turns[turns.index(known) + 1 :] if turn.text is not None]
    return known.ended_id != event.event_id or any(_is_for_us(session, turn) for turn in later)


def _is_for_us(session: Session, turn: Turn) -> bool:
    spoken = SpokenWords(turn.turn_id, turn.participant_id, turn.text or "", turn.begun_ns)
    return turn.passed is None and not_for_us(session, spoken) is None


def _spoken(session: Session, event: TurnEnded | TranscriptRevised) -> SpokenWords:
    turn = session.turns.get(turn_key(event))
    begun_ns = turn.begun_ns if turn is not None and turn.begun_ns else event.time_ns
    return SpokenWords(turn_key(event), event.participant_id, event.text, begun_ns)


def _is_by(session: Session, reply: Reply, participant_id: str) -> bool:
    """Return whether a reply answers this person: what others say meanwhile has drafts of its own."""
    turn = session.turns.get(reply.turn_id or "")
    return turn is None or turn.participant_id in ("", participant_id)


def _drafts(session: Session) -> list[Reply]:
    return [r for r in session.replies.values() if r.draft and not r.committed and not r.discarded]


def _unheard(session: Session) -> list[Reply]:
    """Return granted replies that have not begun to play."""
    return [
        reply
        for reply in session.replies.values()
        if reply.granted and reply.playback_ns is None and reply.heard is None and not reply.interrupted
    ]


def _answers(reply: Reply, turn_id: str, text: str) -> bool:
    """Return whether the reply is a usable answer to these words of this turn."""
    is_usable = not reply.interrupted and not reply.knows_less and reply.finish not in _WORTH_ANOTHER_ATTEMPT
    return is_usable and reply.turn_id == turn_id and normalised(reply.text) == normalised(text)
