"""Options of commands that talk with an agent: which one, from which files, with which variables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, fail, warn

if TYPE_CHECKING:
    from infra.agents.agent import Agent
    from infra.agents.loading import Agents

AgentFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[AGENTS]...", help="Agents of your own: files (`booking.py`) or modules (`shop.agents`)."),
]
AgentOption = Annotated[str, typer.Option("--agent", help="Which agent to talk with; by default the first.")]
VariableOptions = Annotated[
    list[str] | None,
    typer.Option("--variable", metavar="NAME=VALUE", help="A variable of the agent's instructions; may be repeated."),
]

MOST_USER_CHARS = 256


def _user(name: str) -> str:
    if not 0 < len(name) <= MOST_USER_CHARS:
        fail(f"--user must have 1 to {MOST_USER_CHARS} characters", BAD_INPUT)
    return name


UserOption = Annotated[
    str,
    typer.Option("--user", callback=_user, help="Who calls or writes: the agent remembers earlier conversations."),
]


def usable_agents(places: str) -> "Agents":
    """Return the agents of files or modules, and warn of what is wrong: their process would find out seconds later.

    Raises BadAgent if none can be used.
    """
    from infra.agents.loading import load_agents
    from infra.settings import settings
    from infra.system.doctor.engines import engines_of_agents

    agents = load_agents(places)
    for problem in agents.errors.values():
        warn(problem)
    for finding in engines_of_agents(settings(), agents.by_name.values()):
        if finding.state != "ok":
            warn(f"{finding.subject}: {finding.detail}: {finding.remedy}")
    return agents


def line_of(agent: "Agent") -> str:
    """Return a line that says what an agent has, and which variables its sessions have to give."""
    from infra.agents.template import missing_in

    has = f"{len(agent.tools)} tool{'' if len(agent.tools) == 1 else 's'}"
    if agent.graph is not None:
        has = "a graph of its own"
    if agent.mcp:
        has = f"{has}, and those of the MCP server{'' if len(agent.mcp) == 1 else 's'} {', '.join(agent.mcp)}"
    missing = missing_in(agent.instructions, agent.variables) + missing_in(agent.greeting, agent.variables)
    needs = f", if the session gives {', '.join(dict.fromkeys(missing))}" if missing else ""
    return f"agent {agent.name}: {has}{needs}"


def check_wish(wish: Mapping[str, Any], places: Sequence[str] | None, url: str | None) -> None:
    """Exit if no session can be opened as it is wished for, before a system is started for the command.

    A system that runs here already, or at `url`, knows its own agents. Raises BadAgent.
    """
    from infra.runtime import read_runtime
    from infra.settings import settings

    if url is not None or (not places and read_runtime(settings().data_dir) is not None):
        return
    agents = ",".join(places or ()) or settings().agents
    name, variables = wish.get("agent", ""), wish.get("variables", {})
    if not agents and not name:
        return
    from datetime import UTC, datetime

    from infra.agents.card import cards_of
    from infra.agents.choosing import with_agent
    from infra.agents.errors import UnknownAgent, UnknownVariable
    from infra.agents.loading import load_agents
    from infra.session.behaviour import profile_of

    try:
        with_agent(profile_of(settings()), cards_of(load_agents(agents)).chosen(name), variables, datetime.now(UTC), "")
    except UnknownAgent as error:
        hint = "" if agents else "; nothing is running here: name agents of your own in DAREDEVIL_AGENTS"
        fail(f"{error}{hint}", BAD_INPUT)
    except UnknownVariable as error:
        fail(f"{error}: --variable {error.names[0]}=…", BAD_INPUT)


def check_files(files: Sequence[str] | None, url: str | None) -> None:
    """Exit if agents are named for a system elsewhere, which has its own."""
    if files and url is not None:
        fail("a system elsewhere has agents of its own: leave out the files, or --url", BAD_INPUT)


def wished(agent: str, variables: Sequence[str] | None) -> dict[str, Any]:
    """Return the fields of an opening that name the agent and its variables; exit if a variable has no value."""
    given = dict(_pair(each) for each in variables or ())
    return ({"agent": agent} if agent else {}) | ({"variables": given} if given else {})


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name.isidentifier():
        fail(f"--variable {given!r} is not of the form NAME=VALUE", BAD_INPUT)
    return name, value


def key_for(token: str, url: str | None) -> str:
    """Return the token; without one the admin key, for the system of these settings."""
    from infra.settings import settings

    return token or ("" if url is not None else settings().admin_key.strip())
