"""`HEAD` on everything that `GET` serves: the same answer without its body."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.process.tasks import ended


class HeadAsGet:
    """Passes a `HEAD` on as `GET`, and ends it once the head is known: the body may be long, or endless."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                answered.set()

        getting = asyncio.create_task(self._run(scope, receive, send_head), name="HEAD as GET")
        known = asyncio.create_task(answered.wait(), name="head of an answer")
        try:
            await asyncio.wait({getting, known}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(getting, known)
            results = await asyncio.gather(getting, known, return_exceptions=True)
        if isinstance(results[0], Exception) and not answered.is_set():
            raise results[0]

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "method": "GET"}, receive, send)
