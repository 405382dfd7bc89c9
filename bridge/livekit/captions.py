"""What is shown of the conversation: facts and played samples in, captions out. Pure.

As in LiveKit's own agents, a person's caption is shown whole with each revision; the agent's grows word by word.
"""

import re
from dataclasses import dataclass, field

from contracts import events as e
from contracts.written import joint
from infra.session.heard_words import clauses_in_log, placed, rate_of


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
class _Reply:
    written: dict[int, str] = field(default_factory=dict)
    sounds: dict[int, e.ClauseSynthesized] = field(default_factory=dict)
    shown: int = 0
    """Words of it that are shown."""

    def words_begun(self, played_samples: int) -> list[str]:
        """Return the words that have started to sound."""
        words: list[str] = []
        before = ""
        for clause in placed(clauses_in_log(self.written, self.sounds), rate_of(self.sounds)):
            begun = [word.text for word in clause.words if word.first_sample < played_samples]
            if begun:
                begun[0] = joint(before, begun[0]) + begun[0]
                before = "".join(begun)
            words += begun
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
                self._reply(event.reply_id).written[event.index] = event.text
            case e.ClauseSynthesized():
                self._reply(event.reply_id).sounds[event.index] = event
            case e.ReplyDiscarded():
                self._replies.pop(event.reply_id, None)
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                return self._ended(event)
            case _ if event.time_ns >= self._since_ns:
                return self._person(event)
        return []

    def played(self, reply_id: str, samples: int) -> list[Caption]:
        """Take how far a reply was heard; return the words that have started to sound since."""
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
                # What was shown stays as it is; what was never shown is not shown now.
                segment_id = event.turn_id or event.utterance_id
                text = self._last.pop(segment_id, "")
                return [PersonSays(segment_id, event.participant_id, text, final=True)] if text else []
        return []
