"""The spans of a door: a root span for each turn, from its first word to the last that was heard, and its playback.

They are made of the session's facts when a turn is over, so a door that takes a session over makes those of the turn
that another had begun.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from contracts import events as e
from infra.telemetry.logs import FIELDS
from infra.telemetry.stages import speech_began_ns
from infra.telemetry.traces import about, begun, ended
from infra.telemetry.turns import SESSION_ID, TURN_ID, clause_span, context_in, reply_span, span_context
from infra.telemetry.verdicts import Verdict, verdict_of

log = logging.getLogger(__name__)

MOST_ENDED = 200
"""How many turns that are over are known, so that a late fact of one begins no other."""


@dataclass(slots=True)
class TurnCourse:
    """What became of one turn so far; times are Unix epoch ns."""

    turn_id: str
    begun_ns: int
    last_ns: int
    source: str = "agent"
    """`speech` or `text`; `agent` if it speaks unasked."""
    speaker: str = ""
    """Who speaks, if it is spoken."""
    ended_ns: int = 0
    """When the person had given up the floor, 0 before."""
    reply_id: str = ""
    first_clause: int | None = None
    """The first clause that was synthesized, None in a conversation by text."""
    heard_ns: int = 0
    gap_ms: float | None = None
    parts: e.LatencyParts | None = None
    outcome: str = "unanswered"
    verdicts: set[Verdict] = field(default_factory=set)
    interrupts: str = ""
    """The turn whose reply it interrupted."""


class TurnCourses:
    """The turns of a session that are not over. Pure: `apply` yields those that a fact ends."""

    def __init__(self, slow_ms: float) -> None:
        self._slow_ms = slow_ms
        self._open: dict[str, TurnCourse] = {}
        self._over: OrderedDict[str, None] = OrderedDict()
        self._turn_of_reply: dict[str, str] = {}

    def apply(self, event: e.Event) -> Iterator[TurnCourse]:
        """Take in the next fact; yield the turns that are over with it."""
        if isinstance(event, e.SessionClosed):
            yield from self._end(*self._open)
        if not event.turn_id or event.turn_id in self._over:
            return
        if event.turn_id not in self._open and isinstance(event, e.SpeechStarted):
            # What the same person said before proved to be no turn.
            said = [turn for turn in self._open.values() if turn.speaker == event.participant_id and not turn.ended_ns]
            yield from self._end(*(turn.turn_id for turn in said))
        turn = self._open.setdefault(event.turn_id, TurnCourse(event.turn_id, event.time_ns, event.time_ns))
        turn.last_ns = max(turn.last_ns, event.time_ns)
        self._note(turn, event)
        verdict = verdict_of(event, self._slow_ms)
        if verdict is not None and verdict != "over":
            turn.verdicts.add(verdict)
        if isinstance(event, e.PlaybackFinished | e.PlaybackInterrupted | e.TurnPassed):
            yield from self._end(turn.turn_id)

    def _note(self, turn: TurnCourse, event: e.Event) -> None:
        match event:
            case e.SpeechStarted():
                turn.source, turn.speaker = "speech", event.participant_id
            case e.SpeechEnded():
                turn.begun_ns = min(turn.begun_ns, speech_began_ns(event))
            case e.TurnEnded():
                turn.source, turn.ended_ns = event.source, event.time_ns
            case e.TurnInterrupted():
                turn.interrupts = self._turn_of_reply.get(event.reply_id, "")
            case e.ReplyStarted():
                turn.reply_id = event.reply_id
                self._turn_of_reply[event.reply_id] = turn.turn_id
            case e.ClauseSynthesized() if turn.first_clause is None:
                turn.first_clause = event.index
            case e.PlaybackStarted():
                turn.reply_id = event.reply_id
                turn.heard_ns = event.heard_ns or event.time_ns
                turn.gap_ms, turn.parts, turn.outcome = event.gap_ms, event.parts, "answered"
            case e.PlaybackInterrupted():
                turn.outcome = "interrupted"
            case e.TurnPassed():
                turn.outcome = "passed"

    def _end(self, *turn_ids: str) -> Iterator[TurnCourse]:
        for turn_id in turn_ids:
            turn = self._open.pop(turn_id)
            self._turn_of_reply.pop(turn.reply_id, None)
            self._over[turn_id] = None
            if len(self._over) > MOST_ENDED:
                self._over.popitem(last=False)
            yield turn


class TurnSpans:
    """Makes the spans of a session's turns; `asked_in` is the span of a client that asked, if it named one."""

    def __init__(self, session_id: str, slow_ms: float, asked_in: SpanContext | None = None) -> None:
        self._session_id = session_id
        self._asked_in = asked_in
        self._courses = TurnCourses(slow_ms)

    def replay(self, past: Iterable[e.Event]) -> None:
        """Take in what another door has seen to."""
        for event in past:
            for _ in self._courses.apply(event):
                pass

    def apply(self, event: e.Event) -> None:
        """Take in the next fact, and make the spans of what is over with it."""
        for turn in self._courses.apply(event):
            self._record(turn)

    def _record(self, turn: TurnCourse) -> None:
        with about(self._session_id, turn.turn_id):
            gap = f"{turn.gap_ms:.0f} ms" if turn.gap_ms is not None else "none"
            fields = {"turn_id": turn.turn_id, "outcome": turn.outcome, "gap_ms": turn.gap_ms}
            log.info("a turn of %s is over: %s, gap %s", self._session_id, turn.outcome, gap, extra={FIELDS: fields})
            self._make_spans(turn)

    def _make_spans(self, turn: TurnCourse) -> None:
        ids = {SESSION_ID: self._session_id, TURN_ID: turn.turn_id}
        links = [span_context(self._session_id, None)]
        if turn.interrupts:
            links.append(span_context(self._session_id, turn.interrupts))
        if self._asked_in is not None:
            links.append(self._asked_in)
        own = span_context(self._session_id, turn.turn_id)
        root = begun("turn", Context(), SpanKind.SERVER, {**ids, **self._about(turn)}, links, own, turn.begun_ns)
        if "failed" in turn.verdicts:
            root.set_status(StatusCode.ERROR, "failed")
        ended(root, turn.last_ns)
        if turn.heard_ns:
            made_in = context_in(self._session_id, turn.turn_id, _source_of_sound(turn))
            ended(begun("playback", made_in, SpanKind.CONSUMER, ids, start_ns=turn.heard_ns), turn.last_ns)

    def _about(self, turn: TurnCourse) -> dict[str, str | float]:
        known: dict[str, str | float] = {
            "daredevil.source": turn.source,
            "daredevil.outcome": turn.outcome,
            "daredevil.kept_for": ",".join(sorted(turn.verdicts)),
        }
        if turn.gap_ms is not None:
            known["daredevil.gap_ms"] = turn.gap_ms
        if turn.parts is not None:
            known |= {f"daredevil.gap.{part}": ms for part, ms in turn.parts.model_dump().items()}
        return known


def _source_of_sound(turn: TurnCourse) -> str:
    """Return the span whose work is heard: that of the first clause's sound, or of the reply if it is read."""
    if turn.first_clause is None:
        return reply_span(turn.reply_id)
    return clause_span(turn.reply_id, turn.first_clause)
