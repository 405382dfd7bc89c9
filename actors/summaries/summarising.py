"""What is summarised when: the turns since the last rolling summary, and the whole conversation at its end."""

import contextlib
import json
from collections.abc import Sequence

from actors.summaries.conversation import after_turn, conversation, lines_of
from actors.summaries.idle_model import Calls
from actors.summaries.rolling import Renewal, due, talked
from actors.summaries.writing import Models, Writer
from contracts import events as e
from contracts.answers import answer
from contracts.topology import SUMMARIES, event_subject, session_subjects
from infra.log.event_log import ExpectedSequence, StaleWriter, now_ns
from infra.log.taped_log import EventLog
from infra.session.behaviour import in_session
from infra.session.people import people_of
from infra.settings import Settings
from infra.tape.tape import Tapes

_loaded: dict[tuple[str, str], Models] = {}
"""The models of this process, by what they are made with and the local model's address; only the last are kept.

If created for each session, the clients would form reference cycles that stay until Python collects them.
"""


def load_models(settings: Settings) -> Models:
    """Return the language models in order of preference. Raises what the engine raises."""
    from infra.engines.llm import LOCAL, chat_models, local_url, model_names

    made_with = (
        json.dumps([settings.llm, settings.llm_options, settings.reply_max_tokens, settings.llm_timeout_s]),
        local_url(settings) if LOCAL in model_names(settings.llm) else "",
    )
    models = _loaded.get(made_with)
    if models is None:
        models = chat_models(settings)
        _loaded.clear()
        _loaded[made_with] = models
    return models


async def _read(event_log: EventLog, session_id: str, *subjects: str) -> list[e.Event]:
    """Return a session's facts on some subjects, in the log's order."""
    found = [fact for subject in subjects for fact in await event_log.facts_after(session_id, subjects=subject)]
    return [fact.event for fact in sorted(found, key=lambda fact: fact.sequence)]


async def _state_of(event_log: EventLog, session_id: str) -> tuple[e.SummaryRevised | None, ExpectedSequence, bool]:
    """Return the last rolling summary, the expected sequence of the next, and whether no more are needed."""
    facts = await event_log.facts_after(session_id, subjects=session_subjects(session_id, "summary"))
    revised = [fact.event for fact in facts if isinstance(fact.event, e.SummaryRevised)]
    erased = await event_log.facts_after(session_id, subjects=event_subject(session_id, e.SessionErased))
    is_over = bool(erased) or any(isinstance(fact.event, e.SummaryWritten) for fact in facts)
    expected = ExpectedSequence(session_subjects(session_id, "summary"), facts[-1].sequence if facts else 0)
    return (revised[-1] if revised else None), expected, is_over


async def _behaviour(event_log: EventLog, session_id: str, settings: Settings) -> Settings:
    """Return the settings of this process with the behaviour that the session was opened with."""
    opened = await _read(event_log, session_id, event_subject(session_id, e.SessionOpened))
    return in_session(settings, next((fact.profile for fact in opened if isinstance(fact, e.SessionOpened)), None))


async def revise(event_log: EventLog, tapes: Tapes, settings: Settings, calls: Calls, recorded: e.TurnRecorded) -> None:
    """Append the rolling summary that is due after this turn, if any."""
    session_id = recorded.session_id
    settings = await _behaviour(event_log, session_id, settings)
    facts = await _read(event_log, session_id, event_subject(session_id, e.TurnRecorded))
    turns = talked(fact for fact in facts if isinstance(fact, e.TurnRecorded))
    if len(turns) < settings.summary_turns:
        return
    last, _, is_over = await _state_of(event_log, session_id)
    renewal = due(turns, last, settings.summary_turns)
    if renewal is None or is_over:
        return
    writer = Writer(settings, calls, load_models, tapes.of(session_id), recorded.event_id)
    summary, model = await writer.notes(renewal.old.summary if renewal.old else "", lines_of(renewal.new))
    await _append_failures(event_log, recorded, writer.failures)
    await _append_once(event_log, _revised(recorded, renewal, summary, model))


def _revised(cause: e.TurnRecorded, renewal: Renewal, summary: str, model: str) -> e.SummaryRevised:
    return answer(
        cause,
        e.SummaryRevised,
        time_ns=now_ns(),
        # The id is derived from what it stands for: it is the same for any turn that led to it, on any copy.
        id_from=f"{cause.session_id}:{renewal.through_turn_id}",
        summary=summary,
        through_turn_id=renewal.through_turn_id,
        turns=renewal.turns,
        model=model,
    )


async def summarise(
    event_log: EventLog, tapes: Tapes, settings: Settings, calls: Calls, closed: e.SessionClosed
) -> None:
    """Append the summary of a closed session, unless it is in the log."""
    last, _, is_over = await _state_of(event_log, closed.session_id)
    if is_over:
        return
    session_id = closed.session_id
    settings = await _behaviour(event_log, session_id, settings)
    turns = [event_subject(session_id, event_class) for event_class in (e.TurnEnded, e.TurnPassed, e.TurnGuarded)]
    facts = await _read(event_log, session_id, *turns, session_subjects(session_id, "playback"))
    people = people_of(await _read(event_log, session_id, event_subject(session_id, e.ParticipantJoined)))
    lines = conversation(facts, people)
    rest = conversation(after_turn(facts, last.through_turn_id), people) if last else lines
    writer = Writer(settings, calls, load_models, tapes.of(session_id), closed.event_id)
    written = await writer.final(last.summary if last else "", rest, lines)
    await _append_failures(event_log, closed, writer.failures)
    summary = answer(
        closed,
        e.SummaryWritten,
        time_ns=now_ns(),
        summary=written.summary,
        topics=written.topics,
        sentiment=written.sentiment,
        turns=sum(line.speaker == "user" for line in lines),
        model=written.model,
        action_items=written.action_items,
    )
    await _append_once(event_log, summary)


async def _append_once(event_log: EventLog, summary: e.SummaryRevised | e.SummaryWritten) -> None:
    """Append a summary, unless another copy has, or the session's words were erased."""
    while True:
        last, expected, is_over = await _state_of(event_log, summary.session_id)
        is_late = isinstance(summary, e.SummaryRevised) and last is not None and last.turns >= summary.turns
        if is_over or is_late:
            return
        with contextlib.suppress(StaleWriter):
            await event_log.append(summary, expected)
            return


async def _append_failures(event_log: EventLog, cause: e.Event, failures: Sequence[tuple[str, str]]) -> None:
    for n, (engine, error) in enumerate(failures):
        failure = answer(
            cause,
            e.EngineFailed,
            time_ns=now_ns(),
            id_n=n,
            actor=SUMMARIES,
            engine=engine,
            error=error,
            action="tried the next model, or took the user's own sentences",
        )
        await event_log.append(failure)
