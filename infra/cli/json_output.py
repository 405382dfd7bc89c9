"""What each command prints with `--json`, as models; `daredevil schema` prints their JSON Schema."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

Schema = dict[str, Any]


class Output:
    """The output of one command: `lines` if it is one object per line. `make` returns its model.

    `option` is the one with which the command prints this instead of what it prints without.
    """

    def __init__(self, about: str, make: Callable[[], type[BaseModel]], lines: bool = False, option: str = "") -> None:
        self.about = about
        self.lines = lines
        self.option = option
        self._make = make

    def model(self) -> type[BaseModel]:
        """Return the adapter that validates it."""
        return self._make()

    def schema(self) -> Schema:
        """Return its JSON Schema."""
        return self.model().model_json_schema(mode="serialization")


def _model(title: str, /, **given: Any) -> type[BaseModel]:
    """Return a model of fields `(type, description)`."""
    described: Any = {field: (kind, Field(description=text)) for field, (kind, text) in given.items()}
    return create_model(title, __config__=ConfigDict(extra="forbid"), **described)


def _of(figures: Any, without: tuple[str, ...] = (), **more: Any) -> type[BaseModel]:
    """Return a model of a dataclass's fields as returned by `asdict`, with some left out and others added."""
    assert is_dataclass(figures)
    hints = get_type_hints(figures)
    kept: Any = {field.name: (hints[field.name], ...) for field in fields(figures) if field.name not in without}
    added: Any = {field: (kind, Field(description=text)) for field, (kind, text) in more.items()}
    name = getattr(figures, "__name__", "Output")
    return create_model(name, __config__=ConfigDict(extra="forbid"), __doc__=figures.__doc__, **kept, **added)


def _say() -> type[BaseModel]:
    from infra.caller.result import CallResult

    problem = (str, "What went wrong, empty if nothing did.")
    return _of(CallResult, without=("answer", "facts", "resume_token", "buffered_s"), problem=problem)


def _chat() -> type[BaseModel]:
    name: Any = (
        Literal["session", "token", "clause", "reset", "tool-started", "tool-ended", "done"],
        Field(description="What the line is: an event of the streamed answer of `POST /chat`, whose fields follow."),
    )
    return create_model("ChatLine", __config__=ConfigDict(extra="allow"), name=name)


def _sessions() -> type[BaseModel]:
    from infra.session.index import SessionRow

    return _of(SessionRow, seconds=(float, "From its start to its end, or to its last turn."))


def _events() -> type[BaseModel]:
    return _model(
        "FactLine",
        sequence=(int, "Its place in the log."),
        name=(str, "Its class, such as `TurnEnded`; asyncapi.yaml has the schema of each."),
        data=(dict[str, Any], "Its fields, absent where none."),
    )


def _replay() -> type[BaseModel]:
    return _model(
        "ReplayedFact",
        sequence=(int, "Its place in the log."),
        name=(str, "Its class; the end of its subject if this build cannot read it."),
        at_ms=(float, "When it happened, ms since the session began."),
        text=(str, "What it says, for a person; why it was left out if this build cannot read it."),
        data=(dict[str, Any], "Its fields, absent where none."),
        remarks=(list[str], "In the first line: what keeps the replay from being all of the session."),
    )


def _replay_publish() -> type[BaseModel]:
    return _model(
        "PublishedSession",
        session_id=(str, "The session."),
        subjects=(str, "The subscription that receives its facts."),
        facts=(int, "How many facts were published."),
        seconds=(float, "How long it took."),
        remarks=(list[str], "What keeps the replay from being all of the session."),
    )


def _replay_verify() -> type[BaseModel]:
    return _model(
        "VerifiedSession",
        session_id=(str, "The session."),
        status=(
            str,
            "`identical`, `different`, `unverified` if not all of it could be verified, or `open`: as far as it goes.",
        ),
        summary=(str, "The same for a person."),
        facts=(int, "How many facts the log has of it."),
        same=(int, "How many came out as they were."),
        turns=(int, "How many turns it has."),
        call_s=(float, "How long it lasted."),
        took_s=(float, "How long it took to run it again."),
        differences=(list[dict[str, Any]], "What differs, the first one first: then, now, and where it was decided."),
        lost=(list[dict[str, Any]], "What cannot be verified: whose, from when to when (ms since its start), and why."),
        given=(dict[str, int], "Facts that a replay takes as they are, by who appended them."),
        remarks=(list[str], "What else keeps the verdict from being about all of the session."),
        recorded_by=(str | None, "The build that opened it; none if that did not say."),
        run_by=(str, "The build that ran it again."),
    )


def _turns() -> type[BaseModel]:
    return _model(
        "TurnLine",
        turn=(int, "Its number in the session, starting at 1."),
        turn_id=(str, "Its id: the correlation of all its facts."),
        trace_id=(str, "Id of its trace, in traces and in log lines as JSON: computed from session and turn id."),
        start_ms=(float | None, "When it began, ms since the session opened."),
        source=(str, "`speech`, `text`, or empty if the agent spoke without being asked."),
        speaker=(str, "Their name, where several people speak."),
        text=(str, "What was said."),
        passed=(str, "Why it was not answered (TurnPassed), else empty."),
        opener_ms=(float | None, "From the end of the speech to the opener that was heard before the answer, if any."),
        false_starts=(int, "Openers that were taken back, as the caller went on."),
        answer=(str, "What was heard of it; what was written if nobody hears it, or has not heard it yet."),
        written=(str, "The answer as it was written, heard or not."),
        interrupted=(bool, "Whether the answer was cut off."),
        gap_ms=(float | None, "From the end of the speech to the first sound of the answer."),
        parts=(dict[str, float], "The parts of the gap (LatencyParts), ms; they add up to it."),
        waited_for=(str, "What was there last: the end of the `turn`, or the first `sound`; empty if unknown."),
        beside=(dict[str, float], "What else was done meanwhile, at no cost (LatencyParts), ms."),
    )


def _latency() -> type[BaseModel]:
    from infra.session.turn_latency import LatencyFigures, TurnLatency

    return _of(LatencyFigures, slowest=(list[TurnLatency], "The slowest turns, the slowest first."))


def _tuned() -> type[BaseModel]:
    return _model(
        "TunedTurns",
        weights=(dict[str, Any], "What `DAREDEVIL_TURN_WEIGHTS` takes: weights, and the lengths of each patience."),
        before=(dict[str, Any], "Figures of these silences with the weights in force (`bench turns`)."),
        after=(dict[str, Any], "The same with the new ones; its `held_out` are what to expect of other speakers."),
    )


def _summary() -> type[BaseModel]:
    from contracts.events import SummaryWritten

    more: Any = {"kind": (str, Field(description="`SummaryWritten` at the end, `SummaryRevised` while it goes on."))}
    return create_model("Summary", __base__=SummaryWritten, **more)


def _projections() -> type[BaseModel]:
    from projections.status import Status

    return _of(Status, lag=(int, "How many facts of the log it has not applied yet."))


def _verified() -> type[BaseModel]:
    return _model(
        "Verified",
        projection=(str, "Which copy of the log."),
        agrees=(bool, "Whether it agrees with the log."),
        differences=(list[str], "The differences, one per line."),
        seconds=(float, "How long it took."),
    )


def _tools() -> type[BaseModel]:
    from infra.session.tool_calls import ToolCall

    return _of(ToolCall, unknown=(bool, "Whether it is an action of which nobody knows whether it took effect."))


def _dead() -> type[BaseModel]:
    return _model(
        "DeadLetter",
        number=(int, "For `dead retry` and `dead drop`."),
        actor=(str, "The actor that could not process it."),
        subject=(str, "The subject of the message."),
        reason=(str, "Why."),
        bytes=(int, "Its size."),
    )


def _provision() -> type[BaseModel]:
    from infra.log.provisioning import StreamChange

    return _of(
        StreamChange,
        without=("config", "is_optional"),
        is_new=(bool, "Whether it does not exist yet."),
        remedy=(str, "What to do by hand, because a field cannot be changed; else empty."),
    )


def _doctor() -> type[BaseModel]:
    from infra.system.doctor.finding import Finding

    return _of(Finding)


def _health() -> type[BaseModel]:
    from infra.system.health import Health

    return _of(Health)


def _settings() -> type[BaseModel]:
    from infra.settings import ENV_PREFIX, Settings

    described = {
        f"{ENV_PREFIX}{name.upper()}": (field.annotation, field.description)
        for name, field in Settings.model_fields.items()
    }
    return _model("SettingsInForce", **described)


def _erase() -> type[BaseModel]:
    return _model(
        "Receipt",
        user_id=(str, "Whose words were erased; empty for a single session."),
        reason=(str, "Why."),
        sessions=(list[dict[str, Any]], "What was removed from each."),
        caches=(dict[str, int], "Entries removed from caches."),
        projections=(dict[str, str], "What each projection has done."),
        remains=(list[str], "What the log keeps on purpose."),
        out_of_reach=(list[str], "What no erasure here can remove."),
        began_ns=(int, "When it began, Unix epoch ns."),
        took_ms=(float, "How long it took."),
    )


def _token() -> type[BaseModel]:
    return _model(
        "RoomToken",
        url=(str, "The LiveKit server."),
        token=(str, "The JWT."),
        room=(str, "The room that it opens."),
        identity=(str, "Who joins with it."),
        expires_in_s=(int, "How long it is valid for joining."),
    )


def _gap() -> type[BaseModel]:
    from infra.bench.gap import CallFigures, GroupFigures

    return _model(
        "Gaps",
        groups=(dict[str, GroupFigures], "Figures of each kind of call."),
        calls=(list[CallFigures], "Each call."),
    )


def _at_once() -> type[BaseModel]:
    from infra.bench.at_once import SeveralAtOnce

    return _of(SeveralAtOnce)


def _first_call() -> type[BaseModel]:
    from infra.bench.attempts import NotMeasured
    from infra.bench.first_call import FirstCalls
    from infra.bench.gap import CallFigures

    return _model(
        "FirstCall",
        figures=(FirstCalls, "The first calls against the later ones."),
        starts=(list[list[CallFigures]], "The calls of each start."),
        not_measured=(list[NotMeasured], "Starts that failed."),
    )


def _tapes() -> type[BaseModel]:
    from infra.bench.gap import CallFigures
    from infra.bench.journal import JournalFigures
    from infra.bench.tapes_cost import TapesCost

    calls = (list[dict[str, CallFigures]], "Each pair of calls, `without` tapes and `with` them.")
    return _of(TapesCost, tapes=(JournalFigures, "What the tapes weigh."), calls=calls)


def _barge_in() -> type[BaseModel]:
    from infra.bench.interruption import Interruption, InterruptionFigures

    return _of(InterruptionFigures, interruptions=(list[Interruption], "Each one."))


def _greeting() -> type[BaseModel]:
    from infra.bench.greeting import Greeting, GreetingFigures

    return _of(GreetingFigures, calls=(list[Greeting], "Each call."))


def _answers() -> type[BaseModel]:
    from infra.bench.answers import Answered, AnswerFigures

    return _of(AnswerFigures, each=(list[Answered], "Each answer."))


def _hearing() -> type[BaseModel]:
    from infra.bench.attempts import NotMeasured
    from infra.bench.hearing import HearingFigures

    return _model(
        "Hearing",
        minutes=(float, "Most minutes of each set that were heard."),
        sets=(list[HearingFigures], "Each set of sound."),
        not_measured=(list[NotMeasured], "Sets that failed."),
    )


def _spoken() -> type[BaseModel]:
    from infra.spoken.forms import SpokenFigures

    return _of(SpokenFigures, right=(int, "How many forms are said right."), all=(int, "How many forms there are."))


def _record() -> type[BaseModel]:
    from infra.bench.attempts import NotMeasured
    from infra.bench.record_distance import RecordFigures

    return _model(
        "Record",
        calls=(list[RecordFigures], "Each condition's call."),
        not_measured=(list[NotMeasured], "Voices whose system failed."),
    )


def _figures(module: str, name: str) -> Callable[[], type[BaseModel]]:
    def make() -> type[BaseModel]:
        import importlib

        return _of(getattr(importlib.import_module(module), name))

    return make


OUTPUTS: dict[str, Output] = {
    "say": Output("a call, with its turns and what was measured", _say),
    "chat": Output("an event of an answer", _chat, lines=True),
    "sessions": Output("a session", _sessions, lines=True),
    "events": Output("a fact of the log", _events, lines=True),
    "replay": Output("a fact of a recorded session", _replay, lines=True),
    "replay publish": Output("what `--publish` sent", _replay_publish, option="--publish"),
    "replay verify": Output("a session that was run again", _replay_verify, lines=True, option="--verify"),
    "turns": Output("a turn", _turns, lines=True),
    "latency": Output("what callers waited for", _latency),
    "summary": Output("what a session was about", _summary),
    "projections": Output("how far a projection is behind the log", _projections, lines=True),
    "projections verify": Output("whether a projection agrees with the log", _verified, lines=True),
    "tools": Output("a call of a tool", _tools, lines=True),
    "tools list": Output("a call of a tool", _tools, lines=True),
    "dead": Output("a dead letter", _dead, lines=True),
    "dead list": Output("a dead letter", _dead, lines=True),
    "erase": Output("the receipt", _erase),
    "provision": Output("what is not on NATS as it should be", _provision, lines=True),
    "backup": Output("what a backup copied", _figures("infra.backup.copying", "BackupFigures")),
    "restore": Output("what was restored", _figures("infra.backup.restoring", "RestoreFigures")),
    "token": Output("a token for a room", _token),
    "top": Output("how the system is doing", _figures("infra.metrics.figures", "Figures"), lines=True),
    "doctor": Output("one thing that was checked", _doctor, lines=True),
    "health": Output("whether the processes of a system can do their work", _health),
    "settings": Output("the settings in force", _settings),
    "bench gap": Output("response gaps (without --door both)", _gap),
    "bench gap at once": Output("the same with several callers at a time", _at_once, option="--at-once"),
    "bench first-call": Output("the first call after a start", _first_call),
    "bench drafts": Output("what drafts cost", _figures("infra.bench.draft_cost", "DraftCost")),
    "bench hearing": Output("what is heard and what is not", _hearing),
    "bench answers": Output("answers to plain questions", _answers),
    "bench record": Output("how far the record is from the caller's ear", _record),
    "bench replay": Output("recorded sessions run again", _figures("infra.bench.replay", "ReplayFigures")),
    "bench tapes": Output("what recording tapes costs", _tapes),
    "bench metrics": Output("what metrics cost a call", _figures("infra.bench.metrics_cost", "MetricsCost")),
    "bench spoken": Output("how written forms are said", _spoken),
    "bench projections": Output("how tables follow the log", _figures("infra.bench.postgres", "PostgresFigures")),
    "bench turns": Output("the policy for the end of a turn", _figures("infra.bench.turns", "TurnsFigures")),
    "tune turns": Output("weights for the end of a turn", _tuned),
    "bench barge-in": Output("interruptions", _barge_in),
    "bench greeting": Output("greetings", _greeting),
    "bench bus": Output("what the log adds", _figures("infra.bench.bus", "BusFigures")),
    "bench log": Output("facts stored a second", _figures("infra.bench.log_rate", "LogRateFigures")),
    "bench idle": Output("the idle system", _figures("infra.bench.idle", "IdleFigures")),
    "bench memory": Output("retrieval", _figures("infra.bench.memory", "MemoryFigures")),
    "bench rooms": Output("many rooms at once", _figures("infra.bench.room_figures", "RoomsFigures")),
    "bench growth": Output("memory over many sessions", _figures("infra.bench.growth", "GrowthFigures")),
    "bench network": Output("a line that loses packets", _figures("infra.bench.network", "NetworkFigures")),
    "bench tools": Output("tools that run once", _figures("infra.bench.tools", "ToolFigures")),
    "bench slow-nats": Output("turns while NATS is far away", _figures("infra.bench.slow_nats", "SlowNatsFigures")),
    "bench kills": Output("a projection that is killed again and again", _figures("infra.bench.kills", "KillFigures")),
    "bench outage": Output("a projection whose server is down", _figures("infra.bench.outage", "OutageFigures")),
}
