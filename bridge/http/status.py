"""`/status`: how this machine is doing, as a page for whoever runs it."""

import asyncio
from collections import deque
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials

from bridge.call.admission import SessionAdmission
from bridge.http.auth import Key
from bridge.http.problems import only
from bridge.http.route_groups import route_group
from bridge.http.status_page import MachineStatus, status_page
from bridge.web.gate import bearer_of
from bridge.web.proxies import is_local
from infra.log.readiness import Readiness
from infra.metrics.figures import figures
from infra.metrics.samples import Reading
from infra.metrics.scraping import read_all, targets_file, targets_in
from infra.process.tasks import again_and_again, ended

PAGE = Path(__file__).parents[1] / "page"
EVERY_S = 20 * 60
KEPT = 3
"""Readings that are kept to compare with: so the figures are of the last 40 to 60 minutes."""


class StatusReadings:
    """Reads the metrics of all processes of this machine now and then, to count what has happened since."""

    def __init__(self, data_dir: Path) -> None:
        self._file = targets_file(data_dir)
        self._kept: deque[Reading] = deque(maxlen=KEPT)
        self._reading: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Start to read."""
        self._reading = asyncio.create_task(
            again_and_again(self._wait_and_read, "readings for /status"), name="readings for /status"
        )

    async def close(self) -> None:
        """Stop reading; may be called twice."""
        if self._reading is not None:
            await ended(self._reading)

    async def now(self) -> Reading:
        """Return what all processes say now; nothing where no supervisor names them."""
        try:
            targets = targets_in(self._file.read_text())
        except (OSError, ValueError):
            targets = []
        return await read_all(targets)

    @property
    def before(self) -> Reading | None:
        """The oldest reading that is kept."""
        return self._kept[0] if self._kept else None

    async def _wait_and_read(self) -> None:
        await asyncio.sleep(EVERY_S)
        self._kept.append(await self.now())


def status_router(readings: StatusReadings, readiness: Readiness, admission: SessionAdmission, admin: Key) -> APIRouter:
    """Return the routes."""
    router = route_group("health", include_in_schema=False)

    @router.get("/status", responses=only(400, 401, 403, 429))
    async def get_status(request: Request) -> HTMLResponse:
        """Return the page. From another machine it needs the admin key, also as `?token=`."""
        if not is_local(request.scope):
            given = bearer_of(request)
            admin.check(request, HTTPAuthorizationCredentials(scheme="Bearer", credentials=given) if given else None)
        now, (problem, _) = await asyncio.gather(readings.now(), readiness.problem())
        status = MachineStatus(problem, admission.problem, admission.calls_carried)
        page = status_page(figures(now, readings.before), status)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    # Beside the page, also at a door that has no other page.
    @router.get("/status.css")
    async def get_style() -> FileResponse:
        return FileResponse(PAGE / "status.css", media_type="text/css")

    @router.get("/status.js")
    async def get_script() -> FileResponse:
        return FileResponse(PAGE / "status.js", media_type="text/javascript")

    return router
