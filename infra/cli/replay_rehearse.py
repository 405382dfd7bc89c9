"""`daredevil replay SESSION --rehearse`: the session for an actor under test, in a log of its own."""

import tempfile
from pathlib import Path

from contracts.events import Event
from infra.cli.log import event_colour
from infra.cli.output import out, progress, warn
from infra.cli.replay_play import beginning, conversation_in, tell_remarks
from infra.cli.system import log_connection
from infra.export.describe import describe
from infra.log.dead_letters import dead_letters
from infra.log.nats_reach import connect_once
from infra.replay.recorded_session import recorded_session
from infra.replay.rehearsal import rehearse, somebody_takes
from infra.system.own_nats import own_nats
from infra.system.page_port import port_problem


async def rehearse_again(session_id: str, port: int, speed: float, from_turn: int | None) -> None:
    """Run a session for actors that somebody starts, and print what they append.

    Raises ValueError, LookupError, TimeoutError, OSError, nats errors.
    """
    _check_port(port)
    async with log_connection() as nc:
        session = await recorded_session(nc, session_id)
        start = beginning(session, await conversation_in(nc, session), from_turn)
    tell_remarks(session)
    with tempfile.TemporaryDirectory(prefix="daredevil-rehearsal-") as folder:
        async with own_nats(Path(folder), port) as server:
            nc = await connect_once(server.url)
            try:
                progress(f"a log for this rehearsal listens at {server.url}; start your actor there:")
                progress(f"  DAREDEVIL_NATS_URL={server.url} faststream run my_actor:app")
                names = await somebody_takes(nc)
                progress(
                    f"{', '.join(names)} takes facts: here are those of {session_id}, and what is appended to them"
                )
                told = _Told()
                stored = await rehearse(nc, session, names, told.appended, speed, start.sequence)
                for letter in await dead_letters(nc):
                    warn(f"{letter.durable} could not handle {letter.subject}: {letter.reason}")
                progress(f"{stored} facts were handled, {told.count} appended")
            finally:
                await nc.close()


def _check_port(port: int) -> None:
    """Make sure that nothing else listens there: a NATS that did, the real log's too, would be given the facts."""
    if port and (problem := port_problem("127.0.0.1", port)):
        raise ValueError(f"--port {port}: {problem[0]}: choose another, or leave out --port for a free one")


class _Told:
    """Prints what is appended, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def appended(self, event: Event) -> None:
        from rich.markup import escape

        self.count += 1
        name, fields = describe(event)
        out().print(f"appends [{event_colour(name)}]{name}[/] {escape(fields)}")
