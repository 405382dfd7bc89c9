"""The agent that is built in: it answers when no other is chosen, with the prompt and greeting of the settings."""

from actors.reasoning.tools import CURRENT_TIME
from infra.agents.agent import Agent
from infra.agents.loading import DEFAULT, Agents, load_agents
from infra.settings import Settings

BUILT_IN = Agent(name=DEFAULT, tools=[CURRENT_TIME])


def agents_of(settings: Settings) -> Agents:
    """Return the agents of this process. Raises BadAgent if none of those that the settings name can be used."""
    return load_agents(settings.agents, BUILT_IN)
