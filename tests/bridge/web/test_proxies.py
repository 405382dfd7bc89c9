"""Whom a request is from: proxies are believed only where the settings name them."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Scope

from bridge.web.addresses import Buckets, network_of
from bridge.web.proxies import Proxies, is_local, proxies_of
from infra.settings import Settings

Header = Literal["x-forwarded-for", "forwarded"]
HEADERS: tuple[Header, ...] = ("x-forwarded-for", "forwarded")


def client(peer: str, header: Header = "x-forwarded-for", trusted: str = "10.0.0.0/8, ::1", **headers: str) -> str:
    proxies = proxies_of(Settings(trusted_proxies=trusted, proxy_header=header))
    return proxies.client_of(peer, Headers({name.replace("_", "-"): value for name, value in headers.items()}))[0]


@pytest.mark.parametrize("peer", ["203.0.113.7", "127.0.0.1", "::1", "fe80::1%eth0", ""])
@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded"])
def test_by_default_nobody_is_believed_about_somebody_else(peer: str, name: str) -> None:
    for header in HEADERS:
        assert client(peer, header, trusted="", **{name: "for=198.51.100.1, 198.51.100.1"}) == peer


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the first is made up by the client
        ("1.2.3.4, 198.51.100.1, 10.3.2.1", "198.51.100.1"),  # through two of ours
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("198.51.100.1, <script>", "10.0.0.1"),
        ("198.51.100.1,", "10.0.0.1"),
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
    ],
)
def test_a_trusted_proxy_is_believed_about_the_last_it_did_not_know(said: str, right: str) -> None:
    assert client("10.0.0.1", x_forwarded_for=said) == right


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('for=1.2.3.4, For="198.51.100.1:80";proto=https;by=10.0.0.1', "198.51.100.1"),
        ('for="[2001:db8::7]:4711"', "2001:db8::7"),
        ('for=198.51.100.1, for="_hidden, really"', "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_where_it_is_the_header_of_the_settings(said: str, right: str) -> None:
    assert client("10.0.0.1", "forwarded", forwarded=said, x_forwarded_for="6.6.6.6") == right
    assert client("10.0.0.1", forwarded=said, x_forwarded_for="6.6.6.6") == "6.6.6.6"


BELIEVED = [proxies_of(Settings(trusted_proxies="10.0.0.1", proxy_header=header)) for header in HEADERS]


@given(st.binary(max_size=60), st.sampled_from(BELIEVED))
def test_any_header_gives_an_address(said: bytes, proxies: Proxies) -> None:
    headers = Headers(raw=[(header.encode(), said) for header in HEADERS])
    assert proxies.client_of("10.0.0.1", headers)[0]


def local(peer: str, **headers: str) -> bool:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "client": (peer, 1), "headers": raw}
    return is_local(scope)


def test_who_is_on_this_machine() -> None:
    assert local("127.0.0.1", host="localhost:8030")
    assert local("::1", host="[::1]:8030")
    assert local("::ffff:127.0.0.1", host="127.0.0.1")
    assert not local("192.168.1.5", host="localhost:8030")
    assert not local("127.0.0.1", host="evil.example:8030")  # DNS rebinding
    assert not local("127.0.0.1", host="localhost:8030", x_forwarded_for="127.0.0.1")  # through a proxy
    assert not local("127.0.0.1", host="localhost:8030", forwarded="for=127.0.0.1")
    assert not local("127.0.0.1", host="[localhost")
    assert not local("127.0.0.1")


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1:2:3") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("somewhere") == "somewhere"


def test_each_client_has_a_bucket_of_its_own() -> None:
    now = 0.0
    buckets = Buckets(1, 2, lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.take("b")
    now = 1.0
    assert buckets.take("a")
    assert buckets.wait_s == 1


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "proxy", "10.0.0.0/33", "10.0.0.1 10.0.0.2"])
def test_networks_that_are_none_are_refused_by_name(networks: str) -> None:
    with pytest.raises(ValueError, match="networks such as"):
        Settings(trusted_proxies=networks)
