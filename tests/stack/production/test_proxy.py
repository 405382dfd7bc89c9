"""Traefik in front of the doors: TLS, names, and whom the doors believe to be talking to."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from infra.caller import place_call
from tests.e2e.conftest import DATA
from tests.stack.production.files import DOMAIN, ProductionFiles
from tests.stack.stack import Stack, needs
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(1200)]


@asynccontextmanager
async def trusting_client(production: Stack, files: ProductionFiles) -> AsyncIterator[httpx.AsyncClient]:
    """A client that trusts the proxy's certificate, once the proxy finds the doors."""
    await needs("traefik")
    await production.compose("up", "-d", "--no-deps", "traefik")
    await production.healthy(["traefik"])
    trusting = ssl.create_default_context(cafile=files.certificate)
    # No connection is used twice, so that each request names its host in a handshake of its own.
    alone = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=files.https_url, verify=trusting, limits=alone, timeout=150) as http:

        async def finds_the_doors() -> bool:
            return (await http.get("/healthz")).status_code == 200

        await until_async(finds_the_doors, 60, "the proxy reaches the door")
        yield http


async def test_a_call_and_text_go_through_the_proxy_with_tls(
    production: Stack, files: ProductionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = files.token
    async with trusting_client(production, files) as http:
        api = {"Host": f"api.{DOMAIN}", "Authorization": f"Bearer {who}"}
        names = {"sni_hostname": f"api.{DOMAIN}"}
        answer = await http.post("/chat", json={"text": "Hello?"}, headers=api, extensions=names)
        assert answer.status_code == 200, answer.text
        assert answer.headers["strict-transport-security"]
        refused = await http.post("/chat", json={"text": "Hello?"}, headers={"Host": api["Host"]}, extensions=names)
        assert refused.status_code == 401
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
    result = await place_call(files.https_url, [DATA / "hello.wav"], token=who, answer_timeout_s=150)
    [turn] = result.turns
    assert turn.heard_text


async def test_the_proxy_answers_for_its_own_names_and_by_tls_only(production: Stack, files: ProductionFiles) -> None:
    async with trusting_client(production, files) as http:
        other = {"Host": f"other.{DOMAIN}"}
        assert (await http.get("/", headers=other)).status_code == 404
        with pytest.raises(httpx.ConnectError):  # no certificate for it: `sniStrict`
            await http.get("/", headers=other, extensions={"sni_hostname": f"other.{DOMAIN}"})
    async with httpx.AsyncClient() as plain:
        answer = await plain.get(f"http://{DOMAIN}:{files.http_port}/")
        assert answer.status_code in (301, 308)
        assert answer.headers["location"].startswith(f"https://{DOMAIN}")
