"""Copies of the projection to be killed, one after the other: forked, as importing takes longer than living.

For each line on standard input one is started, and its process id printed.
"""

import asyncio
import os
import sys

import nats

from infra.postgres_url import running_url
from infra.settings import settings
from projections.postgres.projector import PostgresProjector


async def project() -> None:
    """Project until killed."""
    nc = await nats.connect(settings().nats_url)
    await PostgresProjector(nc, running_url(settings())).run()


def main() -> None:
    """Start copies until standard input ends."""
    while sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            asyncio.run(project())
        print(pid, flush=True)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
