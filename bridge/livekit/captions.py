"""What is shown of the conversation: facts and played samples in, captions out. Pure.

As LiveKit's own agents do it, a person's caption is shown whole with each revision; the agent's grows word by word.
"""

import re
from dataclasses import dataclass, field

from contracts import events as e
from contracts.written import joint
from infra.session.speaking_pace import LETTERS_PER_S

SAMPLES_PER_LETTER = 24_000 // LETTERS_PER_S
"""How fast the agent is taken to speak (24 kHz) where word ends are not known yet: 15 letters a second."""


@dataclass(frozen=True, slots=True)
class PersonSays:
    """The words of a person's turn so far, all of them."""

    segment_id: str
    participant_id: str
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class AgentSays:
    """More words of the agent's; with `final` the caption is complete."""

    segment_id: str
    text: str
    final: bool = False


_WORD = re.compile(r"\s*\S+")
"""A word with the white space before it: captions put together are what was written."""

Caption = PersonSays | AgentSays


@dataclass(slots=True)
class _Clause:
    text: str
    samples: int | None = None
    word_ends: tuple[int, ...] = ()

    def word_starts(self) -> list[tuple[str, int]]:
        """Return each word, and the white space before it, with the sample at which it begins."""
        words = _WORD.findall(self.text)
        ends: tuple[int, ...] = self.word_ends
        if len(ends) != len(words):
            length = self.samples or SAMPLES_PER_LETTER * len(self.text)
            letters, ends = 0, ()
            for word in words:
                letters += len(word.strip()) + 1
                ends += (length * letters // max(1, len(self.text) + 1),)
        return list(zip(words, (0, *ends[:-1]), strict=True))

    @property
    def length(self) -> int:
        return self.samples or SAMPLES_PER_LETTER * len(self.text)


@dataclass(slots=True)
class _Reply:
    clauses: dict[int, _Clause] = field(default_factory=dict)
    shown: int = 0
    """Words of it that are shown."""

    def words_begun(self, played_samples: int) -> list[str]:
        """Return the words that have begun to sound."""
        words: list[str] = []
        first, before = 0, ""
        for index in sorted(self.clauses):
            clause = self.clauses[index]
            begun = [word for word, start in clause.word_starts() if first + start < played_samples]
            if begun:
                begun[0] = joint(before, begun[0]) + begun[0]
            words += begun
            first, before = first + clause.length, clause.text
        return words


class Captions:
    """The captions of one session. Facts from before `since_ns` only teach what the agent is about to say."""

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns
        self._replies: dict[str, _Reply] = {}
        self._last: dict[str, str] = {}
        """The last caption of each person's turn that is not final."""

    def take(self, event: e.Event) -> list[Caption]:
        """Take a fact; return what is to be shown now."""
        match event:
            case e.ReplyClauseWritten():
                self._reply(event.reply_id).clauses[event.index] = _Clause(event.text)
            case e.ClauseSynthesized():
                clause = _Clause("" if event.unsaid else event.text, event.samples, event.word_end_samples)
                self._reply(event.reply_id).clauses[event.index] = clause
            case e.ReplyDiscarded():
                self._replies.pop(event.reply_id, None)
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                return self._ended(event)
            case _ if event.time_ns >= self._since_ns:
                return self._person(event)
        return []

    def played(self, reply_id: str, samples: int) -> list[Caption]:
        """Take how far a reply was heard; return the words that have begun to sound since."""
        reply = self._replies.get(reply_id)
        if reply is None:
            return []
        return self._show(reply_id, reply, reply.words_begun(samples))

    def _show(self, reply_id: str, reply: _Reply, words: list[str]) -> list[Caption]:
        fresh = words[reply.shown :]
        if not fresh:
            return []
        text = "".join(fresh) if reply.shown else "".join(fresh).lstrip()
        reply.shown = len(words)
        return [AgentSays(reply_id, text)]

    def _ended(self, event: e.PlaybackFinished | e.PlaybackInterrupted) -> list[Caption]:
        reply = self._replies.pop(event.reply_id, None)
        if reply is None or event.time_ns < self._since_ns:
            return []
        shown = self._show(event.reply_id, reply, _WORD.findall(event.heard_text))
        return [*shown, AgentSays(event.reply_id, "", final=True)] if reply.shown else []

    def _reply(self, reply_id: str) -> _Reply:
        return self._replies.setdefault(reply_id, _Reply())

    def _person(self, event: e.Event) -> list[Caption]:
        match event:
            case e.TranscriptRevised():
                segment_id = event.turn_id or event.utterance_id
                if not event.text or self._last.get(segment_id) == event.text:
                    return []
                self._last[segment_id] = event.text
                return [PersonSays(segment_id, event.participant_id, event.text, final=False)]
            case e.TurnEnded(source="speech"):
                segment_id = event.turn_id or event.event_id
                self._last.pop(segment_id, None)
                return [PersonSays(segment_id, event.participant_id, event.text, final=True)]
            case e.InterruptionDismissed() if event.reason != "unaddressed":
                segment_id = event.turn_id or event.utterance_id
                text = self._last.pop(segment_id, "") or event.text
                return [PersonSays(segment_id, event.participant_id, text, final=True)] if text else []
            case e.UtteranceDismissed():
                # What was shown of it stays as it is; what was never shown is not shown now.
                segment_id = event.turn_id or event.utterance_id
                text = self._last.pop(segment_id, "")
                return [PersonSays(segment_id, event.participant_id, text, final=True)] if text else []
        return []
