"""Secrets with which a client resumes its session: knowing the session's id is not enough.

A token is issued once, to the client that opens the session. The log keeps its digest (`SessionOpened.resume_digest`),
so that any door can check a token after the one that issued it has died, and a reader of the log cannot forge one.
"""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 24
"""192 random bits: their plain digest can be neither inverted nor guessed, so it needs no salt."""

MAX_TOKEN_LENGTH = 128
"""Longest token that is checked, in characters; ours have 32."""


def new_token() -> str:
    """Return a new secret: 32 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """Return what the log keeps of a token: its SHA-256, 64 hexadecimal characters."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def matches(token: str, token_digest: str) -> bool:
    """Return, in constant time, whether this is the token of the digest; a session without a digest has none."""
    if not token_digest or not 0 < len(token) <= MAX_TOKEN_LENGTH:
        return False
    return hmac.compare_digest(digest(token), token_digest)
