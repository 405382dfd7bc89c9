"""What the rest of the system knows about this projection."""

from nats.aio.client import Client

from infra.projection import Projection
from infra.settings import Settings


async def _verify(settings: Settings, nc: Client) -> list[str]:
    from projections.pulsar.verify import verify

    return await verify(settings, nc)


def _problem(settings: Settings) -> str:
    from projections.pulsar.access import NoAccess, admin_headers, admin_tls, client_options

    try:
        client_options(settings)
        admin_headers(settings)
        admin_tls(settings)
    except NoAccess as error:
        return str(error)
    return ""


PULSAR = Projection(
    name="pulsar",
    app="projections.pulsar:app",
    enabled=lambda settings: bool(settings.pulsar_url),
    # A topic's sequences are those of one stream: by them a producer goes on.
    reads_partitions=False,
    switched_on_by="pulsar_url",
    verify=_verify,
    problem=_problem,
    out_of_reach="Pulsar: readers get a SessionErased; earlier messages expire with the topics' retention",
)
