"""A turn while it is being spoken: its utterances, and the words so far."""

import asyncio
from dataclasses import dataclass, field

from contracts import events as e
from infra.engines.stt import Recognition


@dataclass(slots=True)
class Utterance:
    """One utterance of the turn. `end` is None while it is being spoken."""

    started: e.SpeechStarted
    contested_reply: str | None = None
    """The reply it was spoken over, while it is not decided whether that is an interruption."""
    end: int | None = None
    closed: bool = False
    text: str | None = None
    """Its settled words; None while they are unknown."""
    kept_text: str = ""
    """Words before `segment_start`, recognised in an earlier pause: a long utterance is recognised in pieces."""
    segment_start: int = 0
    interim: str = ""
    recognition: Recognition | None = None
    recognised_ns: int = 0
    settling: "asyncio.Task[Recognition | None] | None" = None
    asking: "asyncio.Task[float | None] | None" = None
    asked: int = 0
    probability: float | None = None
    revisions: int = 0
    revised: tuple[str, bool] = ("", False)
    judged: bool = False
    dismissed: bool = False
    """It was no interruption and no words either: nothing of it counts."""

    @property
    def start(self) -> int:
        """First sample."""
        return self.started.start_sample

    def resumed(self) -> None:
        """Forget what was found out about a pause that proved none: started runs end unheard."""
        self.end = self.text = self.recognition = self.settling = self.asking = self.probability = None
        self.asked = 0


@dataclass(slots=True)
class Turn:
    """The utterances since the floor was taken, oldest first."""

    turn_id: str
    utterances: list[Utterance] = field(default_factory=list)

    @property
    def last(self) -> Utterance:
        """The utterance being spoken, or spoken last."""
        return self.utterances[-1]

    def text(self, interim: bool = False) -> str:
        """Return the words of all utterances that count; with `interim`, what the last one sounds like now."""
        texts = [(u.text or "") for u in self.utterances if not u.dismissed]
        if interim and not self.last.dismissed and self.last.text is None:
            texts[-1] = joined(self.last.kept_text, self.last.interim)
        return joined(*texts)

    def words_known(self) -> bool:
        """Whether every utterance has its settled words."""
        return all(u.text is not None for u in self.utterances)


def joined(*texts: str) -> str:
    """Return the pieces as one text."""
    return " ".join(text for text in texts if text)


def spoken_words(text: str) -> str:
    """Return a recogniser's text, empty where it holds no words: Moonshine makes a lone "You" of noise."""
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text) or text.strip(" .,?!").lower() == "you":
        return ""
    return text
