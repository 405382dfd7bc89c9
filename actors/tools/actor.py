"""Tools: each call that is a job is run by one copy, which appends what came of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.tools.tool_jobs import ToolJobs
from contracts import events as e
from contracts.topology import TOOLS
from infra.agents.live_control import Keypads, controls_on
from infra.agents.loading import Agents, load_agents
from infra.agents.mcp_tools import McpServers
from infra.log.broker import make_app, make_broker
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.settings import settings
from infra.tape.untaped import Untaped


def take_events(broker: NatsBroker, jobs: ToolJobs) -> Inbox:
    """Return the inbox: what a copy does for each call."""
    inbox = Inbox(broker, TOOLS)

    @inbox.on(e.ToolCalled)
    async def tool_called(event: e.ToolCalled) -> Job | None:
        """Run the tool, if the call is a job."""
        return await jobs.take(event)

    return inbox


def listen(broker: NatsBroker, jobs: ToolJobs) -> LiveEvents:
    """Return the live handlers of every copy, which may be running the tool in question."""
    live = LiveEvents(broker, TOOLS)

    @live.on(e.ToolReturned)
    async def tool_returned(event: e.ToolReturned) -> None:
        """Stop a reader that was cancelled."""
        jobs.cancel(event)

    @live.on(e.DtmfReceived)
    async def key_pressed(event: e.DtmfReceived) -> None:
        """Pass the key to the tool that waits for it."""
        jobs.key_pressed(event)

    return live


def tool_jobs_on(broker: NatsBroker, agents: Agents, servers: McpServers) -> ToolJobs:
    """Return what a copy on the log of `broker` does; it writes no tape, as it decides nothing."""
    instance, keypads = tapes_of(broker).instance, Keypads()
    log, control = LiveLog(broker, Untaped(instance)), controls_on(broker, keypads)
    return ToolJobs(log, agents, servers, instance, control, keypads)


def make() -> FastStream:
    """Return the app of one copy. Raises BadAgent if no agent of the settings can be used."""
    broker = make_broker(TOOLS)
    agents = load_agents(settings().agents)
    servers = McpServers(agents.by_name.values())
    jobs = tool_jobs_on(broker, agents, servers)
    live, inbox = listen(broker, jobs), take_events(broker, jobs)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await servers.open()
        try:
            async with live, inbox:
                yield
                await jobs.finish()
        finally:
            await servers.close()

    return make_app(TOOLS, broker, lifespan)
