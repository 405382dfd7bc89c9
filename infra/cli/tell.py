"""`daredevil tell`: have the agent say something in a conversation that goes on."""

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, progress, run_async

if TYPE_CHECKING:
    from nats.aio.client import Client


def tell(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The conversation.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the agent says, as it stands.")],
) -> None:
    """Have the agent say something by itself, when what it is saying is over. It is stored, and part of what it knows.

    For example:

      daredevil tell 20261129-101500-1a2b3c4d "A colleague will join us in a minute."
    """
    from contracts.topology import checked_session
    from infra.session.remarks import RemarkRefused

    try:
        checked_session(session)
    except ValueError as error:
        fail(str(error), BAD_INPUT)
    try:
        door = run_async(_tell(session, text))
    except RemarkRefused as refused:
        is_ours = refused.code in ("bad-request", "text-too-long", "session-unknown", "session-closed")
        fail(str(refused), BAD_INPUT if is_ours else FAILED)
    if door == "http":
        progress("stored; nobody is shown it: this conversation is by text, and who writes reads only answers")
    else:
        progress("stored; it is said when nothing else is")


async def _tell(session: str, text: str) -> str:
    """Ask, and once more if no answer came; return the session's door. Raises RemarkRefused."""
    from nats.errors import Error as NatsError

    from contracts.requests import SayRequest
    from infra.cli.system import log_connection
    from infra.session.remarks import RemarkRefused, ask_to_say

    wanted = SayRequest(text, "cli", uuid4().hex)
    async with log_connection() as nc:
        for is_last in (False, True):
            try:
                await ask_to_say(nc, session, wanted)
                return await _door_of(nc, session)
            except (TimeoutError, NatsError) as error:
                if is_last:
                    raise RemarkRefused("not-available", f"reasoning did not answer: {error!r}") from error
    raise AssertionError("the last attempt returns or raises")


async def _door_of(nc: "Client", session: str) -> str:
    from contracts import events as e
    from infra.log.event_log import history

    async for fact in history(nc, session):
        if isinstance(fact.event, e.SessionOpened):
            return fact.event.door
    return ""
