"""The stack as others use it, of this version: secrets in files, a proxy with TLS, three NATS servers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.settings import settings
from tests.stack.production.files import DOMAIN, NODE_IP, ProductionFiles, log_url, production_files
from tests.stack.stack import OURS, STAND_INS, STAND_INS_OF_PRODUCTION, Stack, logs_kept

NATS = ("nats", "nats-2", "nats-3")


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> ProductionFiles:
    """The compose files with secrets of their own."""
    return production_files(tmp_path_factory.mktemp("production"))


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def production(request: pytest.FixtureRequest, files: ProductionFiles) -> AsyncIterator[Stack]:
    """Our processes, Postgres and three NATS servers. The proxy and what rooms need start where they are tested."""
    stack = Stack(
        project="dd-production",
        folder=files.folder,
        files=("compose.yaml", "compose.production.yaml", "compose.nats-cluster.yaml"),
        stand_ins=(STAND_INS, STAND_INS_OF_PRODUCTION),
        variables={"DOMAIN": DOMAIN, "ACME_EMAIL": "you@example.org", "NODE_IP": NODE_IP},
    )
    await stack.down()
    as_operator = pytest.MonkeyPatch()
    as_operator.setenv("DAREDEVIL_NATS_NKEY_FILE", str(files.folder / "secrets" / "nats" / "{process}.nk"))
    settings.cache_clear()
    try:
        await stack.compose("up", "-d", *NATS, "postgres", "provision", *OURS)
        await stack.healthy((*NATS, "postgres", *OURS))
        # The keys are for the servers of the settings, and for no other.
        as_operator.setenv("DAREDEVIL_NATS_URL", await log_url(stack, "nats"))
        settings.cache_clear()
        yield stack
    finally:
        as_operator.undo()
        settings.cache_clear()
        await logs_kept(stack, request.session.testsfailed)
        await stack.down()
