"""Whose token it is, and which are none."""

import base64
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.web import user_tokens
from bridge.web.user_tokens import BadToken, KeysUnavailable, UserTokens
from infra.livekit.access import LiveKitAccess
from infra.livekit.tokens import join_token
from infra.settings import Settings
from tests.bridge.web.tokens import SECRET, ec_signer, ed_signer, rsa_signer, token

RSA, EC, ED = rsa_signer(), ec_signer(), ed_signer()


def secret(**changes: Any) -> UserTokens:
    return UserTokens(Settings(auth=SECRET, **changes))


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [RSA.jwk, EC.jwk, ED.jwk, {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, 7]}))
    return path


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


async def refusal(tokens: UserTokens, given: str) -> str:
    with pytest.raises(BadToken) as refused:
        await tokens.user_of(given)
    assert len(given) < 20 or given not in str(refused.value)
    return str(refused.value)


async def test_the_user_is_the_sub_of_a_token_signed_with_the_secret() -> None:
    assert await secret().user_of(token("sam")) == "sam"
    assert await secret().user_of(token("auth0|123", algorithm="HS512")) == "auth0|123"


async def test_a_livekit_token_is_one_too() -> None:
    access = LiveKitAccess("ws://x", "key", SECRET, "ws://x")
    made = join_token(access, "kitchen", "sam", timedelta(minutes=1))
    assert await secret(auth_issuer="key").user_of(made) == "sam"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 600}, "has expired"),
        ({"exp": None}, "has no `exp`"),
        ({"exp": "soon"}, "`exp` or `nbf` is no time"),
        ({"nbf": int(time.time()) + 86_400}, "not valid yet"),  # this is read long before the test runs
        ({"user_id": None}, "has no `sub`"),
        ({"user_id": ""}, "`sub` is empty"),
        ({"user_id": "sam\u0000"}, "`sub` cannot be taken"),
        ({"user_id": " sam"}, "`sub` cannot be taken"),
        ({"user_id": "anonymous"}, "not known"),
        ({"user_id": 7}, "`sub` is no text"),
        ({"user_id": ["sam"]}, "`sub` is no text"),
        ({"user_id": "sa\nm"}, "`sub` cannot be taken"),
        ({"jti": 7}, "`jti` is no text"),
        ({"iat": "soon"}, "`iat` is no time"),
        ({"exp": float("inf")}, "`exp` or `nbf` is no time"),
        ({"user_id": "x" * 257}, "`sub` cannot be taken"),
        ({"key": SECRET[:-1] + "8"}, "signature is wrong"),
    ],
)
async def test_what_is_wrong_with_a_token_is_reported(claims: dict[str, Any], reason: str) -> None:
    assert reason in await refusal(secret(), token(**claims))


async def test_clocks_may_differ_as_much_as_is_set() -> None:
    late = token(exp=int(time.time()) - 20)
    assert await secret().user_of(late) == "sam"
    assert "expired" in await refusal(secret(auth_leeway_s=0), late)


async def test_audience_and_issuer_count_where_they_are_set() -> None:
    assert await secret().user_of(token(aud="other", iss="other")) == "sam"
    ours = secret(auth_audience="daredevil, voice", auth_issuer="https://id.example")
    assert await ours.user_of(token(aud=["x", "voice"], iss="https://id.example")) == "sam"
    assert "audience" in await refusal(ours, token(aud="x", iss="https://id.example"))
    assert "`aud`" in await refusal(ours, token(iss="https://id.example"))
    assert "issuer" in await refusal(ours, token(aud="voice", iss="https://evil.example"))


def unsigned(user_id: str = "sam", algorithm: str = "none") -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, {"sub": user_id, "exp": int(time.time()) + 60})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", ""])
async def test_one_that_nobody_signed_is_refused(algorithm: str, jwks: Path) -> None:
    for tokens in (secret(), UserTokens(Settings(auth=f"file:{jwks}"))):
        await refusal(tokens, unsigned(algorithm=algorithm))


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()))
async def test_anything_else_is_no_token(text: str) -> None:
    assert await refusal(TOKENS, text)


TOKENS = secret()


@pytest.mark.parametrize("where", ["header", "payload"])
async def test_what_breaks_a_parser_is_no_token_either(where: str, jwks: Path) -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * 2_500 + b"]" * 2_500 + b"}").decode().rstrip("=")
    head, _, rest = token().partition(".")
    given = f"{deep}.{rest}" if where == "header" else f"{head}.{deep}.x"
    for tokens in (secret(), UserTokens(Settings(auth=f"file:{jwks}"))):
        await refusal(tokens, given)
        await refusal(tokens, "\ud800.\udfff.x")


async def test_keys_of_a_jwks_sign_with_their_own_algorithms(jwks: Path) -> None:
    tokens = UserTokens(Settings(auth=f"file:{jwks}"))
    for signer, algorithm in ((RSA, "RS256"), (RSA, "PS384"), (EC, "ES256"), (ED, "EdDSA")):
        assert await tokens.user_of(token("sam", signer.key, algorithm, signer.jwk["kid"])) == "sam"
    assert "does not have" in await refusal(tokens, token("sam", RSA.key, "RS256"))  # which one?
    assert "does not have" in await refusal(tokens, token("sam", RSA.key, "RS256", "other"))
    assert "signature" in await refusal(tokens, token("sam", rsa_signer().key, "RS256", "rsa"))
    assert "not allowed" in await refusal(tokens, token("sam", RSA.key, "RS256", "ec"))


async def test_a_public_key_is_no_shared_secret(jwks: Path) -> None:
    """Algorithm confusion: who has the public key must not be able to sign with it."""
    tokens = UserTokens(Settings(auth=f"file:{jwks}"))
    claims = {"sub": "sam", "exp": int(time.time()) + 60}
    for kid, key in (("rsa", RSA.pem), ("rsa", json.dumps(RSA.jwk).encode()), ("oct", b"secret"), ("", RSA.pem)):
        for algorithm in ("HS256", "HS512"):
            header = {"alg": algorithm, "typ": "JWT"} | ({"kid": kid} if kid else {})
            signer = jwt.get_algorithm_by_name(algorithm)
            parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
            signed = b".".join(parts)
            signature = base64.urlsafe_b64encode(signer.sign(signed, key)).rstrip(b"=")
            await refusal(tokens, b".".join([signed, signature]).decode())


async def test_a_key_that_is_new_is_looked_for_and_one_that_is_gone_is_not_taken(
    jwks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = UserTokens(Settings(auth=f"file:{jwks}"))
    assert await tokens.user_of(token("sam", RSA.key, "RS256", "rsa")) == "sam"
    new = ec_signer("new")
    rewrite(jwks, json.dumps({"keys": [new.jwk]}))
    assert "does not have" in await refusal(tokens, token("sam", new.key, "ES256", "new"))  # asked for a moment ago
    monkeypatch.setattr(user_tokens, "AGAIN_S", 0.0)
    assert await tokens.user_of(token("sam", new.key, "ES256", "new")) == "sam"
    assert "does not have" in await refusal(tokens, token("sam", RSA.key, "RS256", "rsa"))


async def test_keys_that_cannot_be_fetched_again_are_used_for_a_while(
    jwks: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = UserTokens(Settings(auth=f"file:{jwks}"))
    good = token("sam", RSA.key, "RS256", "rsa")
    assert await tokens.user_of(good) == "sam"
    rewrite(jwks, "{")
    for name in ("FRESH_S", "AGAIN_S"):
        monkeypatch.setattr(user_tokens, name, 0.0)
    assert await tokens.user_of(good) == "sam"
    assert "cannot be fetched" in caplog.text
    monkeypatch.setattr(user_tokens, "STALE_S", 0.0)
    with pytest.raises(KeysUnavailable):
        await tokens.user_of(good)


async def test_a_jwks_url_is_asked_once_and_not_for_every_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch_data(self: Any) -> dict[str, Any]:
        asked.append(self.uri)
        if len(asked) > 1:
            raise jwt.PyJWKClientConnectionError("away")
        return {"keys": [RSA.jwk]}

    monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", fetch_data)
    tokens = UserTokens(Settings(auth="https://id.example/jwks.json"))
    assert await tokens.user_of(token("sam", RSA.key, "RS256")) == "sam"
    for kid in ("made", "up"):
        await refusal(tokens, token("sam", RSA.key, "RS256", kid))
    assert asked == ["https://id.example/jwks.json"]


@pytest.mark.parametrize("auth", ["file:/nowhere/jwks.json", "https://", "  "])
def test_settings_that_cannot_be_are_refused(auth: str) -> None:
    with pytest.raises(ValueError, match="JWKS"):
        Settings(auth=auth)
