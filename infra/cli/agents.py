"""Options of commands that talk with an agent: which one, from which files, with which variables."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, fail

AgentFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[AGENTS]...", help="Agents of your own: files (`booking.py`) or modules (`shop.agents`)."),
]
AgentOption = Annotated[str, typer.Option("--agent", help="Which agent to talk with; by default the first.")]
VariableOptions = Annotated[
    list[str] | None,
    typer.Option("--variable", metavar="NAME=VALUE", help="A variable of the agent's instructions; may be repeated."),
]


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
