"""The projection against a Pulsar that speaks TLS only and lets in nobody that it does not know."""

import asyncio
import base64
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from infra.log.connection import connection
from infra.settings import Settings
from infra.system.nats import free_port
from infra.system.pulsar import PulsarMissing, PulsarServer, check_installed
from projections.pulsar.access import NoAccess, admin_headers, admin_tls, client_options
from projections.pulsar.routing import CONVERSATION
from projections.pulsar.topics import connect
from projections.pulsar.verify import verify
from tests.projections.pulsar.credentials import SECRET, Certificates, make_certificates, token_of
from tests.projections.pulsar.facts import conversation, say_all
from tests.projections.pulsar.topics import caught_up, projecting, read_topic
from tests.waiting import until

TLS = "org.apache.pulsar.broker.authentication.AuthenticationProviderTls"
TOKEN = "org.apache.pulsar.broker.authentication.AuthenticationProviderToken"
BROKER_CLIENT = "org.apache.pulsar.client.impl.auth.AuthenticationToken"


@dataclass(frozen=True, slots=True)
class Guarded:
    """Where a guarded broker is, and the certificates to it."""

    url: str
    admin_url: str
    plain_url: str
    certificates: Certificates

    def settings(self, **access: object) -> Settings:
        """Return settings that lead to it, with what is to let us in."""
        return Settings(pulsar_url=self.url, pulsar_admin_url=self.admin_url, **access)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker with TLS that knows `daredevil` by token or certificate."""
    try:
        check_installed()
    except PulsarMissing as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("guarded")
    certificates = make_certificates(folder)
    port, admin_port = free_port(), free_port()
    settings = {
        "brokerServicePortTls": port,
        "webServicePortTls": admin_port,
        "tlsCertificateFilePath": certificates.broker,
        "tlsKeyFilePath": certificates.broker_key,
        "tlsTrustCertsFilePath": certificates.authority,
        "authenticationEnabled": "true",
        "authorizationEnabled": "true",
        "authenticationProviders": f"{TOKEN},{TLS}",
        "tokenSecretKey": f"data:;base64,{base64.b64encode(SECRET).decode()}",
        "superUserRoles": "daredevil,broker",
        "brokerClientAuthenticationPlugin": BROKER_CLIENT,
        "brokerClientAuthenticationParameters": f"token:{token_of('broker')}",
    }
    server = PulsarServer(folder, settings, token_of("daredevil"))
    server.begin()
    try:
        asyncio.run(server.ready())
        yield Guarded(
            f"pulsar+ssl://127.0.0.1:{port}", f"https://127.0.0.1:{admin_port}", server.admin_url, certificates
        )
    finally:
        server.end(signal.SIGKILL)


def with_certificate(certificates: Certificates) -> dict[str, str]:
    return {
        "pulsar_tls_ca_file": str(certificates.authority),
        "pulsar_tls_cert_file": str(certificates.client),
        "pulsar_tls_key_file": str(certificates.client_key),
    }


@pytest.mark.e2e
@pytest.mark.parametrize("by", ["token", "token in a file", "certificate"])
async def test_it_gets_in_by_token_or_certificate_over_tls(
    broker: NatsBroker, guarded: Guarded, tmp_path: Path, by: str
) -> None:
    access = with_certificate(guarded.certificates)
    if by != "certificate":
        (tmp_path / "token").write_text(token_of("daredevil") + "\n")
        token = f"file:{tmp_path / 'token'}" if by == "token in a file" else token_of("daredevil")
        access = {"pulsar_tls_ca_file": access["pulsar_tls_ca_file"], "pulsar_token": token}
    config = guarded.settings(**access)
    await asyncio.to_thread(delete_topics, config)
    await say_all(broker, conversation("s-1"))
    async with projecting(broker, config) as projector:
        await caught_up(broker, projector)
    assert len(await read_topic(config, CONVERSATION)) == len(conversation("s-1"))
    assert await verify(config, connection(broker)) == []


def delete_topics(settings: Settings) -> None:
    from projections.pulsar.admin import admin_api, provision
    from projections.pulsar.routing import PRODUCERS

    provision(settings)
    for topic in PRODUCERS:
        admin_api(settings).delete(f"/persistent/{topic.removeprefix('persistent://')}?force=true")


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            {"pulsar_token": token_of("daredevil", b"another secret, of 32 bytes or more, too")},
            "DAREDEVIL_PULSAR_TOKEN",
        ),
        ({"pulsar_token": token_of("somebody")}, "DAREDEVIL_PULSAR_TOKEN"),
        ({}, "DAREDEVIL_PULSAR_TOKEN"),
        ({"pulsar_tls_ca_file": ""}, "certificate verify failed"),
    ],
    ids=["forged", "of another", "none", "not trusted"],
)
async def test_whoever_is_not_let_in_waits_and_says_why(
    broker: NatsBroker, guarded: Guarded, wrong: dict[str, str], reason: str
) -> None:
    config = guarded.settings(**{"pulsar_tls_ca_file": str(guarded.certificates.authority), **wrong})
    async with projecting(broker, config) as projector:
        await until(lambda: projector.status().state == "waiting", within_s=20)
        assert reason in projector.status().reason


@pytest.mark.e2e
async def test_a_broker_of_another_name_is_not_trusted(guarded: Guarded) -> None:
    import pulsar

    access = with_certificate(guarded.certificates)
    config = guarded.settings(**access).model_copy(update={"pulsar_url": guarded.url.replace("127.0.0.1", "localhost")})
    client = connect(config)
    try:
        with pytest.raises(pulsar.PulsarException):
            await asyncio.to_thread(client.create_producer, CONVERSATION)
    finally:
        await asyncio.to_thread(client.shutdown)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    for setting in ("pulsar_tls_ca_file", "pulsar_tls_cert_file"):
        settings = Settings.model_validate({setting: nowhere})
        with pytest.raises(NoAccess, match=f"DAREDEVIL_{setting.upper()} names {nowhere}"):
            client_options(settings)
    settings = Settings(pulsar_token=f"file:{nowhere}", pulsar_admin_url="https://host")
    with pytest.raises(NoAccess, match=f"DAREDEVIL_PULSAR_TOKEN names {nowhere}"):
        admin_headers(settings)
    with pytest.raises(NoAccess, match="DAREDEVIL_PULSAR_TLS_CA_FILE"):
        admin_tls(settings.model_copy(update={"pulsar_tls_ca_file": nowhere}))


def test_a_renewed_token_is_taken_and_a_file_that_went_away_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    settings = Settings(pulsar_token=f"file:{path}")
    client_options(settings)
    assert admin_headers(settings) == {"Authorization": "Bearer first"}
    path.write_text("second\n")
    assert admin_headers(settings) == {"Authorization": "Bearer second"}
    path.write_text(" ")
    with pytest.raises(NoAccess, match="empty"):
        admin_headers(settings)


def test_without_settings_nothing_is_sent() -> None:
    plain = Settings()
    assert admin_headers(plain) == {}
    assert admin_tls(plain) is None
    assert "authentication" not in client_options(plain)
