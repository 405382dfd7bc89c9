"""Users by their tokens: JWTs signed with a shared secret, or with a key of a JWKS."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jwt
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from bridge.text_input import checked_user_id
from infra.settings import Settings
from infra.settings_types import JWKS_SOURCES, items_of

log = logging.getLogger(__name__)

MAX_TOKEN_LENGTH = 8_192
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
KEY_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""The algorithms of a public key, by its `kty`: never those of a shared secret (algorithm confusion)."""

MALFORMED = (ValueError, TypeError, OverflowError, RecursionError)
"""What the libraries raise, besides their own errors, for something that is not a token."""

NOBODY = "anonymous"
"""The user about whom nothing is remembered."""

FRESH_S = 300.0
"""How long a JWKS is used without being fetched again."""
STALE_S = 86_400.0
"""How long it is still used when it cannot be fetched again."""
AGAIN_S = 10.0
"""Shortest time between two fetches: for a key that it does not have, or after a failure."""
FETCH_TIMEOUT_S = 5.0


class BadToken(ValueError):
    """The token is invalid; the message says why, and never contains the token."""


class KeysUnavailable(RuntimeError):
    """The keys for checking tokens cannot be fetched."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of a JWKS, and its algorithms."""

    key_id: str | None
    key: Any
    algorithms: tuple[str, ...]


class _Keys(Protocol):
    async def of(self, token: str) -> tuple[Any, Sequence[str]]:
        """Return the key of a token and the algorithms allowed for it. Raises BadToken, KeysUnavailable."""


class _Secret:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    async def of(self, token: str) -> tuple[Any, Sequence[str]]:
        return self._secret, SECRET_ALGORITHMS


class _KeySet:
    """The keys of a JWKS, from a URL or a file, kept for a while."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._keys: list[PublicKey] = []
        self._read_s = self._tried_s = -STALE_S
        self._reading = asyncio.Lock()

    async def of(self, token: str) -> tuple[Any, Sequence[str]]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.PyJWTError, *MALFORMED) as error:
            raise BadToken("it is no JWT") from error
        await self._renew(FRESH_S)
        key = self._key(kid)
        if key is None:
            await self._renew(AGAIN_S)  # it may have been created just now
            key = self._key(kid)
        if key is None:
            raise BadToken("it is signed with a key that the JWKS does not have")
        return key.key, key.algorithms

    def _key(self, kid: object) -> PublicKey | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == kid), None)

    async def _renew(self, older_than_s: float) -> None:
        async with self._reading:
            now_s = time.monotonic()
            if now_s - self._read_s < older_than_s:
                return
            if now_s - self._tried_s >= AGAIN_S:
                self._tried_s = now_s
                try:
                    self._keys = await asyncio.to_thread(_read, self._source)
                    self._read_s = time.monotonic()
                except (jwt.PyJWTError, OSError, ValueError) as error:
                    log.warning("the JWKS of DAREDEVIL_AUTH cannot be fetched: %s", error)
            if time.monotonic() - self._read_s > STALE_S:
                raise KeysUnavailable("tokens cannot be checked now: their keys cannot be fetched; try again shortly")


def _read(source: str) -> list[PublicKey]:
    """Return the public signing keys of a JWKS, without those that we cannot use."""
    if source.startswith("file:"):
        data = json.loads(Path(source.removeprefix("file:")).read_text())
    else:
        data = PyJWKClient(source, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S).fetch_data()
    if not isinstance(data, dict) or not isinstance(data.get("keys"), list):
        raise ValueError("it is not a JWKS: expected an object with `keys`")
    return [key for fields in data["keys"] if isinstance(fields, dict) and (key := _public_key(fields)) is not None]


def _public_key(fields: dict[str, Any]) -> PublicKey | None:
    possible = KEY_ALGORITHMS.get(str(fields.get("kty")))
    if possible is None or fields.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK.from_dict(fields)
    except jwt.PyJWTError as error:
        log.warning("a key of the JWKS cannot be used: %s", error)
        return None
    is_any = "alg" not in fields and fields["kty"] == "RSA"
    algorithms = possible if is_any else tuple(name for name in possible if name == key.algorithm_name)
    return PublicKey(key.key_id, key.key, algorithms)


class UserTokens:
    """Checks tokens as the settings say, and returns whose they are."""

    def __init__(self, settings: Settings) -> None:
        source = settings.auth
        self._keys: _Keys = _KeySet(source) if source.startswith(JWKS_SOURCES) else _Secret(source)
        self._issuer = settings.auth_issuer or None
        self._audience = items_of(settings.auth_audience) or None
        self._leeway_s = settings.auth_leeway_s

    async def user_of(self, token: str) -> str:
        """Return the user (`sub`) of a token. Raises BadToken, KeysUnavailable."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise BadToken("it is too long")
        key, algorithms = await self._keys.of(token)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(algorithms),
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
        except jwt.PyJWTError as error:
            raise BadToken(_reason(error)) from error
        except MALFORMED as error:
            raise BadToken("it is no JWT") from error
        return _checked_user(claims["sub"])


def _checked_user(user_id: str) -> str:
    """Return the user id unchanged. Raises BadToken."""
    if not user_id:
        raise BadToken("its `sub` is empty")
    try:
        checked_user_id(user_id)
    except ValueError as error:
        raise BadToken(f"its `sub` cannot be taken: {error}") from error
    if user_id == NOBODY:
        raise BadToken(f"its `sub` is {NOBODY}, which stands for those who are not known")
    return user_id


_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "it has expired: get a new one",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience (DAREDEVIL_AUTH_AUDIENCE)",
    jwt.InvalidIssuerError: "it is of another issuer (DAREDEVIL_AUTH_ISSUER)",
    jwt.InvalidAlgorithmError: "it is signed in a way that is not allowed here",
    jwt.InvalidSignatureError: "its signature is wrong",
    jwt.InvalidIssuedAtError: "its `iat` is no time",
    InvalidSubjectError: "its `sub` is no text",
    InvalidJTIError: "its `jti` is no text",
}


def _reason(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it has no `{error.claim}`"
    if type(error) is jwt.DecodeError and "must be an integer" in str(error):
        return "its `exp` or `nbf` is no time"
    return _REASONS.get(type(error), "it is no JWT")
