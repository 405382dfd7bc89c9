"""`daredevil health`: whether the processes of a system can do their work, for probes and for people."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, run_async

if TYPE_CHECKING:
    from infra.system.health import Health


def health(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A process, such as `reasoning`; the whole system without one.")
    ] = "",
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60, metavar="S", help="How long an answer may take.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Ask whether a process, or the whole system, can do its work. Exits with 0 if it can, with 1 if not.

    Where DAREDEVIL_PROBE_PORT is set, a process is asked at its own port, as a container's health check needs it.
    Without that, all copies are asked over NATS (DAREDEVIL_NATS_URL, or the system that runs here): one that can is
    enough.

    For example:

      daredevil health

      daredevil health reasoning --timeout 2
    """
    found = run_async(_asked(name, timeout_s))
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(found)))
    elif found.ready:
        copies = (f"{each.process}{f' ({each.copies} copies)' if each.copies > 1 else ''}" for each in found.processes)
        typer.echo(f"ready: {', '.join(copies)}")
    else:
        typer.echo(f"not ready: {found.problem}")
    if not found.ready:
        raise typer.Exit(FAILED)


async def _asked(name: str, timeout_s: float) -> "Health":
    from infra.settings import settings

    if name and settings().probe_port:
        from infra.system.health import health_at_port

        return health_at_port(name, settings(), timeout_s)
    from contracts.topology import APPS
    from infra.cannot_run import CannotRun
    from infra.log.nats_reach import connected, is_forbidden, unusable
    from infra.runtime import running_nats_url
    from infra.system.health import Health
    from infra.system.health_on_nats import health_on_nats

    if name and name not in APPS:
        fail(f"there is no process {name!r}: {', '.join(APPS)}", BAD_INPUT)
    url = settings().nats_url or running_nats_url(settings().data_dir)
    forbidden: list[Exception] = []

    async def note(error: Exception) -> None:
        if is_forbidden(error):
            forbidden.append(error)

    try:
        nc = await connected(url, note, timeout_s)
    except CannotRun as error:
        return Health(False, str(error), ())
    try:
        found = await health_on_nats(nc, settings(), [name] if name else [], timeout_s)
        # NATS does not answer what is forbidden, so everything seems to be away.
        return found if found.ready or not forbidden else Health(False, unusable(forbidden[0], url), ())
    finally:
        await nc.close()
