"""A playback with a clock of its own, and without log or client."""

from bridge.playback.commands import Ask, Command, Say, Tell
from bridge.playback.course import Count
from bridge.playback.playback import Playback
from contracts import events as e
from contracts.audio import OutFrame
from tests.bridge.agent import frames_of

MS = 1_000_000
S = 1_000 * MS
STEPS = ("reply", "draft", "speech", "played", "ended", "cut off", "turn", "wait")
"""What happens in a call whose client stays."""


class Session:
    """A playback with a clock of its own, which ticks always or only while it waits; keeps what it asked for."""

    def __init__(self, ticks_always: bool = True) -> None:
        self.ticks_always = ticks_always
        self.now_ns = 1_000 * S
        self.playback = Playback("s")
        self.commands: list[Command] = []
        self.log: list[e.Event] = []
        """The facts it was told, and those it said."""
        self.do(self.playback.connect(self.now_ns))

    def do(self, commands: list[Command]) -> None:
        self.commands += commands
        self.log += [command.event for command in commands if isinstance(command, Say)]

    def fact(self, event_class: type[e.Event], **fields: object) -> None:
        known = {"event_id": f"e{self.now_ns}{event_class.__name__}", "session_id": "s", "time_ns": self.now_ns}
        event = event_class.model_validate(known | fields)
        self.log.append(event)
        self.do(self.playback.on_fact(event, self.now_ns))

    def sound(self, frames: list[OutFrame]) -> None:
        for frame in frames:
            self.do(self.playback.on_frame(frame, self.now_ns))

    def played(self, reply_id: str, samples: int, started: bool = False, ended: bool = False) -> None:
        self.do(self.playback.on_report(reply_id, Count(samples, self.now_ns), self.now_ns, started, ended))

    def reply(self, reply_id: str, turn_id: str = "t1", draft: bool = False, sound: bool = True) -> None:
        self.fact(e.ReplyStarted, reply_id=reply_id, turn_id=turn_id, draft=draft, text="hi")
        self.fact(e.ReplyClauseWritten, reply_id=reply_id, index=0, text="one two")
        if sound:
            self.sound(frames_of(reply_id, 0, 24_000, (12_000, 24_000)))
            length = {"samples": 24_000, "sample_rate_hz": 24_000, "word_end_samples": (12_000, 24_000)}
            self.fact(e.ClauseSynthesized, reply_id=reply_id, index=0, text="one two", **length)
        self.fact(e.ReplyCompleted, reply_id=reply_id, text="one two", clauses=1)

    def speech(self, turn_id: str = "t2", utterance_id: str = "u2") -> None:
        names = {"utterance_id": utterance_id, "track_id": "m", "participant_id": "p", "turn_id": turn_id}
        self.fact(e.SpeechStarted, **names, start_sample=0)

    def turn(self, turn_id: str) -> None:
        self.fact(e.TurnEnded, participant_id="p", text="hi", turn_id=turn_id)

    def wait(self, ms: int) -> None:
        for _ in range(ms // 50):
            self.now_ns += 50 * MS
            if not (self.ticks_always or self.playback.waits(self.now_ns)):
                continue
            self.do(self.playback.on_tick(self.now_ns) + self.playback.repairs(self.now_ns))

    def cut_off(self, reply_id: str, turn_id: str = "t2") -> None:
        self.fact(e.TurnInterrupted, participant_id="p", reply_id=reply_id, turn_id=turn_id)

    def dismissed(self, reason: str = "no-words") -> None:
        names = {"participant_id": "p", "utterance_id": "u2", "turn_id": "t2"}
        self.fact(e.InterruptionDismissed, **names, reply_id="a", reason=reason)

    def act(self, n: int, step: str, number: int) -> None:
        """Take the `n`th step of a call: one of STEPS, with any number."""
        reply_id = self.playback.playing_reply_id or "a"
        match step:
            case "reply" | "draft" | "lost":
                self.reply(f"r{n}", f"t{n}", draft=step == "draft", sound=step != "lost")
            case "asked":
                self.playback.on_asked(f"r{n - 1}", 0, number % 11, self.now_ns)
            case "speech":
                self.speech(f"t{n}", f"u{n}")
            case "played" | "ended":
                self.played(reply_id, number, started=True, ended=step == "ended")
            case "cut off":
                self.cut_off(reply_id, f"t{n}")
            case "turn":
                self.turn(f"t{n - 1}")
            case "disconnect":
                self.do(self.playback.disconnect(self.now_ns))
            case "connect":
                self.do(self.playback.connect(self.now_ns))
            case "wait":
                self.wait(number % 1_000)

    def told(self) -> list[str]:
        return [f"{c.message['type']} {c.message['reply_id']}" for c in self.commands if isinstance(c, Tell)]

    def said(self) -> list[e.Event]:
        return [c.event for c in self.commands if isinstance(c, Say)]

    def asked(self) -> int:
        return sum(isinstance(c, Ask) for c in self.commands)
