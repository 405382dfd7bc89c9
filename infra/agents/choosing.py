"""The profile of a session with an agent: its instructions and greeting written out, its engines. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from contracts.profile import AgentProfile
from infra.agents.card import AgentCard
from infra.agents.errors import UnknownVariable
from infra.agents.template import BUILT_IN, missing_in, rendered
from infra.session.behaviour import ENGINES
from infra.shares import chain_of

MOST_VARIABLES, MOST_VARIABLE_CHARS = 32, 512


@dataclass(frozen=True, slots=True)
class AgentWanted:
    """What whoever opens a session asks for: an agent by its name (the default if empty), and values of variables."""

    agent: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


NO_CHOICE = AgentWanted()


def checked_variables(variables: Mapping[str, object]) -> dict[str, str]:
    """Return the variables that somebody gives. Raises ValueError for those that cannot be."""
    if len(variables) > MOST_VARIABLES:
        raise ValueError(f"at most {MOST_VARIABLES} variables are taken")
    for name, value in variables.items():
        if not name.isidentifier() or len(name) > 64:
            raise ValueError(f"{name[:64]!r} is no name of a variable: letters, digits and _, at most 64")
        if name in BUILT_IN:
            raise ValueError(f"the variable {name!r} is built in and cannot be given")
        if not isinstance(value, str) or len(value) > MOST_VARIABLE_CHARS or not value.isprintable():
            raise ValueError(f"{name!r} has to be one line of text, at most {MOST_VARIABLE_CHARS} characters")
    return {name: str(value) for name, value in variables.items()}


def with_agent(
    profile: AgentProfile, card: AgentCard, variables: Mapping[str, str], now: datetime, user: str
) -> AgentProfile:
    """Return the profile with an agent: what its card leaves empty stays. `now` is the time where the caller is.

    Raises UnknownVariable.
    """
    values = {**card.variables, **variables}
    if missing := missing_in(card.instructions, values) + missing_in(card.greeting, values):
        raise UnknownVariable(tuple(dict.fromkeys(missing)), card.name)
    said: dict[str, object] = {
        "agent": card.name,
        "variables": values,
        "filler": card.filler,
        "filler_after_ms": card.filler_after_ms,
        "silence_after_s": card.silence_after_s or None,
        "silence_text": card.silence_text,
        "time_limit_s": card.time_limit_s or None,
        "time_limit_text": card.time_limit_text,
    }
    if card.instructions:
        said["prompt"] = rendered(card.instructions, values, now, user)
    if card.greeting and profile.speaks:
        said["greeting"] = rendered(card.greeting, values, now, user)
    if card.llm:
        said |= {"llm": card.llm, "llm_options": "{}"}
    if card.llm_options:
        said["llm_options"] = card.llm_options
    if card.stt:
        said |= {"stt": card.stt, "stt_options": "{}"}
    if card.tts:
        said |= {"tts": card.tts, "tts_options": "{}", "voice": ""}
    if card.voice:
        said["voice"] = card.voice
    return profile.model_copy(update=said)


def with_share(profile: AgentProfile, session_id: str) -> AgentProfile:
    """Return the profile with the engines that this session gets, where its agent names shares of sessions."""
    chosen = {kind: chain_of(getattr(profile, kind), kind, session_id) for kind in ENGINES}
    return profile.model_copy(update=chosen)


def local_time(now_ns: int, time_zone: str) -> datetime:
    """Return the time (Unix epoch ns) in an IANA zone; in that of this machine if it is empty."""
    now = datetime.fromtimestamp(now_ns / 1e9, UTC)
    return now.astimezone(ZoneInfo(time_zone) if time_zone else None)
