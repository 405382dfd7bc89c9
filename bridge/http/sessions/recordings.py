"""The recording of a session as one WebM file, or the part of it that is asked for.

The code that reads recordings is imported on the first request: it loads codecs, which a door for text never needs.
"""

import asyncio
import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from fastapi import Request, Response
from faststream.nats import NatsBroker

from bridge.http.conditions import is_known
from bridge.http.problems import Problem
from bridge.http.sessions.ranges import range_of
from infra.log.connection import connection

if TYPE_CHECKING:
    from infra.session.recordings import Chunk

KEPT_BYTES = 64_000_000
"""Files kept for the next range of the same recording."""
KEPT_S = 60.0
"""How long they are kept: what was erased must not stay in memory."""
READING_TIMEOUT_S = 30.0


class Recordings:
    """Builds recordings; the most recent files are kept until something is added to them."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._reading = asyncio.Lock()

    async def answer(self, session_id: str, request: Request) -> Response:
        """Return the file, or the part that `Range` names. Raises Problem, and what the log raises."""
        data = await self._file(session_id)
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"',
            "Content-Disposition": f'inline; filename="{session_id}.webm"',
            "Cache-Control": "no-store",
        }
        if is_known(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(None, 304, headers)
        wanted = request.headers.get("range")
        if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            wanted = None  # it has grown since the last part was read
        part = range_of(wanted, len(data))
        if part is None:
            return Response(data, 200, headers, "audio/webm")
        headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{len(data)}"
        return Response(data[part[0] : part[1]], 206, headers, "audio/webm")

    async def last(self, session_id: str) -> "Chunk | None":
        """Return the newest chunk: it says how long the recording is, and where the tracks lie in it."""
        from infra.session.recordings import BrokenChunk, last_chunk

        try:
            stored = await last_chunk(connection(self._broker), session_id)
        except BrokenChunk:
            return None
        return stored.chunk if stored is not None else None

    async def _file(self, session_id: str) -> bytes:
        from infra.session.recordings import BrokenChunk, NoRecording, last_chunk, webm_of

        nc = connection(self._broker)
        try:
            async with asyncio.timeout(READING_TIMEOUT_S):
                last = await last_chunk(nc, session_id)
                if last is None:
                    raise Problem("not-found", f"nothing was recorded of session {session_id}")
                key = (session_id, last.sequence)
                async with self._reading:  # a long one takes memory while it is built
                    data = self._kept.get(key) or await webm_of(nc, session_id)
        except (NoRecording, BrokenChunk) as error:
            raise Problem("not-found", f"the recording of session {session_id} cannot be read: {error}") from error
        self._keep(key, data)
        return data

    def _keep(self, key: tuple[str, int], data: bytes) -> None:
        for other in [other for other in self._kept if other[0] == key[0]]:
            del self._kept[other]
        self._kept[key] = data
        asyncio.get_running_loop().call_later(KEPT_S, self._kept.pop, key, None)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
