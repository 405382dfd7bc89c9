"""Secrets with which a client goes on with its session: knowing the session's id is not enough.

A token is given once, to the client that opens the session. The log keeps its digest (`SessionOpened.resume_digest`),
so that any door can check a token after the one that made it has died, and nobody who reads the log can make one up.
"""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 24
"""192 random bits: a plain digest of them can be neither inverted nor guessed, so it needs no salt."""

MAX_TOKEN_LENGTH = 128
"""Characters of a token that is looked at; ours have 32."""


def new_token() -> str:
    """Return a new secret: 32 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """Return what the log keeps of a token: its SHA-256, 64 hexadecimal characters."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def matches(token: str, token_digest: str) -> bool:
    """Tell, in constant time, whether this is the token of the digest; a session without a digest has none."""
    if not token_digest or not 0 < len(token) <= MAX_TOKEN_LENGTH:
        return False
    return hmac.compare_digest(digest(token), token_digest)
