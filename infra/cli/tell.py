"""`daredevil tell`: have the agent say something in a conversation that goes on."""

from typing import Annotated
from uuid import uuid4

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, progress, run_async


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
        run_async(_tell(session, text))
    except RemarkRefused as refused:
        is_ours = refused.code in ("bad-request", "text-too-long", "session-unknown", "session-closed")
        fail(str(refused), BAD_INPUT if is_ours else FAILED)
    progress("stored; it is said when nothing else is")


async def _tell(session: str, text: str) -> None:
    """Ask, and once more if no answer came. Raises RemarkRefused."""
    from nats.errors import Error as NatsError

    from contracts.requests import SayRequest
    from infra.cli.system import log_connection
    from infra.session.remarks import RemarkRefused, ask_to_say

    wanted = SayRequest(text, "cli", uuid4().hex)
    async with log_connection() as nc:
        for is_last in (False, True):
            try:
                await ask_to_say(nc, session, wanted)
                return
            except (TimeoutError, NatsError) as error:
                if is_last:
                    raise RemarkRefused("not-available", f"reasoning did not answer: {error!r}") from error
