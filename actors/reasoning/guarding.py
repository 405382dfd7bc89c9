"""An agent's guards at work: what they say passes through the tape, and what they change is a fact."""

import time
from dataclasses import dataclass
from typing import Any

from actors.reasoning.context import call_of
from actors.reasoning.endings import APOLOGY
from actors.reasoning.session_log import SessionLog
from actors.reasoning.session_state import turn_key
from contracts import events as e
from contracts.answers import Cause, answer
from infra.agents.agent import Agent
from infra.agents.guard import Answer, Drop, GuardFailed, GuardFunction, Replace, Verdict, name_of
from infra.agents.judging import judged
from infra.log.event_log import now_ns
from infra.tape.tape import Packing, Plain


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a guard decided: the fields that both of its events have. Words that pass are no event."""

    decision: e.GuardDecision
    replacement: str
    guard: str
    error: str | None
    elapsed_ms: float

    @property
    def is_event(self) -> bool:
        """Whether something was changed, or could not be checked."""
        return self.decision != "passed" or self.error is not None

    def fields(self) -> dict[str, Any]:
        """Return them by name."""
        return {
            "decision": self.decision,
            "replacement": self.replacement,
            "guard": self.guard,
            "error": self.error,
            "elapsed_ms": self.elapsed_ms,
        }


async def guarded(
    log: SessionLog, agent: Agent, guard: GuardFunction, text: str, key: str, turn_id: str | None
) -> Guarded:
    """Return what a guard of the agent decides about a text; `key` names what is judged on the tape.

    A guard that fails withholds: an apology takes the place of what was not checked, unless the agent lets it pass.
    """
    begun_s, call = time.monotonic(), call_of(log.session, agent, turn_id)

    async def ask() -> Verdict:
        return await judged(guard, text, call, agent.guard_timeout_s)

    request = {"guard": name_of(guard), "text": text}
    error = None
    try:
        verdict = await log.tape.result("guard", key, request, ask, VERDICT)
    except GuardFailed as failure:
        error = str(failure)
        verdict = None if agent.guard_failure == "pass" else Answer(APOLOGY)
    decision, replacement = _decided(verdict)
    return Guarded(decision, replacement, name_of(guard), error, (time.monotonic() - begun_s) * 1000)


async def guard_turn(
    log: SessionLog, agent: Agent, event: e.TurnEnded | e.TranscriptRevised, guard: GuardFunction
) -> bool:
    """Have a person's words judged; return whether that is now a fact, on which the decision is to be made again."""
    found = await guarded(log, agent, guard, event.text, event.event_id, turn_key(event))
    if not found.is_event:
        return False
    about: dict[str, Any] = {"participant_id": event.participant_id, "text": event.text, "turn_id": turn_key(event)}
    await log.append(answer(event, e.TurnGuarded, time_ns=now_ns(), **about, **found.fields()))
    return True


async def guard_clause(
    log: SessionLog, agent: Agent, guard: GuardFunction, cause: Cause, reply_id: str, index: int, text: str
) -> Guarded:
    """Have a clause judged, append what was decided unless it passes, and return what the log says was decided.

    Another copy that wrote this reply may have appended it before, and its guard may have decided otherwise.
    """
    found = await guarded(log, agent, guard, text, reply_id, cause.turn_id)
    if not found.is_event:
        return found
    about = {"reply_id": reply_id, "index": index, "text": text}
    event = answer(
        cause,
        e.ClauseGuarded,
        time_ns=now_ns(),
        id_from=reply_id,
        id_name=f"ClauseGuarded:{text}",
        id_n=index,
        **about,
        **found.fields(),
    )
    stored = await log.append(event)
    return Guarded(stored.decision, stored.replacement, stored.guard, stored.error, stored.elapsed_ms)


def _decided(verdict: Verdict) -> tuple[e.GuardDecision, str]:
    if isinstance(verdict, Drop):
        return "dropped", ""
    if isinstance(verdict, Replace):
        return "replaced", verdict.text
    if isinstance(verdict, Answer):
        return "answered", verdict.text
    return "passed", ""


def _packed(verdict: Verdict) -> Plain:
    return list(_decided(verdict))


def _unpacked(packed: Plain) -> Verdict:
    decision, text = packed
    made: dict[str, Verdict] = {"dropped": Drop(), "replaced": Replace(text), "answered": Answer(text)}
    return made.get(decision)


VERDICT: Packing[Verdict] = Packing(_packed, _unpacked, (GuardFailed,))
