"""`daredevil replay SESSION --publish`: the session's subjects again."""

import json

import typer

from contracts.topology import REPLAY_PREFIX, checked_replay_prefix, replay_subjects
from infra.cli.output import err, progress
from infra.cli.replay_play import beginning, conversation_in, tell_remarks
from infra.cli.system import log_connection
from infra.replay.pace import AT_ONCE
from infra.replay.publish import publish
from infra.replay.recorded_session import recorded_session
from infra.runtime import read_runtime
from infra.settings import settings


async def publish_again(session_id: str, to: str | None, speed: float, from_turn: int | None, as_json: bool) -> None:
    """Publish a session's facts below a prefix. Raises ValueError, LookupError, PublishStopped, nats errors."""
    prefix = checked_replay_prefix(REPLAY_PREFIX if to is None else to)
    if not settings().nats_url and read_runtime(settings().data_dir) is None:
        raise ValueError(
            "nothing is running here, so nobody could be subscribed: start `daredevil run`, or set DAREDEVIL_NATS_URL"
        )
    async with log_connection() as nc:
        session = await recorded_session(nc, session_id)
        start = beginning(session, await conversation_in(nc, session), from_turn)
        tell_remarks(session)
        subjects = replay_subjects(session_id, prefix)
        pace = "as fast as NATS takes them" if speed == AT_ONCE else f"at {speed:g} times their pace"
        progress(f"publishing on {subjects}, {pace}: whoever is subscribed receives them, nothing is stored")
        done = await publish(nc, session, prefix, speed, start.sequence)
    if as_json:
        sent = {"subjects": subjects, "facts": done.facts, "seconds": round(done.seconds, 3)}
        typer.echo(json.dumps({"session_id": session_id, **sent, "remarks": session.remarks()}))
        return
    err().print(f"published {done.facts} facts on {subjects} in {done.seconds:.1f} s", markup=False)
