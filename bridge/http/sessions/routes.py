"""`/sessions`: the list of sessions, and what was said in them, straight from the log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from faststream.nats import NatsBroker
from pydantic import BeforeValidator

from bridge.http.auth import Access
from bridge.http.chat.conversations import Conversations
from bridge.http.models import (
    ClosedSession,
    Playback,
    RecordingItem,
    RemarkBody,
    SessionDetail,
    SessionPage,
    StoredRemark,
    Summary,
    Transcript,
    ns_of,
)
from bridge.http.problems import Code, Problem, responses
from bridge.http.route_groups import route_group
from bridge.http.sessions.closing import close_session as end_session
from bridge.http.sessions.facts import add_facts
from bridge.http.sessions.reading import CURSOR_PATTERN, Cursor, PathId, connected, facts_of
from bridge.http.sessions.recordings import Recordings
from bridge.http.sessions.views import detail_of, item_of, playback_of, summary_of, transcript_of
from bridge.web.gate import Visitor
from contracts.events import Event
from contracts.requests import SayRequest
from infra.export.conversation import Conversation, NotAConversation, conversation_of
from infra.log.connection import connection
from infra.session.index import Wanted, page_of
from infra.session.remarks import RemarkRefused, ask_to_say

MOST_LISTED = 200


def _no_number(value: object) -> object:
    """Refuse numbers: they would be read as Unix time, in a unit that nobody can know."""
    if isinstance(value, str) and value.strip("+-.0123456789") == "" and value.count("-") < 2:
        raise ValueError("is not an ISO 8601 time such as 2026-11-29T12:00:00Z")
    return value


Moment = Annotated[
    datetime | None, BeforeValidator(_no_number), Query(description="ISO 8601; without a zone it is UTC.")
]


def session_routers(broker: NatsBroker, access: Access, conversations: Conversations) -> tuple[APIRouter, APIRouter]:
    """Return the routes of all sessions, and those of one; `access` checks who asks."""
    router = route_group("sessions", "/sessions", responses(401, 403, 429))
    one = route_group("sessions", "/sessions", responses(401, 403, 429), [Depends(access.session)])
    _add_reading(one, broker)
    _add_recording(one, broker)
    add_facts(one, broker)
    _add_closing(one, broker, conversations)
    _add_remarks(one, broker)
    _add_list(router, broker, access)
    _add_erasure(router, broker, access)
    return router, one


def _add_list(router: APIRouter, broker: NatsBroker, access: Access) -> None:
    @router.get("", summary="List sessions, the newest first")
    async def list_sessions(
        response: Response,
        visitor: Annotated[Visitor, Depends(access.reader)],
        user_id: Annotated[str | None, Query(max_length=256, description="Only this user's.")] = None,
        since: Moment = None,
        until: Moment = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="How many on a page.")] = 50,
        cursor: Annotated[
            Cursor | None,
            Query(description="`next` of the last page.", json_schema_extra={"pattern": CURSOR_PATTERN}),
        ] = None,
    ) -> SessionPage:
        """List the sessions opened within a time; users see their own.

        A page may have fewer than `limit` sessions even if more follow: continue while there is a `next`.
        """
        connected(broker)
        response.headers["Cache-Control"] = "no-store"
        since_ns = max(0, ns_of(since)) if since is not None else 0
        until_ns = ns_of(until) + 999 if until is not None else None  # the whole microsecond
        wanted = Wanted(visitor.user_id or user_id, since_ns, until_ns, int(cursor or 0))
        page = await page_of(connection(broker), wanted, limit)
        return SessionPage(
            sessions=[item_of(listed) for listed in page.sessions], next=str(page.before) if page.before else None
        )


def _add_reading(router: APIRouter, broker: NatsBroker) -> None:
    recordings = Recordings(broker)

    @router.get("/{session_id}", summary="One session", responses=responses(404))
    async def get_session(session_id: PathId, response: Response) -> SessionDetail:
        """Return whose session it is, its state and what it consists of."""
        response.headers["Cache-Control"] = "no-store"
        return detail_of(session_id, await facts_of(broker, session_id))

    @router.get("/{session_id}/transcript", summary="What was said, as it was heard", responses=responses(404))
    async def get_transcript(session_id: PathId, response: Response) -> Transcript:
        """Return the turns and their answers in order, with what was heard of each and where its time went."""
        response.headers["Cache-Control"] = "no-store"
        facts = await facts_of(broker, session_id)
        last = await recordings.last(session_id)
        return transcript_of(
            session_id, _conversation(session_id, facts, last.track_samples if last is not None else {})
        )

    @router.get("/{session_id}/summary", summary="What it was about", responses=responses(404))
    async def get_summary(session_id: PathId, response: Response) -> Summary:
        """Return the final summary, and the rolling one of a long conversation. 404 while there is neither."""
        response.headers["Cache-Control"] = "no-store"
        found = summary_of(session_id, await facts_of(broker, session_id))
        if found.final is None and found.rolling is None:
            raise Problem("not-found", f"session {session_id} has no summary yet")
        return found


def _add_recording(router: APIRouter, broker: NatsBroker) -> None:
    recordings = Recordings(broker)
    sound: dict[int | str, dict[str, Any]] = {
        **responses(404, 416),
        200: {"content": {"audio/webm": {}}, "description": "Opus in WebM: people left, the agent right."},
        206: {"content": {"audio/webm": {}}, "description": "The bytes that `Range` asked for."},
        304: {"description": "It is still the one of `If-None-Match`."},
    }

    @router.get(
        "/{session_id}/recording", summary="The sound, as far as it is stored", response_class=Response, responses=sound
    )
    async def get_recording(session_id: PathId, request: Request) -> Response:
        """Return the recording as far as it is stored; `Range` selects a part of it."""
        connected(broker)
        return await recordings.answer(session_id, request)

    @router.get("/{session_id}/playback", summary="What a player needs", responses=responses(404))
    async def get_playback(session_id: PathId, response: Response) -> Playback:
        """Return what was said and when, in ms since the start of the recording, and where the recording is."""
        from infra.session.recordings import duration_ms

        response.headers["Cache-Control"] = "no-store"
        facts = await facts_of(broker, session_id)
        last = await recordings.last(session_id)
        conversation = _conversation(session_id, facts, last.track_samples if last is not None else {})
        if last is None:
            return playback_of(session_id, conversation, None)
        item = RecordingItem(
            url=f"/sessions/{session_id}/recording",
            sample_rate_hz=48_000,
            channels=2,
            duration_ms=duration_ms(last.end_packet),
            is_complete=last.last,
        )
        return playback_of(session_id, conversation, item)


def _add_closing(router: APIRouter, broker: NatsBroker, conversations: Conversations) -> None:
    @router.post("/{session_id}/close", summary="End a session", responses=responses(404, 408, 409, 413))
    async def close_session(session_id: PathId) -> ClosedSession:
        """End a conversation or a call, as a hang-up does: those in it are informed. Idempotent."""
        await end_session(broker, conversations, session_id)
        detail = detail_of(session_id, await facts_of(broker, session_id))
        if detail.closed_at is None or detail.close_reason is None:
            raise Problem("session-open", f"session {session_id} is erased, and was never closed")
        return ClosedSession(session_id=session_id, closed_at=detail.closed_at, close_reason=detail.close_reason)


def _add_remarks(router: APIRouter, broker: NatsBroker) -> None:
    @router.post("/{session_id}/say", summary="Have the agent say something", responses=responses(404, 409, 413, 503))
    async def say_remark(session_id: PathId, remark: RemarkBody) -> StoredRemark:
        """Have the agent say `text` by itself, when what it is saying is over.

        It is stored before this answers, is said even if a process dies, and is part of what the agent knows.
        """
        wanted = SayRequest(remark.text, "http", remark.id or uuid4().hex)
        try:
            return StoredRemark(event_id=await ask_to_say(connected(broker), session_id, wanted))
        except RemarkRefused as refused:
            raise Problem(_REMARK_PROBLEMS.get(refused.code, "not-available"), str(refused)) from refused
        except TimeoutError as error:
            message = "it may not be stored; send it again with the same id"
            raise Problem("not-available", message, retry_after_s=2) from error


_REMARK_PROBLEMS: dict[str, Code] = {
    "bad-request": "bad-request",
    "text-too-long": "text-too-long",
    "session-unknown": "session-unknown",
    "session-closed": "session-closed",
}


def _add_erasure(router: APIRouter, broker: NatsBroker, access: Access) -> None:
    operator = [Depends(access.operator)]

    @router.delete(
        "/{session_id}", summary="Erase what was said", responses=responses(404, 408, 409, 413), dependencies=operator
    )
    async def erase(
        session_id: PathId,
        reason: Annotated[str, Query(max_length=1000, description="Is kept with what is left.")] = "",
        force: Annotated[bool, Query(description="Close the session first if it is open.")] = False,
    ) -> dict[str, Any]:
        """Remove the words of a session forever, from the log and everything made from it; return the receipt."""
        from infra.erasure.erase import EraseIncomplete, SessionStillOpen, UnknownSession, erase_session

        connected(broker)
        try:
            receipt = await erase_session(broker, session_id, reason, force=force)
        except UnknownSession as error:
            raise Problem("session-unknown", f"the log has no session {session_id}") from error
        except SessionStillOpen as error:
            message = f"session {session_id} is still open: end it first, or erase it with force=true"
            raise Problem("session-open", message) from error
        except EraseIncomplete as error:
            raise Problem("not-available", str(error), retry_after_s=5) from error
        return receipt.fields()


def _conversation(session_id: str, facts: list[Event], track_samples: Mapping[str, int] | None = None) -> Conversation:
    """Return the conversation that the facts make up. Raises Problem if its words are gone."""
    try:
        return conversation_of(facts, track_samples)
    except NotAConversation as error:
        raise Problem("not-found", f"nothing can be read of session {session_id}: {error}") from error
