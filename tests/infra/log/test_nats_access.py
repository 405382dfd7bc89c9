"""Processes prove who they are to real servers, and are told in words why one does not let them in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import example
from hypothesis import given as drawn
from hypothesis import strategies as st
from nats.aio.client import Client

from infra.log.broker import make_broker
from infra.log.connection import asking, connection, round_trip
from infra.log.nats_access import AccessClient, BadNatsAccess, access_of, connect
from infra.log.nats_reach import NatsRefuses, connect_once, wait_for_nats
from infra.log.nats_users import password_of, with_passwords, write_users
from infra.log.nkeys import BadSeed, UserKey
from infra.settings import BadSettings, Settings, settings
from tests.infra.cli.command import cli_beside
from tests.infra.log.nats_secrets import Operator, certificates
from tests.infra.log.nats_words import nats_problem
from tests.servers import NatsServer

# Of the documentation of NATS: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    # Without an address what the settings say is for no server.
    monkeypatch.setenv("DAREDEVIL_NATS_URL", "nats://127.0.0.1:1")
    yield monkeypatch
    settings.cache_clear()


def give(given: pytest.MonkeyPatch, **values: object) -> None:
    """Set settings that begin with `nats_`."""
    for name, value in values.items():
        given.setenv(f"DAREDEVIL_NATS_{name.upper()}", str(value))
    settings.cache_clear()


@asynccontextmanager
async def server_with(folder: Path, lines: str) -> AsyncIterator[NatsServer]:
    """Run a server with further lines of configuration."""
    server = NatsServer(folder, more=lines)
    await server.start()
    try:
        yield server
    finally:
        server.kill()


async def works(url: str) -> None:
    """A command and a process connect, and what the process publishes arrives."""
    settings.cache_clear()
    assert await nats_problem(url) == ""
    nc = await connect_once(url)
    broker = make_broker("synthesis")
    await broker.connect()
    try:
        heard = await nc.subscribe("hello")
        await round_trip(nc)
        await connection(broker).publish("hello", b"there")
        assert (await heard.next_msg(5)).data == b"there"
    finally:
        await nc.close()
        await broker.stop()


def test_a_key_is_read_and_written_as_nats_does() -> None:
    key = UserKey.of_seed(SEED)
    assert (key.public, key.seed) == (PUBLIC, SEED)
    again = UserKey.generated()
    assert UserKey.of_seed(again.seed).public == again.public


@pytest.mark.parametrize("text", ["", "SU", SEED[:-1], SEED[:-1] + "A", PUBLIC, "SAA" + SEED[3:], "ß"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(BadSeed):
        UserKey.of_seed(text)


async def test_a_user_and_its_password_in_settings_or_url(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    async with server_with(tmp_path, 'authorization { user: sam, password: "pass, word" }\n') as server:
        give(given, url=server.url)
        assert "lets nobody in without credentials: set DAREDEVIL_NATS_USER" in await nats_problem(server.url)
        give(given, user="sam", password="wrong")
        refused = await nats_problem(server.url)
        assert "refuses DAREDEVIL_NATS_USER=sam and its password" in refused
        assert "wrong" not in refused
        with pytest.raises(NatsRefuses, match="refuses DAREDEVIL_NATS_USER=sam"):
            await asyncio.wait_for(wait_for_nats(server.url, asyncio.Event()), 10)
        give(given, password="pass, word")
        await works(server.url)
    async with server_with(tmp_path / "two", "authorization { user: sam, password: secret }\n") as server:
        assert "DAREDEVIL_NATS_URL" in await nats_problem(server.url.replace("//", "//sam:other@"))
        give(given, url=server.url.replace("//", "//sam:secret@"))
        await works(settings().nats_url)


async def test_a_token(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    async with server_with(tmp_path, "authorization { token: s3cret }\n") as server:
        give(given, url=server.url, token="other")
        assert "refuses DAREDEVIL_NATS_TOKEN" in await nats_problem(server.url)
        give(given, token="s3cret")
        await works(server.url)


async def test_a_key_of_its_own_for_each_process(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    keys = {name: UserKey.generated() for name in ("operator", "synthesis")}
    for name, key in keys.items():
        (tmp_path / f"{name}.nk").write_text(key.seed + "\n")
    users = ", ".join(f"{{nkey: {key.public}}}" for key in keys.values())
    async with server_with(tmp_path / "nats", f"authorization {{ users: [{users}] }}\n") as server:
        give(given, url=server.url, nkey_file=tmp_path / "{process}.nk")
        await works(server.url)
        (tmp_path / "operator.nk").write_text(UserKey.generated().seed)
        assert f"refuses the key of {tmp_path}/operator.nk" in await nats_problem(server.url)


@pytest.mark.parametrize("by", ["keys", "passwords"])
async def test_a_second_user_asks_jetstream_and_its_connection_closes_with_the_first(
    tmp_path: Path, given: pytest.MonkeyPatch, by: str
) -> None:
    users = write_users(tmp_path / "keys").read_text() if by == "keys" else with_passwords("secret")
    async with server_with(tmp_path / "nats", users) as server:
        if by == "keys":
            give(given, url=server.url, nkey_file=tmp_path / "keys" / "{process}.nk")
        else:
            url = server.url.replace("//", f"//synthesis:{password_of('synthesis', 'secret')}@")
            give(given, url=url, jetstream_user="synthesis-jetstream")
        nc = await connect(settings().nats_url, "synthesis", settings())
        assert asking(nc) is not nc
        assert (await nc.jetstream().account_info()).streams == 0
        await nc.drain()
        assert asking(nc).is_closed


async def test_a_second_user_that_is_refused_leaves_no_connection(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    async with server_with(tmp_path, with_passwords("secret")) as server:
        url = server.url.replace("//", f"//synthesis:{password_of('synthesis', 'secret')}@")
        give(given, url=url, jetstream_user="nobody")
        with pytest.raises(NatsRefuses, match="DAREDEVIL_NATS_JETSTREAM_USER"):
            await wait_for_nats(url, asyncio.Event(), "synthesis")


async def test_a_command_where_only_a_process_has_its_key_says_where_to_run_it(
    tmp_path: Path, given: pytest.MonkeyPatch
) -> None:
    (tmp_path / "synthesis.nk").write_text(UserKey.generated().seed)
    give(given, url="nats://127.0.0.1:1", nkey_file=tmp_path / "{process}.nk")
    for command in (["sessions"], ["health"], ["events", "s-1"], ["doctor"]):
        code, said, wrong = await cli_beside(*command)
        assert code != 0
        assert f"{tmp_path}/operator.nk is not here, and commands connect as `operator`" in said + wrong
        assert "docker compose run --rm provision daredevil …" in said + wrong
        assert "--jetstream" not in said + wrong


async def test_credentials_with_a_jwt(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    operator, file = Operator.new(), tmp_path / "daredevil.creds"
    async with server_with(tmp_path / "nats", operator.server_lines()) as server:
        give(given, url=server.url, creds_file=file)
        file.write_text(Operator.new().creds())
        assert f"refuses the credentials of {file}" in await nats_problem(server.url)
        file.write_text(operator.creds(expires_in_s=-1))
        with pytest.raises(BadNatsAccess, match=r"expired at 20.* issue a new one"):
            await connect_once(server.url)
        file.write_text(operator.creds())
        await works(server.url)


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    for name in ("ours", "theirs"):
        certificates(tmp_path, name)
    tls = f'tls {{ cert_file: "{tmp_path}/ours-cert.pem", key_file: "{tmp_path}/ours-key.pem" }}\n'
    async with server_with(tmp_path / "nats", tls) as server:
        give(given, url=server.url)
        assert "authority unknown here" in await nats_problem(server.url)
        with pytest.raises(NatsRefuses, match="set DAREDEVIL_NATS_TLS_CA_FILE"):
            await asyncio.wait_for(wait_for_nats(server.url, asyncio.Event()), 10)
        give(given, tls_ca_file=tmp_path / "theirs-ca.pem")
        assert "DAREDEVIL_NATS_TLS_CA_FILE has another one" in await nats_problem(server.url)
        give(given, tls_ca_file=tmp_path / "ours-ca.pem")
        assert "another name" in await nats_problem(server.url.replace("127.0.0.1", "localhost"))
        await works(server.url)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_the_end_of_a_connection_with_tls_is_no_warning_of_asyncio(
    tmp_path: Path, given: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_refused: bool
) -> None:
    certificates(tmp_path)
    lines = f'tls {{ cert_file: "{tmp_path}/ours-cert.pem", key_file: "{tmp_path}/ours-key.pem" }}\n'
    lines += "authorization { user: sam, password: secret }\n"
    lost = asyncio.Event()

    async def told() -> None:
        lost.set()

    async with server_with(tmp_path / "nats", lines) as server:
        give(given, user="sam", password="wrong" if is_refused else "secret", tls_ca_file=tmp_path / "ours-ca.pem")
        if is_refused:
            assert "it refuses" in await nats_problem(server.url)
        else:
            nc = await connect(server.url, "synthesis", settings(), disconnected_cb=told, max_reconnect_attempts=1)
            await round_trip(nc)
            await server.stop()
            await asyncio.wait_for(lost.wait(), 10)
            await nc.close()
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []


async def test_a_certificate_that_has_expired(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    certificates(tmp_path, days=-1)
    tls = f'tls {{ cert_file: "{tmp_path}/ours-cert.pem", key_file: "{tmp_path}/ours-key.pem" }}\n'
    async with server_with(tmp_path / "nats", tls) as server:
        give(given, url=server.url, tls_ca_file=tmp_path / "ours-ca.pem")
        assert "not valid now" in await nats_problem(server.url)


async def test_a_server_that_wants_a_certificate_of_its_clients(tmp_path: Path, given: pytest.MonkeyPatch) -> None:
    for name in ("ours", "theirs"):
        certificates(tmp_path, name)
    files = {f"{kind}_file": f"{tmp_path}/ours-{kind}.pem" for kind in ("cert", "key", "ca")}
    named = ", ".join(f'{name}: "{path}"' for name, path in files.items())
    tls = f"tls {{ {named}, verify: true }}\n"
    async with server_with(tmp_path / "nats", tls) as server:
        give(given, url=server.url, tls_ca_file=files["ca_file"])
        assert "DAREDEVIL_NATS_TLS_CERT_FILE" in await nats_problem(server.url)
        give(given, tls_cert_file=f"{tmp_path}/theirs-cert.pem", tls_key_file=f"{tmp_path}/theirs-key.pem")
        assert "DAREDEVIL_NATS_TLS_CERT_FILE" in await nats_problem(server.url)
        give(given, tls_cert_file=files["cert_file"], tls_key_file=files["key_file"])
        await works(server.url)


async def test_no_password_goes_to_a_server_without_tls_where_tls_is_wanted(
    tmp_path: Path, given: pytest.MonkeyPatch
) -> None:
    certificates(tmp_path)
    async with server_with(tmp_path / "nats", "trace: true\nauthorization { user: sam, password: secret }\n") as server:
        give(given, url=server.url, user="sam", password="secret", tls_ca_file=tmp_path / "ours-ca.pem")
        assert "offers no TLS" in await nats_problem(server.url)
        given.delenv("DAREDEVIL_NATS_TLS_CA_FILE")
        settings.cache_clear()
        assert "offers no TLS" in await nats_problem(server.url.replace("nats://", "tls://"))
        assert "CONNECT" not in server.log()
        await works(server.url)
        assert "CONNECT" in server.log()


@pytest.mark.parametrize(
    ("setting", "text", "said"),
    [
        ("nkey_file", None, "cannot be read (No such file"),
        ("nkey_file", "no seed", "has no seed of a user's key"),
        ("creds_file", None, "cannot be read (No such file"),
        ("creds_file", "-----BEGIN NATS USER JWT-----\n", "has no JWT with its seed"),
        ("tls_ca_file", None, "cannot be read (No such file"),
        ("tls_ca_file", "no certificate", "has no certificate in PEM"),
        ("tls_cert_file", "no certificate", "do not fit together"),
        ("tls_cert_file", "-----BEGIN CERTIFICATE-----\n", "has no private key: set DAREDEVIL_NATS_TLS_KEY_FILE"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, setting: str, text: str | None, said: str) -> None:
    file = tmp_path / "file"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadNatsAccess) as refused:
        access_of(Settings(nats_url="nats://host", **{f"nats_{setting}": str(file)}), "nats://host")  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert f"DAREDEVIL_NATS_{setting.upper()}: {file}" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "missing"), [("user", "PASSWORD"), ("password", "USER"), ("tls_key_file", "CERT_FILE")]
)
def test_half_a_secret_is_no_setting(given: pytest.MonkeyPatch, name: str, missing: str) -> None:
    give(given, **{name: "sam"})
    with pytest.raises(BadSettings, match=rf"DAREDEVIL_NATS_{name.upper()} is of no use without \S+{missing}"):
        settings()


KNOWN = [b"Name: value", b"N\xc3\xa4me:x", b"a b: c", b":", b"n:\t v "]
LINES = st.lists(st.binary(max_size=20) | st.sampled_from(KNOWN))


@example([b"Nats-Sequence: 7", b"a:b:c", b"\tx: \xa0y\xc2\xa0", b"b:1\nc:2"])
@drawn(LINES)
def test_headers_are_read_as_nats_py_reads_them(lines: list[bytes]) -> None:
    raw = b"\r\n".join(lines)
    assert AccessClient._parse_header_lines(raw) == Client._parse_header_lines(raw)
