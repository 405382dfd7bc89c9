"""What the rest of the system knows about this projection."""

from collections.abc import Sequence

from nats.aio.client import Client

from infra.postgres_url import running_url
from infra.projection import NotRebuilt, Progress, Projection, Rebuilt, StateUnknown
from infra.settings import Settings


async def _verify(settings: Settings, nc: Client) -> list[str]:
    import psycopg

    from projections.postgres.verify import verify

    try:
        return await verify(running_url(settings), nc)
    except psycopg.OperationalError as error:
        return [_away(error)]


async def _rebuild(settings: Settings, nc: Client, progress: Progress, drop_lost: bool) -> Rebuilt:
    import psycopg

    from projections.postgres.rebuild import rebuild
    from projections.projector import Stopped

    try:
        return await rebuild(running_url(settings), nc, progress, drop_lost)
    except Stopped as error:
        raise NotRebuilt(str(error)) from error
    except psycopg.OperationalError as error:
        raise NotRebuilt(_away(error)) from error


async def _unerased(settings: Settings, session_ids: Sequence[str]) -> str:
    from projections.postgres.erased import unerased

    if not settings.postgres_url and not (settings.data_dir / "run" / "postgres_url").exists():
        raise StateUnknown("no database runs here now")
    return await unerased(running_url(settings), session_ids)


def _away(error: BaseException) -> str:
    return f"Postgres does not answer: {str(error).partition(chr(10))[0]}"


POSTGRES = Projection(
    name="postgres",
    app="projections.postgres:app",
    enabled=lambda settings: settings.postgres_url != "off",
    verify=_verify,
    rebuild=_rebuild,
    unerased=_unerased,
    out_of_reach="Postgres: deleted rows stay in its files until VACUUM and its write-ahead log is recycled",
)
