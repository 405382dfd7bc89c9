"""A turn while it is being spoken: its utterances, and the words so far."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from actors.transcript.plausible import is_sure_of_language
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from infra.engines.lane import Run
from infra.engines.stt import Recognition

if TYPE_CHECKING:
    from actors.transcript.streamed_speech import StreamedSpeech

MOST_OPINIONS = 50
"""Opinions that a turn's evidence has at most, the last ones."""


@dataclass(frozen=True, slots=True)
class SoundGiven:
    """Sound `[start, end)` of the track that was given to an engine at `asked_ns`."""

    start: int
    end: int
    asked_ns: int
    noticed_ns: int | None = None
    """When the silence after it was noticed, if that was later."""

    def opinion(self, at_sample: int, probability: float, now_ns: int) -> e.EndOfTurnOpinion:
        """Return what the end-of-turn model made of it, known now, about the speech that ends at `at_sample`."""
        return e.EndOfTurnOpinion(
            at_sample=at_sample,
            heard_ms=max(0, self.end - at_sample) * 1000 / IN_SAMPLE_RATE_HZ,
            probability=probability,
            asked_ns=self.asked_ns,
            elapsed_ms=max(0, now_ns - self.asked_ns) / 1e6,
        )


@dataclass(slots=True, eq=False)
class UtterancePiece:
    """A stretch of an utterance that is recognised in one run."""

    start: int
    end: int
    run: Run[Recognition] | None
    """None if it is too short to hold a word."""
    guess: str = ""
    """An earlier guess at the words of its beginning, up to `guess_to`."""
    guess_to: int = 0
    text: str | None = None
    """Its words; None while they are unknown."""
    recognition: Recognition | None = None
    given: SoundGiven | None = None
    """What of it speech to text was given."""
    speech: "StreamedSpeech | None" = None
    """The stream that has heard it, while its words are not known."""
    was_streamed: bool = False


@dataclass(slots=True)
class Utterance:
    """One utterance of the turn. `end` is None while it is being spoken."""

    started: e.SpeechStarted
    contested_reply: str | None = None
    """The reply it was spoken over, while it is undecided whether it is an interruption."""
    end: int | None = None
    closed: bool = False
    text: str | None = None
    """Its settled words; None while they are unknown."""
    pieces: list[UtterancePiece] = field(default_factory=list)
    """What lies before `segment_start`: a long utterance is recognised in pieces."""
    segment_start: int = 0
    interim: str = ""
    """Interim words of the speech from `segment_start` to `interim_to`."""
    interim_to: int = 0
    interim_given: SoundGiven | None = None
    """The sound that they are of."""
    interim_is_final: bool = False
    """They were streamed and will not change, as far as the pause that begins at `end`: worth a draft."""
    speech: "StreamedSpeech | None" = None
    """The stream that hears the speech from `segment_start` on."""
    in_whole: bool = False
    """No engine streams: that speech is recognised as a whole when it is over."""
    recognition: Recognition | None = None
    recognised_ns: int = 0
    settling: UtterancePiece | None = None
    """The rest of it, up to the pause that begins at `end`."""
    flushed: bool = False
    """The stream knows of this pause."""
    lost_samples: int = 0
    """How much of its speech could not be recognised."""
    asking: "asyncio.Task[float | None] | None" = None
    asked: int = 0
    asked_over: SoundGiven | None = None
    """What the end-of-turn model was given last."""
    opinions: list[e.EndOfTurnOpinion] = field(default_factory=list)
    """What it made of this pause, and of earlier ones that proved to be none."""
    probability: float | None = None
    revisions: int = 0
    revised: tuple[str, bool] = ("", False)
    revised_id: str = ""
    """The fact that says so: what scores the words refers to it."""
    silent: bool = False
    """Its beginning was not appended: this microphone keeps repeating the agent, so playback does not pause for it."""
    judged: bool = False
    interrupts: bool = False
    """It has interrupted the reply that it was spoken over."""
    dismissed: bool = False
    """It was no interruption and holds no words: nothing of it counts."""

    @property
    def start(self) -> int:
        """First sample."""
        return self.started.start_sample

    @property
    def is_contested(self) -> bool:
        """Whether it is undecided whether it interrupts the reply that it was spoken over."""
        return self.contested_reply is not None and not self.judged

    @property
    def implausible(self) -> Recognition | None:
        """Its last recognition whose words do not count; one in another language takes precedence."""
        dismissed = [each for each in self._recognitions() if each.dismissed]
        foreign = [each for each in dismissed if each.dismissed == "language"]
        return next(reversed(foreign or dismissed), None)

    @property
    def given(self) -> SoundGiven | None:
        """The sound that its words so far are of, with the time of the last run; None if no engine was asked."""
        if self.text is None and self.interim:
            return self.interim_given
        pieces = [*self.pieces, self.settling] if self.settling is not None else self.pieces
        given = [piece.given for piece in pieces if piece.given is not None]
        return replace(given[-1], start=given[0].start) if given else None

    @property
    def is_wordless(self) -> bool:
        """Whether it is known to hold no words, and none of it is lost: no turn can consist of it."""
        return self.text == "" and not self.lost_samples

    @property
    def kept_text(self) -> str:
        """The words before `segment_start`, as far as they are known."""
        return joined(*(piece.text or "" for piece in self.pieces))

    def whole_text(self) -> str:
        """Return the words of all pieces. If one is in another language, the engine must be sure of the others."""
        pieces = [*self.pieces, self.settling] if self.settling is not None else self.pieces
        if any(each.dismissed == "language" for each in self._recognitions()):
            pieces = [piece for piece in pieces if piece.recognition is None or is_sure_of_language(piece.recognition)]
        return joined(*(piece.text or "" for piece in pieces))

    def _recognitions(self) -> list[Recognition]:
        pieces = [*self.pieces, self.settling] if self.settling is not None else self.pieces
        return [piece.recognition for piece in pieces if piece.recognition is not None]

    def resumed(self) -> None:
        """Drop what was found about a pause that proved to be none; results of started runs are ignored."""
        self.end = self.text = self.recognition = self.settling = self.asking = self.probability = None
        self.flushed = False
        self.asked, self.interim_is_final = 0, False


@dataclass(slots=True)
class OpenTurn:
    """The utterances since the floor was taken, oldest first."""

    turn_id: str
    utterances: list[Utterance] = field(default_factory=list)
    to_come: list[e.SpeechStarted] = field(default_factory=list)
    """Utterances that an earlier owner of the track appended as begun, and that this one has not heard again."""

    @property
    def last(self) -> Utterance:
        """The utterance being spoken, or spoken last."""
        return self.utterances[-1]

    def text(self, interim: bool = False) -> str:
        """Return the words of all utterances that count; with `interim`, also the interim words of the last one."""
        texts = [(u.text or "") for u in self.utterances if not u.dismissed]
        if interim and not self.last.dismissed and self.last.text is None:
            texts[-1] = joined(self.last.kept_text, self.last.interim)
        return joined(*texts)

    def pauses(self) -> tuple[int, ...]:
        """Return the places in `text` at which the next utterance begins: there the speaker had paused."""
        places, length = [], 0
        for text in (u.text or "" for u in self.utterances[:-1] if not u.dismissed):
            if text:
                length += len(text) + (1 if length else 0)
                places.append(length)
        return tuple(places)

    def opinions(self) -> tuple[e.EndOfTurnOpinion, ...]:
        """Return the last opinions on the turn's pauses."""
        return tuple(opinion for utterance in self.utterances for opinion in utterance.opinions)[-MOST_OPINIONS:]

    def lost_samples(self) -> int:
        """Return how much of the turn's speech could not be recognised."""
        return sum(u.lost_samples for u in self.utterances if not u.dismissed)

    def words_known(self) -> bool:
        """Whether every utterance has its settled words."""
        return all(u.text is not None for u in self.utterances)

    def words_settled(self) -> bool:
        """Whether the words are worth a draft: they are known, or those of the last utterance are final so far."""
        return all(u.text is not None or (u is self.last and u.interim_is_final) for u in self.utterances)

    def counted(self) -> list[Utterance]:
        """Return the utterances that end with the turn; every other is dismissed."""
        return [u for u in self.utterances if not u.dismissed and not u.is_wordless]

    def wordless(self) -> list[Utterance]:
        """Return the utterances that end as no speech, once nobody speaks and all words are known; none before that.

        Not earlier: an event that speech over a reply was none may make the reply continue.
        """
        if not self.last.closed or not self.words_known():
            return []
        return [u for u in self.utterances if u.is_wordless and (u.implausible is not None or not u.dismissed)]


def joined(*texts: str) -> str:
    """Return the pieces as one text."""
    return " ".join(text for text in texts if text)


def spoken_words(text: str) -> str:
    """Return a recogniser's text, or "" if it holds no words: Moonshine turns noise into a lone "You"."""
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text) or text.strip(" .,?!").lower() == "you":
        return ""
    return text
