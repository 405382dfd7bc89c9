"""The parts of a turn that a fact reports, as spans: whoever appends the fact has done the part."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from infra.telemetry.traces import Attributes, begun, ended, ids_of, is_recording
from infra.telemetry.turns import context_of, span_context

NS_PER_MS = 1_000_000
PROBABILITY = "daredevil.end_of_turn_probability"


@dataclass(frozen=True, slots=True)
class TurnStage:
    """A part of a turn; times are Unix epoch ns."""

    name: str
    start_ns: int
    end_ns: int
    attributes: Attributes = field(default_factory=dict)


def stages_of(event: e.Event) -> Iterator[TurnStage]:
    """Yield the parts that a fact reports. Pure."""
    match event:
        case e.SpeechEnded():
            yield TurnStage("speech", speech_began_ns(event), event.speech_ended_ns)
        case e.UtteranceTranscribed(asked_ns=int() as asked_ns) if asked_ns:
            engine: Attributes = {"daredevil.engine": event.engine, "daredevil.engine_ms": event.engine_ms}
            yield TurnStage("recognition", asked_ns, asked_ns + round(event.engine_ms * NS_PER_MS), engine)
        case e.TurnEnded(evidence=e.TurnEvidence() as evidence):
            yield from _end_of_turn(event, evidence)


def speech_began_ns(event: e.SpeechEnded) -> int:
    """Return when the speech began that has ended: SpeechStarted comes later, by as much as hearing is behind."""
    length_ns = (event.end_sample - event.start_sample) * 1_000_000_000 // IN_SAMPLE_RATE_HZ
    return event.speech_ended_ns - length_ns


def _end_of_turn(event: e.TurnEnded, evidence: e.TurnEvidence) -> Iterator[TurnStage]:
    found: dict[str, float] = {
        "daredevil.silence_ms": evidence.silence_ms,
        "daredevil.required_silence_ms": evidence.required_silence_ms,
        "daredevil.lost_ms": event.lost_ms,
    }
    if evidence.end_of_turn_probability is not None:
        found[PROBABILITY] = evidence.end_of_turn_probability
    yield TurnStage("end of turn", evidence.speech_ended_ns, event.time_ns, found)
    for opinion in evidence.opinions:
        if opinion.asked_ns:
            end_ns = opinion.asked_ns + round(opinion.elapsed_ms * NS_PER_MS)
            yield TurnStage(
                "end-of-turn model",
                opinion.asked_ns,
                end_ns,
                {PROBABILITY: opinion.probability},
            )


def record_stages(event: e.Event) -> None:
    """Make the spans of what a fact reports, as parts of its turn; a session's opening is the root of its trace."""
    if not is_recording():
        return
    if isinstance(event, e.SessionOpened):
        about = {**ids_of(event), "daredevil.door": event.door, "gen_ai.agent.name": event.profile.agent}
        root = span_context(event.session_id, None)
        ended(begun("session opened", Context(), SpanKind.SERVER, about, given=root, start_ns=event.time_ns))
    for stage in stages_of(event):
        attributes = {**ids_of(event), **stage.attributes}
        ended(begun(stage.name, context_of(event), attributes=attributes, start_ns=stage.start_ns), stage.end_ns)
