"""The agent's side of a call: carry out on the line what playback decides, and append what was played."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from opentelemetry.trace import SpanKind

from bridge.call.line import Line
from bridge.call.taped import (
    ATTACHED,
    CLOSED,
    DETACHED,
    FACT,
    LEFT,
    PAST,
    REPORT,
    SOUND_AGAIN,
    TICK,
    TYPED,
    FramePacking,
    ReportPacking,
    as_decided,
    pack_attached,
)
from bridge.call.tasks import Tasks
from bridge.call.typed_turns import TypedTurns
from bridge.playback.commands import Ask, Command, Say, SendSound, Tell
from bridge.playback.course import Count
from bridge.playback.playback import Playback
from bridge.playback.reply import Playing
from bridge.playback.reports import HeldReply, Played
from contracts import events as e
from contracts.audio import BadAudio, OutFrame, unpack_out
from contracts.codec import encode
from contracts.topology import sound_again_subject
from infra.log.event_log import Fact
from infra.process.tasks import CancelledElsewhere, own_cancellation_only
from infra.tape.tape import Plain, Tape
from infra.telemetry.traces import ids_of, span, trace_headers
from infra.telemetry.turns import context_of

log = logging.getLogger(__name__)

ASK_TIMEOUT_S = 10

ANSWERED_COST, NOBODY_COST = 5, 1
"""The cost of a request to a clause's patience (10): enough for two answers, or ten seconds without any synthesis."""


AskAgain = Callable[[e.ReplyClauseWritten], Awaitable[int]]


class PlaybackDriver:
    """One session's playback on its line, if it has one. `put` appends an event after those waiting.

    Everything that its decisions depend on comes in by a method of this class, and is noted on `tape` with the time
    with which it is decided: `now_ns` (Unix epoch ns) is read once for each, and rounded to whole microseconds.
    """

    def __init__(
        self,
        session_id: str,
        tape: Tape,
        ask_again: AskAgain,
        put: Callable[[e.Event], None],
        tasks: Tasks,
        on_taken: Callable[[str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self.line: Line | None = None
        self._session_id = session_id
        self._tape = tape
        self._ask_again = ask_again
        self._put = put
        self._tasks = tasks
        self._on_taken = on_taken
        self._clock_ns = now_ns
        self._playback = Playback(session_id)
        self._typed = TypedTurns(session_id)
        self._frames = FramePacking()
        self._reports = ReportPacking()

    def _now_ns(self) -> int:
        return self._clock_ns() // 1000 * 1000

    def _took(self, kind: str, payload: Plain = None) -> int:
        """Note a delivery; return the time with which it is decided."""
        at_ns = self._now_ns()
        self._tape.took(kind, payload, at_ns)
        return at_ns

    def _took_fact(self, kind: str, sequence: int) -> int:
        at_ns = self._now_ns()
        self._tape.took_fact(kind, sequence, at_ns)
        return at_ns

    def replay(self, past: list[Fact], playing: Playing | None) -> None:
        """Apply the stored facts before the first line is attached, and what the previous door was playing."""
        if playing is not None:
            self._took(LEFT, [playing.reply_id, playing.played_samples])
        now_ns = self._took_fact(PAST, past[-1].sequence if past else 0)
        for fact in past:
            if isinstance(fact.event, e.TurnEnded):
                self._typed.stored(fact.event)
        self._apply(self._playback.replay([fact.event for fact in past], now_ns, playing))

    def playing(self) -> Playing | None:
        """Return which reply is being played, and how far."""
        return self._playback.playing(self._now_ns())

    # -- the line

    def attach(self, line: Line, past: list[Fact], held: Sequence[HeldReply] | None = None) -> None:
        """Attach a line: it gets the past facts, then what is still to be heard.

        `held` is what the line has of the replies that it was playing before, if it can report that.
        """
        for fact in past:
            line.fact(fact)
        self.line = line
        now_ns = self._took(ATTACHED, pack_attached(line.counts_played, line.clock.seen, held))
        self._apply(self._playback.connect(now_ns, held, line.counts_played))

    def detach(self) -> None:
        """Continue without a line."""
        self.line = None
        self._apply(self._playback.disconnect(self._took(DETACHED)))

    def close(self, reason: str) -> None:
        """Append how much was heard of what is being played: the session ends."""
        self._apply(self._playback.close(reason, self._took(CLOSED, reason)))

    def notice(self, code: str, **more: int) -> None:
        """Send the line a notice about the call itself."""
        if self.line is not None:
            self.line.tell({"type": "notice", "code": code, **more})

    def refuse(self, code: str, message: str) -> None:
        """Inform the line that the call cannot continue there."""
        if self.line is not None:
            self.line.refuse(code, message)

    def end(self) -> None:
        """Inform the line that nothing more follows, and detach it."""
        if self.line is not None:
            self.line.end()
        self.line = None

    # -- what comes in

    def take_fact(self, fact: Fact) -> None:
        """Apply a fact of the session, and give it to the line."""
        now_ns = self._took_fact(FACT, fact.sequence)
        if self.line is not None:
            self.line.fact(fact)
        if isinstance(fact.event, e.TurnEnded) and (name := self._typed.stored(fact.event)):
            self._tell_taken(name)
        self._apply(self._playback.on_fact(fact.event, now_ns))

    async def take_sound(self, message: Msg) -> None:
        """Process a message with a frame of the agent's sound."""
        try:
            frame = unpack_out(message.data)
        except BadAudio as error:
            log.warning(
                "session %s: a frame of the agent's sound could not be decoded and is dropped: %s",
                self._session_id,
                error,
            )
            return
        self.take_frame(frame)

    def take_frame(self, frame: OutFrame) -> None:
        """Process a frame of the agent's sound."""
        self._apply(self._playback.on_frame(frame, self._took(*self._frames.pack(frame))))

    def played(self, report: Played) -> None:
        """Process the line's count of played samples."""
        report, came_ns, at_ns = as_decided(report, has_clock=self.line is not None), self._now_ns(), None
        self._tape.took(REPORT, self._reports.pack(report, came_ns), came_ns)
        if self.line is not None and report.clock_ms is not None and report.at_ms is not None:
            self.line.clock.see(report.clock_ms, came_ns)
            at_ns = self.line.clock.time_ns(report.at_ms, came_ns)
        count = Count(report.samples, at_ns or came_ns, at_ns is not None, report.stalled, report.resumed)
        self._apply(self._playback.on_report(report.reply_id, count, came_ns, report.started, report.ended))

    def typed(self, participant_id: str, text: str, name: str = "", message_id: str = "") -> None:
        """Accept a turn from the keyboard; a reply that is being played is interrupted, and counted, first.

        One with a name is stored once, however often it arrives; the line is notified when it is. A replay gives the
        `message_id` that the turn had then.
        """
        message_id = message_id or self._typed.message_id(participant_id, name)
        now_ns = self._took(TYPED, [participant_id, text, name, message_id])
        if name and self._typed.is_stored(message_id):
            self._tell_taken(name)
            return
        playing_reply_id = self._playback.playing_reply_id
        interrupted = self._typed.take(participant_id, text, playing_reply_id, now_ns, message_id, name)
        if interrupted is not None:
            self._put(interrupted)
            self._apply(self._playback.interrupt(interrupted.reply_id, interrupted.event_id, interrupted.time_ns))
        self._say_typed()

    def _tell_taken(self, name: str) -> None:
        if self.line is not None:
            self.line.tell({"type": "taken", "id": name})
        self._on_taken(name)

    def tick(self, may_repair: bool) -> None:
        """Do what is due; lost sound is requested again only if `may_repair`."""
        if not self._playback.waits(self._now_ns()):
            return
        now_ns = self._took(TICK, may_repair)
        self._apply(self._playback.on_tick(now_ns))
        if may_repair:
            self._apply(self._playback.repairs(now_ns))

    # -- what is done

    def _apply(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Tell(message) if self.line is not None:
                    self.line.tell(message)
                case SendSound(pcm) if self.line is not None:
                    self.line.sound(pcm)
                case Say(event):
                    self._put(event)
                case Ask(clause, is_lost):
                    self._tasks.own(self._ask(clause, is_lost), "asking for sound")
        self._say_typed()

    def _say_typed(self) -> None:
        for turn in self._typed.due(self._playback.stopping):
            self._put(turn)

    async def _ask(self, clause: e.ReplyClauseWritten, is_lost: bool) -> None:
        async def cost_and_time() -> tuple[int, int]:
            if is_lost:
                log.info(
                    "session %s: the sound of clause %d is missing; requesting it again",
                    clause.session_id,
                    clause.index,
                )
            return await self._ask_again(clause), self._now_ns()

        key = f"{clause.reply_id}:{clause.index}"
        cost, asked_ns = await self._tape.result(SOUND_AGAIN, key, clause.event_id, cost_and_time)
        self._playback.on_asked(clause.reply_id, clause.index, cost, asked_ns)


async def ask_again(nc: Client, clause: e.ReplyClauseWritten) -> int:
    """Request a clause's sound from synthesis; return what that costs of the clause's patience."""
    try:
        with own_cancellation_only(), span("ask for sound again", context_of(clause), SpanKind.CLIENT, ids_of(clause)):
            subject = sound_again_subject(clause.session_id)
            await nc.request(subject, encode(clause), timeout=ASK_TIMEOUT_S, headers=trace_headers())
    except NoRespondersError:
        return NOBODY_COST
    except (NatsError, TimeoutError, CancelledElsewhere) as error:
        log.debug("requesting a clause: %r", error)
    return ANSWERED_COST
