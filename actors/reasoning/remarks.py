"""What the agent is asked to say by itself: stored as a fact, so that it is said even if this process dies."""

import msgpack
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts.answers import Cause, answer
from contracts.codec import decode
from contracts.events import RemarkRequested, SessionClosed, SessionErased
from contracts.requests import BadRequest, SayRequest, refusal, say_request
from contracts.topology import REASONING, SAY, session_of, session_subjects
from infra.log.connection import connection
from infra.log.event_log import ExpectedSequence, StaleWriter, append, now_ns
from infra.log.log_streams import last_in_log
from infra.log.requests import RequestHandlers
from infra.session.remarks import RemarkRefused

PATIENCE_S = 3.0
TRIES = 3


def take_requests(broker: NatsBroker, max_text_bytes: int) -> RequestHandlers:
    """Return what answers the requests to have the agent say something."""
    requests = RequestHandlers(broker, REASONING)

    @requests.on(SAY)
    async def say(message: Msg) -> bytes:
        try:
            wanted = say_request(message.data)
            if len(wanted.text.encode()) > max_text_bytes:
                raise RemarkRefused("text-too-long", f"the text has more than {max_text_bytes} bytes (MAX_TEXT_BYTES)")
            stored = await request_remark(broker, session_of(message.subject), wanted)
        except BadRequest as error:
            return refusal("bad-request", str(error))
        except RemarkRefused as error:
            return refusal(error.code, str(error))
        return bytes(msgpack.packb({"event_id": stored.event_id}))

    return requests


async def request_remark(broker: NatsBroker, session_id: str, wanted: SayRequest) -> RemarkRequested:
    """Store that something is to be said; return the fact. Raises RemarkRefused, and what the log raises."""
    remark = remark_of(session_id, wanted)
    for _ in range(TRIES):
        expected = await _open_session(broker, session_id)
        try:
            await append(broker, remark, expected, PATIENCE_S)
        except StaleWriter:
            continue  # the session was closed or erased just now, or somebody joined
        return remark
    raise RemarkRefused("not-available", f"session {session_id} changes too quickly; try again")


def remark_of(session_id: str, wanted: SayRequest) -> RemarkRequested:
    """Return the fact that something is to be said: the same one for each request of one id."""
    return answer(
        Cause(session_id),
        RemarkRequested,
        time_ns=now_ns(),
        id_from=f"{session_id} {wanted.id}",
        text=wanted.text,
        requested_by=wanted.by,
    )


async def _open_session(broker: NatsBroker, session_id: str) -> ExpectedSequence:
    """Return what the log must not have gone beyond for the session still to be open. Raises RemarkRefused."""
    subjects = session_subjects(session_id, "session")
    found = await last_in_log(connection(broker), [subjects])
    if not found:
        raise RemarkRefused("session-unknown", f"the log has no session {session_id}")
    newest = found[-1]
    if isinstance(decode(newest.subject, newest.data), SessionClosed | SessionErased):
        raise RemarkRefused("session-closed", f"session {session_id} is over")
    return ExpectedSequence(subjects, newest.sequence)
