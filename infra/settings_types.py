"""Types of settings whose text is checked: URLs, engines, networks, secrets. Each refusal says what to write."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from infra.shares import shares_of
from infra.time_zones import checked_zone

JWKS_SOURCES = ("https://", "http://", "file:")
"""Prefixes with which DAREDEVIL_AUTH names a JWKS; anything else is a shared secret."""

SHORT_SECRET_BYTES = 32
"""A shorter secret can be found by brute force (RFC 7518, 3.2)."""

_CLASS = r"\w+(\.\w+)*:\w+"
_PLUGIN = r"[\w-]+\.\w+"
_MODEL = r"[\w-]+:\S+"


def items_of(text: str) -> list[str]:
    """Return the comma-separated items of a setting."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Return whether a text is a URL with one of these schemes and a host, or several hosts separated by commas."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in schemes or re.search(r"\s", text):
        return False
    try:
        hosts = [urlsplit(f"//{host}") for host in urlsplit(text).netloc.rpartition("@")[2].split(",")]
        return all(host.hostname and host.port != 0 for host in hosts)
    except ValueError:  # a port that is no number, brackets that do not close
        return False


def _url(refusal: str, *schemes: str) -> AfterValidator:
    """Return the check that a text is empty or such a URL."""

    def check(text: str) -> str:
        if text and not _is_url(text, schemes):
            raise ValueError(refusal)
        return text

    return AfterValidator(check)


LiveKitUrl = Annotated[
    str,
    _url(
        "is not the URL of a LiveKit server: write `wss://host`, or `ws://host:7880` for one without TLS",
        *("wss", "ws", "https", "http"),
    ),
]
HttpUrl = Annotated[str, _url("is not a URL: write `https://host/path` or `http://host:port/path`", "https", "http")]
PulsarUrl = Annotated[
    str,
    _url(
        "is not the URL of a Pulsar broker: write `pulsar://host:6650` or `pulsar+ssl://host:6651`",
        *("pulsar", "pulsar+ssl"),
    ),
]


def _http_urls(text: str) -> str:
    """Return the text if it is empty or has URLs separated by commas. Raises ValueError."""
    if not all(_is_url(each, ("https", "http")) for each in items_of(text)):
        raise ValueError("is not a URL: write `http://host:port`, or several separated by commas")
    return text


def _nats_url(text: str) -> str:
    """Return the text if it is empty or names NATS servers, with or without `nats://`. Raises ValueError."""
    for server in items_of(text):
        if not _is_url(server if "://" in server else f"nats://{server}", ("nats", "tls", "ws", "wss")):
            raise ValueError(
                "is not the URL of a NATS server: write `nats://host:4222`, or several separated by commas; in a "
                "password write / as %2F, @ as %40, # as %23, or set DAREDEVIL_NATS_PASSWORD"
            )
    return text


def _postgres_url(text: str) -> str:
    """Return the text if it is empty, `off`, a Postgres URL or a `key=value` connection string. Raises ValueError."""
    if text not in ("", "off") and "=" not in text and not _is_url(text, ("postgresql", "postgres")):
        raise ValueError("is not the URL of a Postgres: write `postgresql://user:password@host/database`, or `off`")
    return text


def _networks(text: str) -> str:
    """Return the text if it lists IP addresses and networks. Raises ValueError."""
    for item in items_of(text):
        try:
            ip_network(item)
        except ValueError as error:
            raise ValueError(f"must be a list of IP addresses or networks such as 10.0.0.0/8: {error}") from error
    return text


def _origins(text: str) -> str:
    """Return the text if it lists web origins, or is `*`. Raises ValueError."""
    for item in items_of(text):
        if item != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s?#@]+", item, re.IGNORECASE):
            raise ValueError(
                f"must be a list of origins, without a path or a slash at the end, such as https://app.example.org, "
                f"or `*`: {item!r} is none"
            )
    return text


def _engines(kind: str, forms: str, *patterns: str) -> Callable[[str], str]:
    """Return the check that a text is a chain of engines: `local`, or names that match one of the patterns.

    It may be empty if one of them is.
    """

    def check(text: str) -> str:
        names = items_of(text)
        known = ("local", *patterns)
        wrong = next((name for name in names if not any(re.fullmatch(each, name) for each in known)), "")
        if wrong or (not names and "" not in patterns):
            which = f"{wrong!r} " if len(names) > 1 else ""
            raise ValueError(f"{which}names no {kind}: write {forms}")
        return text

    return check


def _shared(check: Callable[[str], str]) -> AfterValidator:
    """Return the check that a text is such a chain, or shares of sessions that have one each."""

    def check_each(text: str) -> str:
        if "%" not in text:
            return check(text)
        for share in shares_of(text):
            check(share.chain)
        return text

    return AfterValidator(check_each)


LlmChain = Annotated[
    str,
    _shared(_engines("language model", "`local`, `provider:model` or `package.module:Class`", _MODEL, _CLASS)),
]
SttChain = Annotated[
    str,
    _shared(
        _engines("speech to text", "`local`, `plugin.STT` such as `deepgram.STT`, or `module:Class`", _PLUGIN, _CLASS)
    ),
]
TtsChain = Annotated[
    str,
    _shared(
        _engines("text to speech", "`local`, `plugin.TTS` such as `cartesia.TTS`, or `module:Class`", _PLUGIN, _CLASS)
    ),
]
EndOfTurnModel = Annotated[str, AfterValidator(_engines("end-of-turn model", "`local` or `module:Class`", _CLASS))]
EmbeddingModel = Annotated[
    str, AfterValidator(_engines("embedding", "`local`, `provider:model`, or `off`", _MODEL, "off", ""))
]


def _auth_source(text: str) -> str:
    """Return the text if it is a long enough secret, or names a JWKS. Raises ValueError."""
    if text.startswith(("https://", "http://")):
        if not urlsplit(text).hostname:
            raise ValueError("is not the URL of a JWKS: write `https://host/path`")
    elif text.startswith("file:") and not Path(text.removeprefix("file:")).is_file():
        raise ValueError("names a file that does not exist: write `file:` and the path of a JWKS")
    elif text and not text.strip():
        raise ValueError("is blank: write a secret, or where the JWKS is")
    elif text and not text.startswith(JWKS_SOURCES) and len(text.encode()) < SHORT_SECRET_BYTES:
        raise ValueError(
            f"is a secret of under {SHORT_SECRET_BYTES} bytes, which can be guessed: `openssl rand -hex 32` makes one"
        )
    return text


HttpUrls = Annotated[str, AfterValidator(_http_urls)]
NatsUrl = Annotated[str, AfterValidator(_nats_url)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
Networks = Annotated[str, AfterValidator(_networks)]
Origins = Annotated[str, AfterValidator(_origins)]
TimeZone = Annotated[str, AfterValidator(checked_zone)]
AuthSource = Annotated[str, AfterValidator(_auth_source)]
OptionalPort = Annotated[int | None, BeforeValidator(lambda given: None if given == "" else given)]
OptionalShare = Annotated[float | None, BeforeValidator(lambda given: None if given == "" else given)]
