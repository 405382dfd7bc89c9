"""What engines of speech to text make of sound: the words of LiveKit's events."""

from collections.abc import Sequence
from dataclasses import dataclass

from livekit.agents import stt

SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class Words:
    """The result of one engine: its `confidence`, 0 to 1, and the `language`, such as `en`, if it reports them."""

    text: str
    confidence: float | None = None
    language: str = ""


def words_of(events: Sequence[stt.SpeechEvent]) -> Words:
    """Return the words of several events, one after the other."""
    best = [event.alternatives[0] for event in events if event.alternatives]
    text = " ".join(each.text.strip() for each in best if each.text.strip())
    # 0 means that the engine reports none; so does anything that is not a probability.
    sure = [each.confidence for each in best if 0 < each.confidence <= 1]
    return Words(text, sum(sure) / len(sure) if sure else None, str(best[0].language or "") if best else "")
