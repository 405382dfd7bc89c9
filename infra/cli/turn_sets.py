"""Sets of labelled pauses for commands: from a file, from the log, or from calls; scored by the local model."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from actors.reasoning.small_model.examples import EXAMPLES
from actors.transcript.patience import BadWeights, TurnWeights, weights_in
from contracts import events as e
from infra.bench.turn_events import TurnEvent, events_of_log, read_events, with_joints
from infra.cannot_run import CannotRun
from infra.cli.output import progress
from infra.engines.llm import LlmNotFound, local_url
from infra.engines.sentence_end import NoScore, SentenceEnds, spoken_together
from infra.settings import Settings, settings

LOG_FACTS = (
    e.TranscriptRevised,
    e.TranscriptScored,
    e.SpeechStarted,
    e.TurnEnded,
    e.PlaybackStarted,
)
"""The facts that say what became of a silence."""

OFFLINE_TIMEOUT_S = 30.0


class NoModel(CannotRun):
    """There is no local language model to score words with; the message says why."""


def read_weights(path: Path | None) -> TurnWeights:
    """Return the weights in a file, else those of the settings. Raises BadWeights, ValueError."""
    if path is None:
        try:
            return weights_in(settings().turn_weights)
        except BadWeights as error:
            raise BadWeights(f"DAREDEVIL_TURN_WEIGHTS: {error}") from error
    try:
        return TurnWeights.read(path.read_text(encoding="utf-8"))
    except BadWeights as error:
        raise BadWeights(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


async def scored_events(path: Path | None, since: str | None, option: str = "--since") -> list[TurnEvent]:
    """Return the events of a file or folder, or of the log's last conversations, with the model's probabilities.

    Raises BadList, ValueError, LookupError, NoModel.
    """
    if (path is None) == (since is None):
        raise ValueError(f"give --events DIR, or {option} AGE for the log's own conversations: one of both")
    events = with_joints(read_events(path)) if path is not None else await of_log(since or "", option)
    if not events:
        raise LookupError("nobody was heard in these conversations: there is no silence after words to look at")
    return await scored(events)


async def of_log(since: str, option: str = "--since") -> list[TurnEvent]:
    """Return the silences of conversations of the last `since` (`option` names it). Raises ValueError, LookupError."""
    import time

    from infra.cli.ages import age_s
    from infra.cli.log_facts import facts_by_session

    since_ns = max(0, time.time_ns() - round(age_s(since, option) * 1e9))
    found = await facts_by_session(since_ns, LOG_FACTS)
    return [event for facts in found.values() for event in events_of_log(facts)]


async def of_calls(folder: Path) -> list[TurnEvent]:
    """Place the calls of a folder one by one, at the running system or one started for it, and return their silences.

    What the manifest says counts: a call's last silence is an end, and an answer that came before it was a pause.
    Raises BadList, LookupError.
    """
    from infra.bench.gap import measure, read_manifest
    from infra.cli.doors import WEBSOCKET, open_door
    from infra.cli.gap_shown import show_call
    from infra.cli.log_facts import facts_of_session

    plans = read_manifest(folder)
    events: list[TurnEvent] = []
    async with open_door(WEBSOCKET, None) as dial:
        for call in await measure(dial, plans, show_call):
            if call.problem or not call.session_id:
                continue
            silences = events_of_log(await facts_of_session(call.session_id))
            last = len(silences) - 1
            events += [replace(each, is_end=at == last, speaker=call.wav) for at, each in enumerate(silences)]
    return events


async def scored(events: Sequence[TurnEvent]) -> list[TurnEvent]:
    """Return the events, those without a probability with that of the local model. Raises NoModel."""
    missing = [event for event in events if event.end_probability is None]
    if not missing:
        return list(events)
    progress(f"scoring {len(missing)} of {len(events)} silences with the local language model")
    found: dict[tuple[str, str], float | None] = {}
    async with _model() as config:
        asker = SentenceEnds(config, OFFLINE_TIMEOUT_S)
        try:
            for place, event in enumerate(missing, 1):
                found[event.event_id, event.text] = await _probability(asker, config, event)
                if place % 100 == 0:
                    progress(f"{place} of {len(missing)}")
        finally:
            await asker.aclose()
    return [
        replace(event, end_probability=found.get((event.event_id, event.text), event.end_probability))
        for event in events
    ]


async def _probability(asker: SentenceEnds, config: Settings, event: TurnEvent) -> float | None:
    words = spoken_together(event.text, event.pauses)
    if not words:
        return None
    try:
        return await asker.probability([("system", config.prompt), *EXAMPLES, ("user", words)])
    except (NoScore, LlmNotFound) as error:
        raise NoModel(f"the words of {event.event_id} cannot be scored: {error}") from error


@asynccontextmanager
async def _model() -> AsyncIterator[Settings]:
    """Yield settings with a local model that runs: that of the system here, or one of this command's own."""
    config = settings()
    try:
        local_url(config)
    except LlmNotFound:
        pass
    else:
        yield config
        return
    from infra.system.llm import serve
    from infra.system.weights import LlmMissing

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    progress("no local model runs here: starting one for this command")
    try:
        server = serve(port)
    except (LlmMissing, RuntimeError) as error:
        raise NoModel(str(error)) from error
    yield config.model_copy(update={"llm_url": server.listening_address})
    del server
