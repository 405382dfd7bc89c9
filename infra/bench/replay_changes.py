"""Changes of the code that a verification must report, and others that it must not, for as long as it runs."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

PACKAGES = ("actors.", "bridge.")


@dataclass(frozen=True, slots=True)
class PlantedChange:
    """A change of a function or number: `target` as `module:name` or `module:Class.name`, `make` from the original.

    `shows` names where it must be seen first: classes of facts, and kinds of requests as `request:model`. None for a
    refactoring, which must not be seen.
    """

    about: str
    target: str
    make: Callable[[Any], Any]
    shows: tuple[str, ...] = ()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the change within, wherever the original is referred to. Raises AttributeError if it is not there."""
        module_name, _, path = self.target.partition(":")
        owner: Any = importlib.import_module(module_name)
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each)
        original = getattr(owner, name)
        changed = self.make(original)
        places = [(owner, name)] if outer or not callable(original) else _places(original)
        for place, key in places:
            _put(place, key, changed)
        try:
            yield
        finally:
            for place, key in places:
                _put(place, key, original)


def _places(original: Any) -> list[tuple[Any, Any]]:
    """Return the modules of actors and doors, and the tables in them, that refer to a function."""
    found: list[tuple[Any, Any]] = []
    for module_name, module in list(sys.modules.items()):
        if module is None or not module_name.startswith(PACKAGES):
            continue
        for name, value in list(vars(module).items()):
            if value is original:
                found.append((module, name))
            elif isinstance(value, dict):
                found += [(value, key) for key, each in value.items() if each is original]
    return found


def _put(place: Any, key: Any, value: Any) -> None:
    if isinstance(place, dict):
        place[key] = value
    else:
        setattr(place, key, value)


def _to(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _returns(value: Any) -> Callable[[Any], Any]:
    return lambda _: lambda *args, **kwargs: value


def _result(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: lambda *args, **kwargs: change(original(*args, **kwargs))


def _same(original: Any) -> Any:
    def again(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    return again


def _a_step_later(original: Any) -> Any:
    async def later(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return await original(*args, **kwargs)

    return later


_CLAUSES, _DECIDE, _STATE = "actors.reasoning.clauses", "actors.reasoning.decide", "actors.reasoning.session_state"
_PLAYBACK, _REPLY = "bridge.playback.playback:Playback", "bridge.playback.reply:ReplyPlayback"

_CLAUSE = ("ReplyClauseWritten",)
_ASKED = ("request:tokens", "request:known-answer", "ReplyStarted", "request:model")
"""What a model is sent is counted (`tokens`) if the model is local, then its answer is looked up (`known-answer`), then
its digest stands in ReplyStarted, then it is sent."""
_DRAFT = ("ReplyStarted", "ReplyCommitted", "ReplyDiscarded")
_HEARD = ("PlaybackPaused", "PlaybackInterrupted", "PlaybackFinished")

BEHAVIOUR = (
    PlantedChange("the first clause has 4 words", f"{_CLAUSES}:FIRST_WORDS", _to(4), _CLAUSE),
    PlantedChange("the first clause has at most 5 words", f"{_CLAUSES}:FIRST_MOST_WORDS", _to(5), _CLAUSE),
    PlantedChange("later clauses end at a comma from 6 words on", f"{_CLAUSES}:LATER_WORDS", _to(6), _CLAUSE),
    PlantedChange(
        "one sentence is enough",
        "actors.reasoning.generation:limits_of",
        _result(lambda limits: replace(limits, sentences=1)),
        (*_CLAUSE, "ReplyCompleted"),
    ),
    PlantedChange(
        "the question comes first",
        "actors.reasoning.fitting:Given.messages",
        _result(lambda messages: messages[::-1]),
        _ASKED,
    ),
    PlantedChange(
        "another option of the model",
        "actors.reasoning.chat_models:options_of",
        _result(lambda options: {**options, "top_k": 7}),
        _ASKED,
    ),
    PlantedChange(
        "what was heard is what was written", f"{_STATE}:heard_by", _to(lambda reply, _time_ns: reply.written), _ASKED
    ),
    PlantedChange("no drafts", f"{_DECIDE}:_on_revised", _returns(()), ("ReplyStarted",)),
    PlantedChange("drafts are forgotten", f"{_DECIDE}:_drafts", _returns([]), _DRAFT),
    PlantedChange("any draft answers any words", f"{_DECIDE}:_answers", _returns(True), _DRAFT),
    PlantedChange("no greeting", f"{_DECIDE}:_on_opened", _returns(()), ("ReplyStarted",)),
    PlantedChange(
        "interruptions are dropped",
        f"{_STATE}:_interrupted",
        _returns(None),
        # `models`: a draft is begun over a reply that is taken for one that is still heard
        ("ReplyCompleted", "ReplyDiscarded", "request:models", *_ASKED),
    ),
    PlantedChange(
        "the last clause is dropped",
        "actors.reasoning.endings:last_clauses",
        _returns([]),
        (*_CLAUSE, "ReplyCompleted"),
    ),
    PlantedChange(
        "the clock is not asked",
        "actors.reasoning.small_model.clock:time_question",
        _returns(None),
        ("request:tool", *_ASKED),
    ),
    PlantedChange("no conversation is remembered", "actors.reasoning.context:heard_messages", _returns([]), _ASKED),
    PlantedChange(
        "memory is never wanted", "actors.reasoning.prompts:wants_memory", _returns(False), ("request:recall", *_ASKED)
    ),
    PlantedChange("counts may not cross", "bridge.playback.reply:CROSSING_NS", _to(0), _HEARD),
    PlantedChange(
        "speech does not pause", f"{_PLAYBACK}._on_speech", _returns([]), ("PlaybackPaused", "PlaybackResumed")
    ),
    PlantedChange("dismissed speech does not resume", f"{_PLAYBACK}._on_dismissed", _returns([]), ("PlaybackResumed",)),
    PlantedChange(
        "the gap is a millisecond longer",
        "infra.session.response_gap:breakdown",
        _result(lambda found: replace(found, gap_ms=found.gap_ms + 1)),
        ("PlaybackStarted",),
    ),
    PlantedChange(
        "the last word counts as unheard",
        f"{_REPLY}.heard",
        _result(lambda heard: replace(heard, text=heard.text.rpartition(" ")[0])),
        _HEARD,
    ),
    PlantedChange(
        "nobody heard it to its end",
        f"{_REPLY}.heard_to_its_end",
        _result(lambda text: text.rpartition(" ")[0]),
        ("PlaybackFinished",),
    ),
)
"""Changes of behaviour, in reasoning and in playback."""

REFACTORINGS = (
    *(
        PlantedChange(f"{target.partition(':')[2]} passes through another function", target, _same)
        for target in (
            f"{_DECIDE}:decide",
            f"{_DECIDE}:_on_ended",
            f"{_DECIDE}:_answers",
            f"{_STATE}:apply",
            f"{_STATE}:heard_by",
            "actors.reasoning.prompts:context_of",
            "actors.reasoning.endings:last_clauses",
            "actors.reasoning.context:heard_messages",
            "actors.reasoning.clauses:is_speakable",
            "actors.reasoning.clauses:ClauseSplitter.feed",
            "infra.session.response_gap:breakdown",
            f"{_PLAYBACK}._pump",
            f"{_PLAYBACK}._decide",
            f"{_REPLY}.estimate",
        )
    ),
    *(
        PlantedChange(f"{target.partition(':')[2]} begins a step of the loop later", target, _a_step_later)
        for target in (
            "actors.reasoning.session_log:SessionLog.append_about_reply",
            "actors.reasoning.session_log:SessionLog.refresh",
            "actors.reasoning.reply_text:ReplyText._write",
            "actors.reasoning.reply_writer:ReplyWriter._append",
            "actors.reasoning.answering:Reasoning._decide",
            "actors.reasoning.answering:Reasoning._commit",
        )
    ),
)
"""Changes of the code that change nothing."""
