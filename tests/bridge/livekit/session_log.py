"""Waiting for what the log says of a room's session, and for who has the room."""

from collections.abc import Awaitable, Callable, Sequence

from bridge.livekit.ownership.lease import Holding, bucket_of
from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.guest import Guest
from tests.waiting import until_async


def names(facts: Sequence[e.Event]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


async def facts_with(
    agent: Agent, session_id: str, kind: type[e.Event], within_s: float = 60, count: int = 1
) -> list[e.Event]:
    """Wait until there are `count` facts of a kind; return all there are."""

    async def are_there() -> bool:
        return names(await agent.facts(session_id)).count(kind.__name__) >= count

    await until_async(are_there, within_s, kind.__name__)
    return await agent.facts(session_id)


async def one(agent: Agent, session_id: str, kind: type[e.Event], within_s: float = 60) -> e.Event:
    facts = await facts_with(agent, session_id, kind, within_s)
    (fact,) = [fact for fact in facts if isinstance(fact, kind)]
    return fact


async def holding_of(agent: Agent, session_id: str) -> Holding:
    entry = await (await bucket_of(agent.broker)).get(session_id)
    return Holding.model_validate_json(entry.value or b"")


async def pid_of(agent: Agent, session_id: str) -> int:
    """The process that has the room."""
    return int((await holding_of(agent, session_id)).owner.split("/")[1])


async def held_by(agent: Agent, session_id: str, found: Callable[[Holding], bool], within_s: float = 30) -> Holding:
    async def is_found() -> bool:
        return found(await holding_of(agent, session_id))

    await until_async(is_found, within_s, "the lease")
    return await holding_of(agent, session_id)


def reason_of_end(facts: list[e.Event]) -> str:
    (closed,) = [fact for fact in facts if isinstance(fact, e.SessionClosed)]
    return closed.reason


async def talking(invite: Callable[..., Awaitable[Guest]], agent: Agent, *where: str) -> tuple[Guest, str]:
    """Let somebody join the usual room or another, and wait until the agent listens; return guest and session."""
    guest = await invite(*where)
    session_id = session_of_room(await guest.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    return guest, session_id
