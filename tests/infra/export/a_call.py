"""Facts of a call, for tests of what is made of them. Times are ms since the session began."""

from typing import Any

from contracts import events as e

START_NS = 1_700_000_000_000_000_000
PROFILE = e.AgentProfile(prompt="p", llm="local", stt="local", tts="local")


def at(ms: float) -> int:
    return START_NS + int(ms * 1_000_000)


class Facts:
    """Facts in the order in which they are added."""

    def __init__(self) -> None:
        self.facts: list[e.Event] = []
        self.add(e.SessionOpened, 0, door="websocket", user_id="sam", profile=PROFILE)

    def add(self, event_class: type[e.Event], at_ms: float, **fields: Any) -> None:
        names = {"event_id": f"e{len(self.facts)}", "session_id": "s-1", "time_ns": at(at_ms)}
        self.facts.append(event_class(**names, **fields))

    def utterance(self, name: str, text: str, start_ms: float, end_ms: float, track_ms: float = 0) -> None:
        """Something said from `start_ms` to `end_ms`, on track `t` whose sample 0 was at `track_ms`."""
        first, end = (int((ms - track_ms) * 16) for ms in (start_ms, end_ms))
        where: dict[str, Any] = {"utterance_id": name, "participant_id": "user", "start_sample": first}
        self.add(e.SpeechEnded, end_ms + 100, track_id="t", end_sample=end, speech_ended_ns=at(end_ms), **where)
        self.add(e.UtteranceTranscribed, end_ms + 200, text=text, end_sample=end, **where)

    def turn(self, turn_id: str, text: str, at_ms: float, *utterances: str) -> None:
        source = "speech" if utterances else "text"
        fields = {"turn_id": turn_id, "text": text, "utterance_ids": utterances, "source": source}
        self.add(e.TurnEnded, at_ms, participant_id="user", **fields)

    def reply(self, turn_id: str, reply_id: str, at_ms: float, *clauses: str, word_ms: int = 250) -> None:
        """Write and synthesise an answer at 24 kHz; each word takes `word_ms`."""
        names = {"turn_id": turn_id, "reply_id": reply_id}
        self.add(e.ReplyStarted, at_ms, text="?", **names)
        for index, text in enumerate(clauses):
            self.add(e.ReplyClauseWritten, at_ms, index=index, text=text, **names)
            ends = tuple(24 * word_ms * (word + 1) for word in range(len(text.split())))
            sound = {"samples": ends[-1], "sample_rate_hz": 24_000, "word_end_samples": ends}
            self.add(e.ClauseSynthesized, at_ms, index=index, text=text, **sound, **names)
        self.add(e.ReplyCompleted, at_ms, text=" ".join(clauses), clauses=len(clauses), **names)


def a_call() -> Facts:
    """A greeting, a question with its answer, and one that is cut off after a pause."""
    call = Facts()
    call.reply("g", "r0", 100, "Hello!")
    call.add(e.PlaybackStarted, 200, turn_id="g", reply_id="r0")
    call.add(e.PlaybackFinished, 500, turn_id="g", reply_id="r0", heard_text="Hello!", played_samples=6000)
    call.utterance("u1", "What time is it?", 1000, 2000, track_ms=50)
    call.turn("t1", "What time is it?", 2400, "u1")
    call.reply("t1", "r1", 2300, "It is noon.", "Time for lunch.")
    call.add(e.PlaybackStarted, 2500, turn_id="t1", reply_id="r1", gap_ms=500)
    call.add(e.PlaybackPaused, 3600, turn_id="t1", reply_id="r1", played_samples=24_000)
    call.add(e.PlaybackResumed, 4000, turn_id="t1", reply_id="r1", played_samples=24_000)
    heard = {"heard_text": "It is noon. Time", "played_samples": 25_000}
    call.add(e.PlaybackInterrupted, 4100, turn_id="t1", reply_id="r1", **heard)
    return call
